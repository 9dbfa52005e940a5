"""What the platform does not offer: studies that begin elsewhere than a sweep's, and schedules that pause trials.

A study here is a `Study` like any other. A schedule that pauses takes a trial up again where it was left, which Ray's
asynchronous schedulers never do: what they stop, they stop for good.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from platform.sweeping.plan import Plan
from platform.sweeping.records import TrialRecord
from platform.sweeping.sampling import sampler_seed
from platform.sweeping.studies import CellStudy, Params
from tests.benchmarks.replay.engine import CurveOf, Log, Trace


@dataclass(kw_only=True)
class OpeningStudy(CellStudy):
    """A cell's study that begins with given configurations, draws some more, and only then learns.

    Args:
        openings: the first trials' parameters; without any, a cell's usual first trial is not among them.
        num_drawn: trials drawn after these.
        decades: standard deviation of their logarithms (base 10) around the paper's choice; None for anywhere.
    """

    openings: Sequence[Params] = ()
    num_drawn: int = 0
    decades: float | None = None

    def _suggest(self, number: int) -> Params:
        if number < len(self.openings):
            return dict(self.openings[number])
        if number >= max(1, len(self.openings) + self.num_drawn):
            return super()._suggest(number)
        rng = np.random.default_rng(sampler_seed(self.seed, {"drawn": self.of_cell.facts}, number))
        ranges, first = self.space.ranges(self.of_cell), self.space.first(self.of_cell)
        if self.decades is None:
            return {
                name: math.exp(rng.uniform(math.log(each.low), math.log(each.high))) for name, each in ranges.items()
            }
        drawn = {name: first[name] * 10 ** rng.normal(0, self.decades) for name in ranges}
        return {name: min(max(drawn[name], each.low), each.high) for name, each in ranges.items()}


class Discarding:
    """Early discarding (Egele et al. 2023, 2307.15422), asynchronous: a bracket as Ray's, which stops for good.

    Args:
        epochs: after so many a trial is judged, once.
        num_kept: it continues if it is among the best so many of those judged by then, itself included.
    """

    def __init__(self, epochs: int, num_kept: int) -> None:
        self._epochs, self._num_kept = epochs, num_kept
        self._scores: dict[str, float] = {}

    def on_trial_add(self, tune_controller: object, trial: object) -> None:
        """Nothing: a trial is known from its first judgement on."""

    def on_trial_result(self, tune_controller: object, trial: TrialRecord, result: dict[str, float]) -> str:
        """STOP or CONTINUE, as Ray's schedulers say it."""
        key: str = trial.trial_id  # type: ignore[attr-defined]
        if result["epoch"] < self._epochs or key in self._scores:
            return "CONTINUE"
        better = sum(score > result["best_score"] for score in self._scores.values())
        self._scores[key] = result["best_score"]
        return "CONTINUE" if better < self._num_kept else "STOP"

    def on_trial_complete(self, tune_controller: object, trial: object, result: dict[str, float]) -> None:
        """Nothing: it was judged before."""

    def on_trial_remove(self, tune_controller: object, trial: object) -> None:
        """Nothing: its score stays, as at a rung of ASHA's."""


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
