"""The plan as Ray Tune sees it: a searcher that hands out its trials, and one ASHA bracket per study.

Ray's own restore is not used, since it forgets ASHA's rungs: a sweep that is started again rebuilds plan and brackets
from the ledger, and a trial that had begun resumes from its last checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from platform.sweeping.plan import Plan
from platform.sweeping.records import TrialRecord

TIME_ATTRIBUTE, METRIC = "epoch", "best_score"
REDUCTION_FACTOR = 3
GRACE_FRACTION = 1 / 16  # of a trial's length; 8 epochs of 128
NUM_PLAYED = 20  # studies that are played through for `expected_epochs`
KEY = "key"  # the entry of a Ray trial's config that holds `TrialSpec.key`


class PlannedSearch(Searcher):
    """Hands Ray Tune the plan's trials, one at a time.

    Args:
        plan: what to run.
        start: notes in the ledger that the trial starts, and returns what the worker needs (the trial's config).
        num_slots: how many trials run at once; Ray itself would ask for more in advance, before the running ones have
        taught the search anything.
    """

    def __init__(self, plan: Plan, start: Callable[[TrialRecord], dict[str, Any]], num_slots: int) -> None:
        super().__init__(metric=METRIC, mode="max")
        self._plan, self._start, self._num_slots = plan, start, num_slots
        self._handed_out: list[TrialRecord] = []

    def suggest(self, trial_id: str) -> Any:
        """The next trial's config; None while others must end first; `FINISHED` at the end."""
        self._handed_out = [record for record in self._handed_out if record.status == "RUNNING"]
        if len(self._handed_out) >= self._num_slots:
            return None
        record = self._plan.next()
        if record is None:
            return Searcher.FINISHED if self._plan.finished else None
        self._handed_out.append(record)
        return self._start(record)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Nothing: the tracking callback settles a trial, with its whole history at hand."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the ledger is the memory."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore: the ledger is the memory."""

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Ray pickles the searcher with its snapshots; the plan stays with the driver


class FairAsha(FIFOScheduler):
    """One ASHA bracket per study, over the best validation score so far; confirm runs are never stopped early.

    Its time is epochs with labels: before the first one a score says nothing, and none is judged.
    Nor are the trials of a study that rules it out: the paper trained each point of its grid to the end.

    Args:
        plan: knows which study a trial belongs to, how long its trials are, and what the ledger holds of earlier ones.
        rule: from the length of a trial to the epochs before which none is stopped, and the reduction factor: at each
            rung, the best 1/factor of the trials seen there continue. None for `asha_of`.
    """

    def __init__(self, plan: Plan, rule: Callable[[int], tuple[int, int]] | None = None) -> None:
        super().__init__()
        self._plan = plan
        lengths = {name: plan.num_labelled(study) for name, study in plan.studies.items() if study.stops_early}
        self._brackets = {name: _bracket(length, *(rule or asha_of)(length)) for name, length in lengths.items()}
        for record in plan.records.values():
            self._replay(record)

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """A trial enters its study's bracket."""
        if bracket := self._bracket(trial):
            bracket.on_trial_add(tune_controller, _stand_in(trial.config[KEY]))

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Whether the trial continues, judged by what its own study has seen at this rung."""
        bracket = self._bracket(trial)
        if bracket is None or METRIC not in result:
            return TrialScheduler.CONTINUE
        labelled = self._labelled(trial, result)
        if labelled[TIME_ATTRIBUTE] < 1:
            return TrialScheduler.CONTINUE
        return str(bracket.on_trial_result(tune_controller, _stand_in(trial.config[KEY]), labelled))

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        """The last result counts at its rung."""
        if (bracket := self._bracket(trial)) and METRIC in result:
            bracket.on_trial_complete(tune_controller, _stand_in(trial.config[KEY]), self._labelled(trial, result))

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        """A failed trial leaves its bracket."""
        self.on_trial_remove(tune_controller, trial)

    def on_trial_remove(self, tune_controller: Any, trial: Trial) -> None:
        """A removed trial leaves its bracket."""
        if bracket := self._bracket(trial):
            bracket.on_trial_remove(tune_controller, _stand_in(trial.config[KEY]))

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def _labelled(self, trial: Trial, result: dict[str, Any]) -> dict[str, Any]:
        """The result at its time: the epochs with labels, 0 or below where there was none yet."""
        config = self._plan.records[trial.config[KEY]].spec.config
        return {**result, TIME_ATTRIBUTE: result[TIME_ATTRIBUTE] - config.num_unlabelled}

    def _bracket(self, trial: Trial) -> AsyncHyperBandScheduler | None:
        return self._bracket_of(self._plan.records[trial.config[KEY]])

    def _bracket_of(self, record: TrialRecord) -> AsyncHyperBandScheduler | None:
        return self._brackets.get(record.study) if record.spec.config.phase == "search" else None

    def _replay(self, record: TrialRecord) -> None:
        """Restores the rungs to what they were when the sweep was interrupted, by the same calls that made them.

        Of a trial that has not ended, or failed, only the epochs that the scheduler has judged count: those are never
        judged twice.
        """
        bracket = self._bracket_of(record)
        if bracket is None or not record.best_scores:
            return
        scores = record.best_scores if record.status == "FINISHED" else record.best_scores[: record.num_judged]
        scores = scores[record.spec.config.num_unlabelled :]
        if not scores:
            return
        trial = _stand_in(record.spec.key)
        nobody: Any = None  # the brackets do not ask the controller for anything
        bracket.on_trial_add(nobody, trial)
        for epoch, score in enumerate(scores, 1):
            bracket.on_trial_result(nobody, trial, {TIME_ATTRIBUTE: epoch, METRIC: score})
        if record.status == "FINISHED":
            bracket.on_trial_complete(nobody, trial, {TIME_ATTRIBUTE: len(scores), METRIC: scores[-1]})
        else:
            bracket.on_trial_remove(nobody, trial)


@cache
def expected_epochs(num_trials: int, max_epochs: int) -> float:
    """How many epochs a trial of such a study lasts on average, if early scores say nothing of what becomes of a trial.

    Played through with the scheduler itself and scores drawn at random, one trial after the other.
    """
    rng = np.random.default_rng(0)
    lengths = []
    nobody: Any = None
    for _ in range(NUM_PLAYED):
        bracket = _bracket(max_epochs, *asha_of(max_epochs))
        for number, score in enumerate(rng.random(num_trials)):
            trial = _stand_in(str(number))
            bracket.on_trial_add(nobody, trial)
            lengths.append(max_epochs)
            for epoch in _rungs(max_epochs):
                result = {TIME_ATTRIBUTE: epoch, METRIC: score}
                if bracket.on_trial_result(nobody, trial, result) == TrialScheduler.STOP:
                    lengths[-1] = epoch
                    break
    return float(np.mean(lengths))


def asha_of(max_epochs: int) -> tuple[int, int]:
    """Epochs before which no trial of that length is stopped, and the reduction factor."""
    return max(1, round(max_epochs * GRACE_FRACTION)), REDUCTION_FACTOR


def _rungs(max_epochs: int) -> list[int]:
    """The epochs after which ASHA judges."""
    grace_epochs, reduction_factor = asha_of(max_epochs)
    rungs = []
    while grace_epochs < max_epochs:
        rungs.append(grace_epochs)
        grace_epochs *= reduction_factor
    return rungs


def _bracket(max_epochs: int, grace_epochs: int, reduction_factor: int) -> AsyncHyperBandScheduler:
    return AsyncHyperBandScheduler(
        time_attr=TIME_ATTRIBUTE,
        metric=METRIC,
        mode="max",
        max_t=max_epochs,
        grace_period=min(grace_epochs, max_epochs),
        reduction_factor=reduction_factor,
    )


def _stand_in(key: str) -> Trial:
    """A trial as ASHA needs it: only its id, which is the same in every process."""
    return SimpleNamespace(trial_id=key)  # type: ignore[return-value]
