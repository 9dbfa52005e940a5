"""A sweep without training: its own plan, search and brackets, on curves that are known beforehand.

What Ray Tune does with a sweep is done here in the same order, one epoch of one trial at a time: the searcher is asked
while a slot is free, the scheduler judges each epoch but a trial's last, and the plan settles what has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ray.tune.schedulers import TrialScheduler

from platform.sweeping.plan import Plan
from platform.sweeping.records import TrialRecord
from platform.sweeping.search import KEY, PlannedSearch
from platform.sweeping.study import Study
from search_spaces.space import Space
from tests.benchmarks.replay.surrogate import Curve
from trainables.config import TrialConfig
from trainables.trial import TrialSpec

CurveOf = Callable[[TrialRecord], Curve]
STOPPED = "early"  # where a sweep has the name of its scheduler


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What a search did, epoch by epoch, in the order in which the epochs ended.

    Args:
        params: of each trial, in the order in which they were asked for.
        curves: of each trial, as far as it was trained: [2, epochs], validation score and test score.
        trial: [N], the number of the trial whose epoch it was.
        epoch: [N], from 1.
        score: [N], its validation score.
    """

    params: list[dict[str, Any]]
    curves: list[Curve]
    trial: NDArray[np.int64]
    epoch: NDArray[np.int64]
    score: NDArray[np.float64]

    @property
    def leader(self) -> NDArray[np.int64]:
        """[N]: the trial with the best validation score so far, after each epoch; the earlier one of two equals."""
        is_best = self.score > np.concatenate([[-np.inf], np.maximum.accumulate(self.score)[:-1]])
        return self.trial[np.maximum.accumulate(np.where(is_best, np.arange(len(self.score)), 0))]


@dataclass
class Log:
    """The epochs of a trace as they end."""

    params: list[dict[str, Any]] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    epochs: list[tuple[int, int, float]] = field(default_factory=list)

    def begin(self, params: Mapping[str, Any], curve: Curve) -> int:
        """Notes a trial; its number."""
        self.params.append(dict(params))
        self.curves.append(curve)
        return len(self.params) - 1

    def note(self, number: int, epoch: int) -> None:
        """An epoch of that trial has ended."""
        self.epochs.append((number, epoch, float(self.curves[number][0, epoch - 1])))

    def trace(self) -> Trace:
        """All that was noted; each curve as far as it was trained."""
        numbers, epochs, scores = zip(*self.epochs, strict=True)
        trial, epoch = np.array(numbers), np.array(epochs)
        lasted = [int(epoch[trial == number].max(initial=0)) for number in range(len(self.params))]
        curves = [curve[:, :length] for curve, length in zip(self.curves, lasted, strict=True)]
        return Trace(params=self.params, curves=curves, trial=trial, epoch=epoch, score=np.array(scores))


class Replay:
    """A plan and its scheduler, run to their end on known curves.

    Args:
        plan: of the search.
        scheduler: as Ray Tune would be given it, made for this plan.
        curve_of: the whole curve of a trial, as long as the trial.
        num_slots: how many trials run at once; they take turns, an epoch each.
    """

    def __init__(self, plan: Plan, scheduler: Any, curve_of: CurveOf, num_slots: int = 1) -> None:
        self.plan, self._scheduler, self._curve_of = plan, scheduler, curve_of
        self._search = PlannedSearch(plan, lambda record: {KEY: record.spec.key}, num_slots)
        self._running: list[tuple[Any, int]] = []  # Ray's trial, and its number
        self.log = Log()

    def run(self) -> Trace:
        """Plays all trials of the plan."""
        while True:
            while isinstance(config := self._search.suggest(""), dict):
                self._begin(config)
            if not self._running:
                return self.log.trace()
            trial, number = self._running.pop(0)
            if self._epoch(trial, number):
                self._running.append((trial, number))

    def _begin(self, config: dict[str, Any]) -> None:
        record = self.plan.records[config[KEY]]
        trial = SimpleNamespace(trial_id=config[KEY], config=config)
        self._scheduler.on_trial_add(None, trial)
        self._running.append((trial, self.log.begin(record.spec.searched, self._curve_of(record))))

    def _epoch(self, trial: Any, number: int) -> bool:
        """Whether the trial continues after its next epoch."""
        record = self.plan.records[trial.config[KEY]]
        epoch = len(record.best_scores) + 1
        self.log.note(number, epoch)
        record.best_scores.append(max([float(self.log.curves[number][0, epoch - 1]), *record.best_scores[-1:]]))
        result = {"epoch": epoch, "best_score": record.best_scores[-1]}
        last = epoch == record.spec.config.num_reports
        if not last and self._scheduler.on_trial_result(None, trial, result) != TrialScheduler.STOP:
            return True
        record.stopped = "" if last else STOPPED
        record.status = "FINISHED"
        self.plan.settle(record)
        self._scheduler.on_trial_complete(None, trial, result)
        return False


def plan_of(studies: list[Study], space: Space, num_epochs: int, num_repeats: int = 0) -> Plan:
    """The plan of a sweep whose trials are that long."""
    base = TrialConfig(dataset=space.dataset, method="transfer", max_epochs=num_epochs)
    return Plan(studies, base, _spec_of, num_repeats)


def _spec_of(config: TrialConfig) -> TrialSpec:
    return TrialSpec(config=config, data_fingerprint="recorded", split_fingerprint="recorded")
