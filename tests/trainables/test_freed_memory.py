"""What a step has freed stays with the process, in large pages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainables.freed_memory import SWITCH, keep_freed_memory

THP = Path("/sys/kernel/mm/transparent_hugepage/enabled")
STEPS = """
import resource, sys, torch
from trainables.freed_memory import keep_freed_memory

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

resident_before = resident()
if sys.argv[1] == "kept":
    assert keep_freed_memory("kind")
faults = []
for _ in range(3):
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


def run(what: str) -> tuple[int, int]:
    """Page faults of the third step, and how many mappings are advised to have huge pages."""
    command, environment = [sys.executable, "-c", STEPS, what], os.environ | {SWITCH: "1"}
    root = Path(__file__).parents[2]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root, env=environment)
    faults, advised = done.stdout.split()
    return int(faults), int(advised)


@glibc
def test_a_step_faults_in_nothing_that_an_earlier_one_freed() -> None:
    pages = 4 * 48 * 2**20 // os.sysconf("SC_PAGE_SIZE")
    assert run("as usual")[0] > pages / 2  # else there is nothing to gain
    assert run("kept")[0] < pages / 100


@glibc
@pytest.mark.skipif(not THP.exists(), reason="this kernel knows no transparent huge pages")
def test_the_heap_is_advised_to_have_huge_pages() -> None:
    assert run("as usual")[1] == 0
    assert run("kept")[1] >= 1


def test_other_platforms_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory("kind")


def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "0")
    assert not keep_freed_memory("kind")
