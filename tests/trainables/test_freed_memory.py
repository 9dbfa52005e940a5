"""What a step has freed stays with the process, in large pages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainables.freed_memory import SWITCH, keep_freed_memory

THP = Path("/sys/kernel/mm/transparent_hugepage/enabled")
ALLOCATORS = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")  # what else tells a process how to allocate
STEPS = 10  # the heap settles in the first four: a block is reused only where it lies between others as it needs to
PROCESS = f"""
import ctypes, resource, sys, torch
from trainables.freed_memory import keep_freed_memory

if sys.argv[2] == "small pages":  # so that a fault is 4 KiB, whatever the kernel has left of large ones
    PR_SET_THP_DISABLE = 41
    ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

resident_before = resident()
if sys.argv[1] == "kept":
    assert keep_freed_memory("kind")
faults = []
for _ in range({STEPS}):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    tensors = [torch.ones(3 * 2**22) for _ in range(4)]  # of 48 MiB each
    del tensors
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
lines = open("/proc/self/smaps").read().splitlines()
if sys.argv[1] == "kept":
    assert keep_freed_memory("kind") and resident() > resident_before + 3 * 48 * 2**20  # which nobody uses
    assert keep_freed_memory("other kind") and resident() < resident_before + 48 * 2**20
print(faults[-1], sum(line.startswith("VmFlags") and " hg" in line for line in lines))
"""

glibc = pytest.mark.skipif(
    not sys.platform.startswith("linux") or "glibc" not in str(os.confstr_names and os.confstr("CS_GNU_LIBC_VERSION")),
    reason="glibc's allocator alone is told",
)


def run(memory: str, pages: str) -> tuple[int, int]:
    """Page faults of the last step, and how many mappings are advised to have huge pages."""
    command, root = [sys.executable, "-c", PROCESS, memory, pages], Path(__file__).parents[2]
    own = {name: value for name, value in os.environ.items() if not name.startswith(ALLOCATORS)}
    environment = own | {SWITCH: "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root, env=environment)
    faults, advised = done.stdout.split()
    return int(faults), int(advised)


@glibc
def test_a_step_faults_in_nothing_that_earlier_ones_freed() -> None:
    pages = 4 * 48 * 2**20 // os.sysconf("SC_PAGE_SIZE")
    assert run("as usual", "small pages")[0] > pages / 2  # else there is nothing to gain
    assert run("kept", "small pages")[0] < pages / 100


@glibc
@pytest.mark.skipif(not THP.exists(), reason="this kernel knows no transparent huge pages")
def test_the_heap_is_advised_to_have_huge_pages() -> None:
    assert run("as usual", "any pages")[1] == 0
    assert run("kept", "any pages")[1] >= 1


def test_other_platforms_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory("kind")


def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "0")
    assert not keep_freed_memory("kind")
