"""How often a step waits for the card: each synchronisation stops Python from running ahead of it.

PyTorch warns of each one that it knows of (`torch.cuda.set_sync_debug_mode`). An epoch is counted, and one of twice as
many steps: what the second has more belongs to the steps, and what both have to the epoch, whose mean loss is read.
"""

from __future__ import annotations

import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from tests.benchmarks.gpu.bench_setup import Setup
from tests.benchmarks.gpu.card_pieces import Reading
from tests.benchmarks.step import make_teacher
from trainables.loop import train_one_epoch
from trainables.teachers.cache import KnowledgeCache
from trainables.teachers.guide import Guide
from trainables.training import Training

ROOT = Path(__file__).parents[3]
MARK = "called a synchronizing"  # PyTorch's own words
NUM_NAMED = 12  # places that a note names


@contextmanager
def counted(device: str) -> Iterator[Counter[str]]:
    """Counts the synchronisations within it by the line of ours that asked for them."""
    places: Counter[str] = Counter()

    def note(message: Warning | str, *_: object, **__: object) -> None:
        if MARK in str(message):
            places[_place(traceback.extract_stack())] += 1

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = note
        if device != "cpu":
            torch.cuda.set_sync_debug_mode("warn")
        try:
            yield places
        finally:
            if device != "cpu":
                torch.cuda.set_sync_debug_mode("default")


def per_step(setup: Setup) -> Iterator[Reading]:
    """Of transfer learning, and of attention transfer from a warm cache."""
    for kind in ("transfer", "attention, cached"):
        both = []
        for copies in (1, 2):
            training = _training(setup, kind, copies)
            train_one_epoch(training, 1)  # fills the cache, and tunes what is tuned once
            with counted(setup.device) as places:
                train_one_epoch(training, 1)
            both.append((places, _num_steps(training)))
        (fewer, few_steps), (more, many_steps) = both
        of_steps = more - fewer
        waits = (more.total() - fewer.total()) / (many_steps - few_steps)
        yield Reading(f"waits, {kind}", waits, "per step", many_steps, named(of_steps))
        yield Reading(f"waits, {kind}, beside its steps", fewer.total() - waits * few_steps, "per epoch", 1)


def named(places: Counter[str]) -> str:
    """The places with how often, the most frequent first.

    >>> named(Counter({"loop.py:80 train_one_epoch": 3, "turning.py:8 turn": 5}))
    '5 x turning.py:8 turn; 3 x loop.py:80 train_one_epoch'
    """
    return "; ".join(f"{count} x {place}" for place, count in places.most_common(NUM_NAMED))


def _place(stack: traceback.StackSummary) -> str:
    """The innermost line of the project's own sources; of what has none, the innermost line beyond this file's."""
    ours = [frame for frame in stack if Path(frame.filename).is_relative_to(ROOT / "trainables")]
    others = [frame for frame in stack if frame.filename not in (__file__, warnings.__file__)]
    frame = (ours or others or stack)[-1]
    path = Path(frame.filename)
    shown = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    return f"{shown}:{frame.lineno} {frame.name}"


def _training(setup: Setup, kind: str, copies: int) -> Training:
    store = setup.store(copies=copies)
    if kind == "transfer":
        return setup.training(store)
    taught = make_teacher(setup.folder / "teacher waits")
    cache = KnowledgeCache(setup.folder / f"cache waits {copies}", {"data": "bench"}, store.num_images, 1 << 33)
    device, batch_size = torch.device(setup.device), setup.batch_size
    guide = Guide("attention", setup.student, taught, device, task=store.task, cache=cache, batch_size=batch_size)
    return setup.training(store, guide, method="attention", teacher="bench", beta=10.0)


def _num_steps(training: Training) -> int:
    return -(-len(training.rows_of(1)) // training.config.batch_size)
