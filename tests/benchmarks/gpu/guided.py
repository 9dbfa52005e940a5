"""What a teacher costs: an epoch without one, with one that answers, with a cold cache that fills, and with a warm one.

Eager and in float32, as by default. An epoch that is written costs more than one without a cache, and each trial that
reads it later saves what the teacher would have taken: that many epochs must be read until the written one has paid.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

from tests.benchmarks.gpu.bench_setup import IN_TRIAL, Setup
from tests.benchmarks.gpu.card_pieces import Reading
from tests.benchmarks.step import make_teacher
from trainables.loop import train_one_epoch
from trainables.teachers.cache import KnowledgeCache
from trainables.teachers.guide import Guide

CACHE_BYTES = 1 << 35


def against_transfer(setup: Setup, teacher: str, method: str = "attention", copies: int = 0) -> Iterator[Reading]:
    """Seconds of each kind of epoch in turn, their medians over rounds, and what follows from them."""
    store = setup.store(copies=min(copies, setup.copies) if copies else 0)
    architecture = IN_TRIAL.get(teacher, teacher) if setup.is_trial else teacher
    taught = make_teacher(setup.folder / f"teacher {teacher}", architecture)
    device = torch.device(setup.device)
    cache = KnowledgeCache(setup.folder / f"cache {teacher}", {"data": "bench"}, store.num_images, CACHE_BYTES)
    knobs: dict[str, Any] = {"method": method, "teacher": "bench", "beta": 10.0}

    def guide(kept: KnowledgeCache | None) -> Guide:
        return Guide(method, setup.student, taught, device, task=store.task, cache=kept, batch_size=setup.batch_size)

    transfer = setup.training(store)
    asked, cached = (setup.training(store, guide(kept), **knobs) for kept in (None, cache))
    train_one_epoch(cached, 1)  # which is read from then on
    times: dict[str, list[float]] = {"transfer": [], "asked": [], "cold": [], "cached": []}
    for number in range(setup.warm_up + setup.rounds):
        times["transfer"].append(_seconds(setup, lambda: train_one_epoch(transfer, 1)))
        times["asked"].append(_seconds(setup, lambda: train_one_epoch(asked, 1)))
        times["cold"].append(_seconds(setup, partial(train_one_epoch, cached, number + 2)))
        times["cached"].append(_seconds(setup, lambda: train_one_epoch(cached, 1)))
    medians = {kind: statistics.median(values[setup.warm_up :]) for kind, values in times.items()}
    for kind, seconds in medians.items():
        yield Reading(f"{teacher}, {kind}", seconds, "s per epoch", setup.rounds)
    for kind in ("asked", "cold", "cached"):
        yield Reading(f"{teacher}, {kind} / transfer", medians[kind] / medians["transfer"], "x", setup.rounds)
    paid = epochs_until_paid(medians["asked"], medians["cold"], medians["cached"])
    yield Reading(f"{teacher}, epochs until paid", paid, "epochs", setup.rounds)


def epochs_until_paid(asked_s: float, cold_s: float, cached_s: float) -> float:
    """How many epochs must be read until one that was written has paid for itself; infinite where reading is no faster.

    >>> epochs_until_paid(asked_s=3.0, cold_s=3.5, cached_s=2.0)
    0.5
    """
    saved_s = asked_s - cached_s
    return max(0.0, cold_s - asked_s) / saved_s if saved_s > 0 else float("inf")


def _seconds(setup: Setup, work: Callable[[], object]) -> float:
    setup.wait()
    started_s = time.perf_counter()
    work()
    setup.wait()
    return time.perf_counter() - started_s
