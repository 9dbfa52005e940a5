"""Which of a study's trials its sampler is shown: all of them, as long as they are few.

A sampler's time grows with what it is shown, and what it learns from ten thousand trials it learns from a few hundred
of them as well. Each choice is a pure function of the trials, in the order of their numbers, so that a study that is
rebuilt from the ledger shows the same ones.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


@dataclass(kw_only=True, eq=False)
class Known:
    """A trial that was asked for and has not failed."""

    number: int
    params: dict[str, Any]
    score: float | None  # None while it runs
    kind: Hashable  # trials of one kind have parameters of the same names
    trial: FrozenTrial | None = field(default=None)  # as Optuna has it, made when it is first shown


Shown = Callable[[Sequence[Known]], Sequence[Known]]


def none(known: Sequence[Known]) -> Sequence[Known]:
    """For a sampler that learns from nothing."""
    return ()


def latest(most: int) -> Shown:
    """The last `most`: for a sampler whose latest trials hold what it has learnt from the earlier ones."""
    return lambda known: known[-most:]


def outstanding_and_spread(most: int, *, few: int, best: int, newest: int = 0) -> Shown:
    """All of up to `most` trials; of more, about `few` of the finished ones, and those that run.

    The `best` by score, the earlier one of two equals; the `newest`; the first of each kind, so that no parameter is
    forgotten; and every k-th trial by its number, with k the smallest power of two by which they are at most `few`. So
    from one question to the next the same trials are shown, but for the best and the newest.
    """

    def shown(known: Sequence[Known]) -> Sequence[Known]:
        if len(known) <= most:
            return known
        finished = [each for each in known if each.score is not None]
        kept = {each.number for each in heapq.nlargest(best, finished, key=attrgetter("score"))}
        kept |= {each.number for each in finished[len(finished) - newest :]}
        kept |= {each.number for each in {each.kind: each for each in reversed(finished)}.values()}
        stride = 1
        while len(finished) > few * stride:
            stride *= 2
        return [each for each in known if each.score is None or each.number % stride == 0 or each.number in kept]

    return shown
