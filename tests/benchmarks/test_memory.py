"""The benchmark of memory tells a store that is mapped from one that was copied."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks import memory

NUM_BYTES = 32 << 20
HOLDING = """
import mmap, sys
with open(sys.argv[1], "rb") as file:
    mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
held = mapped[:] if sys.argv[2] == "copied" else sum(mapped[place] for place in range(0, len(mapped), mmap.PAGESIZE))
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="the memory of processes is read from Linux")
def test_pages_of_two_processes_count_once_and_a_copy_is_its_owners(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.write_bytes(bytes(range(256)) * (NUM_BYTES // 256))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [
        subprocess.Popen([sys.executable, "-c", HOLDING, str(store), way], **pipes)  # type: ignore[call-overload]
        for way in ("mapped", "copied")
    ]
    try:
        assert [process.stdout.readline() for process in processes] == ["ready\n", "ready\n"]
        of_store = [memory.of_file(process.pid, store) for process in processes]
        (all_mapped, own_mapped), (all_copied, own_copied) = (memory.in_memory(each.pid) for each in processes)
    finally:
        for process in processes:
            process.communicate("")
    assert sum(of_store) == pytest.approx(NUM_BYTES, rel=0.02)
    assert own_copied - own_mapped == pytest.approx(NUM_BYTES, rel=0.1)
    assert all_mapped > own_mapped + 0.4 * NUM_BYTES and all_copied > own_copied + 0.4 * NUM_BYTES
