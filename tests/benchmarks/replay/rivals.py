"""What the platform does not offer: studies that begin elsewhere than a sweep's, and schedules that pause trials.

A study here is a `Study` like any other. A schedule that pauses takes a trial up again where it was left, which Ray's
asynchronous schedulers never do: what they stop, they stop for good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from platform.sweeping.asking import sampler_seed
from platform.sweeping.plan import Plan
from platform.sweeping.sampled_studies import CellStudy
from platform.sweeping.stopping_rules import METRIC, TIME_ATTRIBUTE
from platform.sweeping.study import Params
from tests.benchmarks.replay.engine import CurveOf, Log, Trace


@dataclass(kw_only=True)
class OpeningStudy(CellStudy):
    """A cell's study that begins with given configurations, then draws near the paper's choice, then asks its sampler.

    Args:
        openings: the first trials' parameters; without any, a cell's usual first trial is not among them.
        num_near: trials drawn after these near the paper's choice.
        decades: standard deviation of their logarithms (base 10) around it.
    """

    openings: Sequence[Params] = ()
    num_near: int = 0
    decades: float = 0.5

    def _suggest(self, number: int) -> Params:
        if number < len(self.openings):
            return dict(self.openings[number])
        if number >= len(self.openings) + self.num_near:
            return self._ask_sampler(number)
        rng = np.random.default_rng(sampler_seed(self.seed, {"near": self.of_cell.facts}, number))
        ranges, first = self.space.ranges(self.of_cell), self.space.first(self.of_cell)
        drawn = {name: first[name] * 10 ** rng.normal(0, self.decades) for name in ranges}
        return {name: min(max(drawn[name], each.low), each.high) for name, each in ranges.items()}


class Discarding(FIFOScheduler):
    """Early discarding (Egele et al. 2023, arXiv:2307.15422) by rank: a bracket as a sweep's, which stops for good.

    Args:
        epochs: after so many a trial is judged, once.
        num_kept: it goes on if fewer than so many of those judged before were better.
    """

    def __init__(self, epochs: int, num_kept: int) -> None:
        super().__init__()
        self._epochs, self._num_kept = epochs, num_kept
        self._scores: dict[str, float] = {}

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """STOP or CONTINUE."""
        if result[TIME_ATTRIBUTE] < self._epochs or trial.trial_id in self._scores:
            return TrialScheduler.CONTINUE
        num_better = sum(score > result[METRIC] for score in self._scores.values())
        self._scores[trial.trial_id] = result[METRIC]
        return TrialScheduler.CONTINUE if num_better < self._num_kept else TrialScheduler.STOP


@dataclass(frozen=True, kw_only=True)
class Rung:
    """So many trials are trained to so many epochs."""

    num_trials: int
    epochs: int


class InRounds:
    """Successive halving in rounds: all trials to the first rung, the best of them to the next, and so on.

    The search is told what a trial has reached whenever it pauses. Within a round the best of the round before it comes
    first.

    Args:
        plan: of one study without repeats, whose budget is the first rung's number of trials.
        rungs: from the first to the last.
    """

    def __init__(self, plan: Plan, rungs: Sequence[Rung], curve_of: CurveOf) -> None:
        self._plan, self._rungs, self._curve_of = plan, rungs, curve_of
        self._log = Log()

    def run(self) -> Trace:
        """Plays all rounds."""
        best: dict[int, float] = {}
        done = 0
        (study,) = self._plan.studies.values()
        while (record := self._plan.next()) is not None:
            number = self._log.begin(record.spec.searched, self._curve_of(record))
            best[number] = self._train(number, 0, self._rungs[0].epochs)
            study.tell(record.number, best[number])
        for before, rung in zip(self._rungs, self._rungs[1:], strict=False):
            done = before.epochs
            chosen = sorted(best, key=lambda number: -best[number])[: rung.num_trials]
            best = {number: max(best[number], self._train(number, done, rung.epochs)) for number in chosen}
        return self._log.trace()

    def _train(self, number: int, done: int, until: int) -> float:
        """The best score of a trial's epochs from `done` on."""
        for epoch in range(done + 1, until + 1):
            self._log.note(number, epoch)
        return float(self._log.curves[number][0, done:until].max())
