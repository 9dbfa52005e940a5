"""What a student's step gains on a CPU, by the loop's own code: `python -m tests.benchmarks.cpu_step`.

An epoch of 96 phantom photographs, a batch of 32, one thread, without a teacher: with the allocator as glibc has it,
with freed memory kept (`trainables.freed_memory`, as a trial does), and then with `--precision bfloat16`, too. Each way
has processes of its own, in turn, since an allocator cannot be told to forget; a process's first epoch does not count.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import torch

from tests.benchmarks.step import make_store, make_training
from tests.benchmarks.targets import STUDENTS, cpu_steps
from trainables.data.store import Store
from trainables.freed_memory import keep_freed_memory
from trainables.loop import train_one_epoch
from trainables.training import Training

USUAL, KEPT, BFLOAT16 = WAYS = ("as usual", "memory kept", "memory kept, bfloat16")
NUM_PROCESSES = 2  # of each way


def epochs_s(path: Path, student: str, way: str, num_rounds: int) -> list[float]:
    """Seconds of `num_rounds` epochs of this process, after one that warms up."""
    torch.set_num_threads(1)
    if way != USUAL and not keep_freed_memory(way):
        raise RuntimeError("the allocator must be glibc's, which alone can be told to keep what is freed")
    training = make_training(Store.open(path), student, None)
    if way == BFLOAT16:
        training = Training(
            config=replace(training.config, precision="bfloat16"),
            store=training.store,
            student=training.student,
            guide=None,
            device=training.device,
        )
    taken = []
    for _ in range(num_rounds + 1):
        started_s = time.perf_counter()
        train_one_epoch(training, 1)
        taken.append(time.perf_counter() - started_s)
    return taken[1:]


def measure(folder: Path, image_size_px: int, student: str, num_rounds: int) -> dict[str, float]:
    """Median seconds of an epoch, by way."""
    store = make_store(folder, image_size_px)
    taken: dict[str, list[float]] = defaultdict(list)
    for _ in range(NUM_PROCESSES):
        for way in WAYS:
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(1, mp_context=context) as child:
                taken[way] += child.submit(epochs_s, store.path, student, way, num_rounds).result()
    return {way: statistics.median(values) for way, values in taken.items()}


def main() -> None:
    """Prints a row per size and student."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.cpu_step", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128], metavar="PX", help="default: %(default)s")
    parser.add_argument("--students", nargs="+", choices=STUDENTS, default=list(STUDENTS), help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="epochs of each process (default: %(default)s)")
    typed = parser.parse_args()
    print("px | student | as usual, s | memory kept / as usual | bfloat16, too / memory kept")
    for size in typed.sizes:
        for student in typed.students:
            with tempfile.TemporaryDirectory() as folder:
                times = measure(Path(folder), size, student, typed.rounds)
            kept, bfloat16 = times[KEPT] / times[USUAL], times[BFLOAT16] / times[KEPT]
            print(f"{size} | {student} | {times[USUAL]:.2f} | {kept:.3f} | {bfloat16:.3f}", flush=True)
            for target, ratio in zip(cpu_steps(student, size), (kept, bfloat16), strict=True):
                target.judge(ratio, NUM_PROCESSES * typed.rounds)


if __name__ == "__main__":
    main()
