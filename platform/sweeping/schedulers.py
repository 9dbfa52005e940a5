"""The rules by which a weak trial ends before its full length, by name: `--scheduler` of `platform.sweep`.

A scheduler makes brackets: for each study one, which sees no trial of another. Whatever its name, a bracket must decide
by what it has seen and not by the order in which it saw it (see `platform.sweeping.stopping_rules`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler

from platform.command_line import scheduler_option
from platform.sweeping.stopping_rules import METRIC, TIME_ATTRIBUTE, Brackets, Entrant, MedianRule, Pasha

DEFAULT_SCHEDULER = scheduler_option.DEFAULT
GRACE_FRACTION = 1 / 16  # of a trial's length; 8 epochs of 128
REDUCTION_FACTOR = 3
# In recorded trainings the ranking after a half was close to the final one, after a quarter or less it was not
# (docs/search.md).
DISCARDING_FRACTION = 1 / 2
DISCARDING_FACTOR = 4  # three of the twelve trials that a cell has by default
STARTUP_TRIALS = 3  # that the median needs
NUM_PLAYED = 20  # studies that are played through for `expected_epochs`

Facts = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Scheduler:
    """A rule of early stopping; called with a length, it makes a fresh bracket for trials of that many epochs.

    Args:
        description: what it does, in one line.
        source: the paper it comes from; "" where it needs none.
        bracket: from a trial's length, in epochs with labels, to a bracket.
        rungs: from that length to the epochs after which a trial whose score no longer changes may be stopped.
        facts: from that length to the numbers that a paper has to name, as `analysis.methods` reads them.
    """

    description: str
    source: str
    bracket: Callable[[int], TrialScheduler]
    rungs: Callable[[int], Sequence[int]]
    facts: Callable[[int], Facts]

    def __call__(self, max_epochs: int) -> TrialScheduler:
        return self.bracket(max_epochs)


@dataclass(frozen=True)
class _Ladder:
    """The epochs of the rungs, each `reduction_factor` times the one before."""

    grace_epochs: int | None
    reduction_factor: int
    fraction: float = GRACE_FRACTION  # of a trial's length, where no grace is given

    def grace(self, max_epochs: int) -> int:
        """The epochs before which no trial of that length is stopped."""
        return min(self.grace_epochs or max(1, round(max_epochs * self.fraction)), max_epochs)

    def rungs(self, max_epochs: int) -> list[int]:
        """The epochs before its end after which a trial of that length is judged."""
        rungs = [self.grace(max_epochs)]
        while rungs[-1] < max_epochs:
            rungs.append(rungs[-1] * self.reduction_factor)
        return rungs[:-1]

    def facts(self, max_epochs: int) -> Facts:
        return {"grace_epochs": self.grace(max_epochs), "reduction_factor": self.reduction_factor}


def asha(*, grace_epochs: int | None = None, reduction_factor: int = REDUCTION_FACTOR) -> Scheduler:
    """Asynchronous successive halving.

    Args:
        grace_epochs: before which no trial is stopped; None for a sixteenth of its length.
        reduction_factor: at each rung, the best 1/factor of the trials seen there go on.
    """
    ladder = _Ladder(grace_epochs, reduction_factor)
    return Scheduler(
        description="at each of a few epochs, the best third of the trials seen there go on",
        source="Li et al. 2020, arXiv:1810.05934",
        bracket=lambda max_epochs: _halving(max_epochs, ladder.grace(max_epochs), reduction_factor),
        rungs=ladder.rungs,
        facts=ladder.facts,
    )


def hyperband(*, grace_epochs: int | None = None, reduction_factor: int = REDUCTION_FACTOR) -> Scheduler:
    """Asynchronous Hyperband: ASHA in several brackets, each of which begins to stop trials one rung later.

    The brackets get Hyperband's own shares of the trials, by which each is expected to cost the same.

    Args:
        grace_epochs, reduction_factor: of the first bracket, as for `asha`.
    """
    ladder = _Ladder(grace_epochs, reduction_factor)

    def bracket(max_epochs: int) -> TrialScheduler:
        rungs = ladder.rungs(max_epochs)
        brackets = [*(_halving(max_epochs, first, reduction_factor) for first in rungs), FIFOScheduler()]
        nums_of_rungs = range(len(rungs), -1, -1)
        return Brackets(brackets, [reduction_factor**number / (number + 1) for number in nums_of_rungs])

    return Scheduler(
        description="asha in several brackets, each of which begins to stop trials later, and the last one never",
        source="Li et al. 2018, arXiv:1603.06560, and Li et al. 2020, arXiv:1810.05934",
        bracket=bracket,
        rungs=ladder.rungs,
        facts=lambda max_epochs: ladder.facts(max_epochs) | {"brackets": len(ladder.rungs(max_epochs)) + 1},
    )


def pasha(*, grace_epochs: int | None = None, reduction_factor: int = REDUCTION_FACTOR) -> Scheduler:
    """ASHA whose longest rung grows only while the ranking is not stable.

    Args:
        grace_epochs, reduction_factor: as for `asha`.
    """
    ladder = _Ladder(grace_epochs, reduction_factor)

    def bracket(max_epochs: int) -> TrialScheduler:
        halving = _halving(max_epochs, ladder.grace(max_epochs), reduction_factor)
        return Pasha(halving, ladder.rungs(max_epochs))

    return Scheduler(
        description="asha that lets no trial go on to a longer rung while the ranking at the last two is the same",
        source="Bohdal et al. 2023, arXiv:2207.06940",
        bracket=bracket,
        rungs=ladder.rungs,
        facts=ladder.facts,
    )


def early_discard(*, grace_epochs: int | None = None, reduction_factor: int = DISCARDING_FACTOR) -> Scheduler:
    """After some epochs the best go on to their full length.

    Args:
        grace_epochs: that each trial has; None for half of its length.
        reduction_factor: the best 1/factor of the trials seen so far go on.
    """
    ladder = _Ladder(grace_epochs, reduction_factor, DISCARDING_FRACTION)

    def bracket(max_epochs: int) -> TrialScheduler:
        grace = ladder.grace(max_epochs)
        return _halving(grace, grace, reduction_factor, stop_last_trials=False)  # whose only rung is its last

    return Scheduler(
        description="after half of their length, the best quarter of the trials seen so far go on to their end",
        source="Egele et al. 2023, arXiv:2307.15422",
        bracket=bracket,
        rungs=lambda max_epochs: ladder.rungs(max_epochs)[:1],
        facts=ladder.facts,
    )


def median(*, grace_epochs: int | None = None, num_startup: int = STARTUP_TRIALS) -> Scheduler:
    """A trial goes on while its best score is no worse than the median of the running averages of earlier trials.

    Args:
        grace_epochs: before which no trial is stopped; None for a sixteenth of its length.
        num_startup: trials that must have ended before one is stopped.
    """
    ladder = _Ladder(grace_epochs, REDUCTION_FACTOR)
    return Scheduler(
        description="a trial goes on while it is no worse than the median of the averages of those that have ended",
        source="Golovin et al. 2017, doi:10.1145/3097983.3098043",
        bracket=lambda max_epochs: MedianRule(ladder.grace(max_epochs), num_startup),
        rungs=lambda max_epochs: ladder.rungs(max_epochs)[:1],
        facts=lambda max_epochs: {"grace_epochs": ladder.grace(max_epochs), "startup": num_startup},
    )


def none() -> Scheduler:
    """Every trial is trained to its full length."""
    return Scheduler(
        description="every trial has its full length",
        source="",
        bracket=lambda max_epochs: FIFOScheduler(),
        rungs=lambda max_epochs: (),
        facts=lambda max_epochs: {},
    )


SCHEDULERS: Mapping[str, Scheduler] = {
    "asha": asha(),
    "hyperband": hyperband(),
    "pasha": pasha(),
    "early-discard": early_discard(),
    "median": median(),
    "none": none(),
}


def scheduler_of(name: str) -> Scheduler:
    """The scheduler of that name.

    Raises:
        ValueError: there is none.
    """
    if name not in SCHEDULERS:
        raise ValueError(f"the scheduler must be one of {', '.join(SCHEDULERS)}, but got {name!r}")
    return SCHEDULERS[name]


@cache
def expected_epochs(num_trials: int, max_epochs: int, scheduler: str) -> float:
    """How many epochs a trial of such a study lasts on average, if early scores say nothing of what becomes of a trial.

    Played through with the scheduler itself and scores drawn at random, one trial after the other.
    """
    rng = np.random.default_rng(0)
    rule = scheduler_of(scheduler)
    lengths = []
    nobody: Any = None
    for _ in range(NUM_PLAYED):
        bracket = rule(max_epochs)
        for number, score in enumerate(rng.random(num_trials)):
            trial: Any = Entrant(str(number), number)
            bracket.on_trial_add(nobody, trial)
            results = ({TIME_ATTRIBUTE: epoch, METRIC: score} for epoch in rule.rungs(max_epochs))
            ends = (each for each in results if bracket.on_trial_result(nobody, trial, each) == TrialScheduler.STOP)
            last = next(ends, {TIME_ATTRIBUTE: max_epochs, METRIC: score})
            bracket.on_trial_complete(nobody, trial, last)
            lengths.append(last[TIME_ATTRIBUTE])
    return float(np.mean(lengths))


def _halving(
    max_epochs: int, grace_epochs: int, reduction_factor: int, *, stop_last_trials: bool = True
) -> AsyncHyperBandScheduler:
    return AsyncHyperBandScheduler(
        time_attr=TIME_ATTRIBUTE,
        metric=METRIC,
        mode="max",
        max_t=max_epochs,
        grace_period=grace_epochs,
        reduction_factor=reduction_factor,
        stop_last_trials=stop_last_trials,
    )
