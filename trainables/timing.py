"""Seconds of work on a device, which a GPU does while Python runs ahead."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

LONG_ENOUGH_S, MOST_ROUNDS = 0.1, 3


def median_seconds(call: Callable[[], object]) -> float:
    """The median duration of a call that was made once before, which is slower."""
    call()
    taken: list[float] = []
    while len(taken) < MOST_ROUNDS and sum(taken) < LONG_ENOUGH_S:
        _wait_for_device()
        started_s = time.perf_counter()
        call()
        _wait_for_device()
        taken.append(time.perf_counter() - started_s)
    return statistics.median(taken)


class Stopwatch:
    """Adds up the seconds of some calls without making a GPU wait for Python, or Python for the GPU."""

    def __init__(self, device: torch.device) -> None:
        self._is_gpu = device.type == "cuda"
        self._seconds = 0.0
        self._events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Counts what is done within it."""
        if not self._is_gpu:
            started_s = time.perf_counter()
            yield
            self._seconds += time.perf_counter() - started_s
            return
        begun, ended = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begun.record()
        yield
        ended.record()
        self._events.append((begun, ended))

    def take_seconds(self) -> float:
        """The seconds since the last call of this; waits for the device to finish them."""
        if self._events:
            self._events[-1][1].synchronize()
            self._seconds += sum(begun.elapsed_time(ended) for begun, ended in self._events) / 1000
            self._events = []
        seconds, self._seconds = self._seconds, 0.0
        return seconds


def _wait_for_device() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
