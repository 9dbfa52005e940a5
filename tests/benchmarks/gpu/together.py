"""Several trainings at once on a card: each in a process of its own, as trials that share it, or packed in one."""

from __future__ import annotations

import multiprocessing
import queue
import time
from collections.abc import Iterator, Sequence
from multiprocessing.process import BaseProcess
from typing import Any

import torch

from tests.benchmarks.gpu.bench_setup import GIB, Setup
from tests.benchmarks.gpu.card_pieces import Reading
from trainables.lockstep import train_one_epoch_together
from trainables.loop import train_one_epoch

PATIENCE_S = 600
KNOBS: dict[str, Any] = {"precision": "bfloat16", "compiled": True}


def at_once(setup: Setup, number: int) -> Iterator[Reading]:
    """Images a second of all together, while each of them trains; without NVIDIA's MPS, which nothing here starts."""
    setup.store()  # made before several ask for it
    context = multiprocessing.get_context("spawn")
    barrier, speeds = context.Barrier(number), context.Queue()
    processes = [context.Process(target=_train, args=(setup, barrier, speeds)) for _ in range(number)]
    for process in processes:
        process.start()
    try:
        outcomes = _collected(speeds, processes)
        yield Reading(f"{number} compiled trainings at once", sum(speed for speed, _ in outcomes), "images/s", number)
        if not setup.is_trial:
            most = max(taken for _, taken in outcomes)
            yield Reading(f"{number} compiled trainings: memory on the card", most / GIB, "GiB", number)
    finally:
        for process in processes:
            process.terminate()
            process.join()


def packed(setup: Setup, number: int) -> Iterator[Reading]:
    """The same of a pack's students, which share each batch's views; eager, since those of a pack are not compiled."""
    trainings = [setup.training(setup.store(), precision=KNOBS["precision"]) for _ in range(number)]
    speed = setup.images_per_s(lambda: number * train_one_epoch_together(trainings, 1)[1])
    yield Reading(f"{number} packed trainings at once", speed, "images/s", setup.rounds)
    yield from setup.taken_of_card(f"{number} packed trainings")


def _collected(speeds: Any, processes: Sequence[BaseProcess]) -> list[tuple[float, int]]:
    """Of each its images a second, and the bytes of the card that all together took when it had ended.

    Raises:
        RuntimeError: one of them ended, for want of memory say.
    """
    values: list[tuple[float, int]] = []
    while len(values) < len(processes):
        try:
            values.append(speeds.get(timeout=1))
        except queue.Empty:
            if any(process.exitcode is not None for process in processes):
                raise RuntimeError("every training must run to its end, but one did not; its output says why") from None
    return values


def _train(setup: Setup, barrier: Any, speeds: Any) -> None:
    """Trains for the window, and to the end of the epoch that it cuts, while the others still train."""
    torch.set_num_threads(1)
    training = setup.training(setup.store(), **KNOBS)
    for _ in range(setup.warm_up):
        train_one_epoch(training, 1)
    setup.wait()
    barrier.wait(timeout=PATIENCE_S)  # all are warm
    started_s, num_images, speed = time.perf_counter(), 0, 0.0
    while not speed:
        num_images += train_one_epoch(training, 1)[1]
        setup.wait()
        if (taken_s := time.perf_counter() - started_s) >= setup.window_s:
            speed = num_images / taken_s
    free, total = (0, 0) if setup.is_trial else torch.cuda.mem_get_info()
    speeds.put((speed, total - free))
    time.sleep(PATIENCE_S)  # until it is ended: its memory is counted with the others'
