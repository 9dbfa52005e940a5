"""What trials that run at once on one machine need of its memory: `python -m tests.benchmarks.memory`.

1, 2 and 4 processes, as Ray's workers are, each train a student for an epoch on one store of 256 px and open its test
set, so that each of them reads every picture; another has done so on a smaller store. A trial that kept a copy of the
store would have more memory of its own on the larger one, by the bytes that this is larger by.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import psutil

from platform.phantoms.writers import write_retina
from tests.benchmarks import targets
from tests.small_sweep import ROOT
from trainables.config import TrialConfig
from trainables.data.readers import retina
from trainables.data.store import Store
from trainables.data.store_making import prepare
from trainables.job import Job
from trainables.trial import TrialSpec

STUDENT, IMAGE_SIZE_PX = "test_efficientnet", 256  # timm's smallest: its own memory hides no copy of the store
NUM_PATIENTS = (320, 640)  # even the smaller store fills an evaluation's batches: those of both have the same shapes
EVERY_S = 0.2
MIB = 2**20
# What a worker does with a trial. In the end it gives back what is free of its heap, so that what is left is held, and
# waits for the others.
WORKER = """
import ctypes, gc, json, sys
from pathlib import Path
from trainables.student import StudentTrial

trial = StudentTrial({"job": json.loads(sys.argv[1])})
while not (result := trial.train())["done"]:
    pass
assert "error" not in result, result
gc.collect()
ctypes.CDLL(None).malloc_trim(0)
Path(sys.argv[2]).touch()
sys.stdin.read()
"""


@dataclass(frozen=True)
class Memory:
    """Of trials that ran at once, in bytes.

    Args:
        peak: the most of all together at one moment; pages that several have count once.
        own: by trial what it had outside of files, when all were trained and none had ended.
        of_store: the store's pages in memory at that time; shared ones count once.
    """

    peak: int
    own: list[int]
    of_store: int


def measure(store: Store, folder: Path, num_trials: int) -> Memory:
    """Trains so many students on the store at once.

    Raises:
        RuntimeError: a trial failed.
    """
    jobs = [_job(store, folder / f"trial-{number}") for number in range(num_trials)]
    ready = [folder / f"ready-{number}" for number in range(num_trials)]
    commands = [
        [sys.executable, "-c", WORKER, json.dumps(job.as_dict()), str(path)]
        for job, path in zip(jobs, ready, strict=True)
    ]
    processes = [subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) for command in commands]
    peak = 0
    try:
        while True:
            is_last = all(path.exists() for path in ready)
            if any(process.poll() is not None for process in processes):
                raise RuntimeError("a trial must train to its end, but one did not; what it printed says why")
            moment = [in_memory(process.pid) for process in processes]
            peak = max(peak, sum(shared_once for shared_once, _ in moment))
            if is_last:
                of_store = sum(of_file(process.pid, store.path) for process in processes)
                return Memory(peak, [own for _, own in moment], of_store)
            time.sleep(EVERY_S)
    finally:
        for process in processes:
            process.kill()
            process.wait()


def in_memory(pid: int) -> tuple[int, int]:
    """A process's memory in bytes: all, with its part of each page that several have; and what is outside of files."""
    lines = [line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]]
    of = {name: 1024 * int(value) for name, value, *_ in lines}
    return of["Pss:"], of["Anonymous:"]


def of_file(pid: int, path: Path) -> int:
    """The bytes of a file that a process has mapped and in memory; of a page that several have, its part."""
    return sum(each.pss for each in psutil.Process(pid).memory_maps() if each.path == str(path))


def _job(store: Store, folder: Path) -> Job:
    config = TrialConfig(
        dataset="retina",
        method="transfer",
        student=STUDENT,
        init="random",
        image_size_px=store.image_size_px,
        max_epochs=1,
        phase="confirm",  # opens the test set
        average_labels="defined",
    )
    spec = TrialSpec(config=config, data_fingerprint=store.fingerprint, split_fingerprint=store.split_fingerprint)
    return Job(spec=spec, store=str(store.path), teachers="", folder=str(folder))


def make_store(folder: Path, num_patients: int) -> Store:
    """Phantom photographs, two a patient."""
    root = write_retina(
        folder / "retina", num_patients=num_patients, image_size_px=IMAGE_SIZE_PX, seed=0, progress=False
    )
    out = folder / "retina.arrow"
    return prepare(retina.read(root), out, image_size_px=IMAGE_SIZE_PX, salt=b"bench", progress=False)


def main() -> None:
    """Prints a row for each number of trials and store."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.memory", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "--patients", type=int, nargs=2, default=NUM_PATIENTS, help="of both stores (default: %(default)s)"
    )
    typed = parser.parse_args()
    if not Path("/proc/self/smaps_rollup").exists():
        parser.error("the memory of processes must be in /proc/PID/smaps_rollup, as Linux has it; run this on Linux")
    print(
        "store, MiB | trials at once | s | peak of all, MiB | each one's own in the end, MiB | the store's pages, MiB"
    )
    with tempfile.TemporaryDirectory() as name:
        small, large = (make_store(Path(name) / str(number), number) for number in typed.patients)
        (own_on_small,) = _printed(small, Path(name), 1).own
        found = {number: _printed(large, Path(name), number) for number in targets.AT_ONCE}
        small_bytes, large_bytes = (store.path.stat().st_size for store in (small, large))
    for number, memory in found.items():
        targets.trial_memory(number).judge(memory.peak / number / MIB, 1)
        targets.further_copy(number).judge((mean(memory.own) - own_on_small) / (large_bytes - small_bytes), number)
        targets.mapped_once(number).judge(memory.of_store / large_bytes, number)


def _printed(store: Store, folder: Path, num_trials: int) -> Memory:
    size_mib, started_s = store.path.stat().st_size / MIB, time.perf_counter()
    memory = measure(store, folder / f"{store.num_images}-images-{num_trials}-at-once", num_trials)
    own = ", ".join(f"{each / MIB:.0f}" for each in memory.own)
    taken_s = time.perf_counter() - started_s
    of_all = f"{memory.peak / MIB:.0f} | {own} | {memory.of_store / MIB:.0f}"
    print(f"{size_mib:.0f} | {num_trials} | {taken_s:.0f} | {of_all}", flush=True)
    return memory


if __name__ == "__main__":
    main()
