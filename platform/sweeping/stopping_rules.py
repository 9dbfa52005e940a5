"""Rules of early stopping that Ray lacks, or has only with a random draw or for trials of its own kind.

Each decides by what it has seen and not by the order in which it saw it: a sweep that resumes shows its rule the
ledger's records trial by trial, and the rule must then decide as if nothing had happened. Of a trial that repeats
epochs after a restart, each epoch counts once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler

TIME_ATTRIBUTE, METRIC = "epoch", "best_score"
NOISE_PERCENTILE = 90  # of the paper on PASHA


class Entrant(NamedTuple):
    """A trial as the rules need it, the same in every process."""

    trial_id: str
    number: int  # within its study


class Brackets(FIFOScheduler):
    """Several brackets side by side; a trial's number in its study alone decides which one it enters.

    Ray's own scheduler draws the bracket at random, so that a trial would enter another one when its sweep resumes.

    Args:
        brackets: each with a rule of its own.
        weights: each bracket gets this share of the trials, up to a factor: a trial goes where the most are missing.
    """

    def __init__(self, brackets: Sequence[TrialScheduler], weights: Sequence[float]) -> None:
        super().__init__()
        self._brackets = brackets
        self._shares = np.array(weights) / sum(weights)
        self._counts = np.zeros(len(brackets))
        self._places: list[int] = []

    def place(self, number: int) -> int:
        """The place of the bracket that trial `number` of a study enters."""
        while len(self._places) <= number:
            missing = self._shares * (len(self._places) + 1) - self._counts
            self._places.append(int(np.argmax(missing)))
            self._counts[self._places[-1]] += 1
        return self._places[number]

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        self._of(trial).on_trial_add(tune_controller, trial)

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        return str(self._of(trial).on_trial_result(tune_controller, trial, result))

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        self._of(trial).on_trial_complete(tune_controller, trial, result)

    def on_trial_remove(self, tune_controller: Any, trial: Trial) -> None:
        self._of(trial).on_trial_remove(tune_controller, trial)

    def _of(self, trial: Any) -> TrialScheduler:
        return self._brackets[self.place(trial.number)]


class Pasha(FIFOScheduler):
    """PASHA (Bohdal et al. 2023, arXiv:2207.06940): ASHA whose longest rung grows while the ranking is not stable.

    No trial goes beyond the longest rung, the second one at first. It grows where the ranking at it is another one than
    a rung before. Two scores count as equal if they differ by no more than the noise, which is the 90th percentile of
    the differences, at that rung, between trials whose curves have crossed and crossed back.

    The paper pauses trials at the longest rung, and takes them up if it grows; here they have ended. So that the order
    of events decides nothing, a rung that has grown, but that no trial has passed, is judged anew.

    Args:
        asha: which trials go on at a rung.
        rungs: its epochs, ascending, without a trial's full length.
    """

    def __init__(self, asha: AsyncHyperBandScheduler, rungs: Sequence[int]) -> None:
        super().__init__()
        self._asha = asha
        self._levels = {epoch: level for level, epoch in enumerate(rungs)}
        self._scores: list[dict[str, float]] = [{} for _ in rungs]  # at each rung, by trial
        self._noise: list[list[float]] = [[] for _ in rungs]  # between trials whose curves cross twice
        self._curves: dict[str, list[float]] = {}
        self._last_epochs: dict[str, int] = {}

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        self._asha.on_trial_add(tune_controller, trial)

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """STOP at a rung where ASHA stops the trial, or that is the longest one, if its ranking is stable."""
        decision = str(self._asha.on_trial_result(tune_controller, trial, result))
        epoch, key = result[TIME_ATTRIBUTE], trial.trial_id
        if epoch <= self._last_epochs.get(key, 0):
            return decision
        self._last_epochs[key] = epoch
        self._curves.setdefault(key, []).append(result[METRIC])
        level = self._levels.get(epoch)
        if level is None:
            return decision
        self._noise[level] += self._crossings(key, self._scores[level])
        self._scores[level][key] = result[METRIC]
        is_longest = level > 0 and max(self._last_epochs.values()) <= epoch
        return str(TrialScheduler.STOP) if is_longest and self._is_stable(level) else decision

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        self._asha.on_trial_complete(tune_controller, trial, result)

    def on_trial_remove(self, tune_controller: Any, trial: Trial) -> None:
        self._asha.on_trial_remove(tune_controller, trial)

    def _crossings(self, key: str, others: dict[str, float]) -> list[float]:
        """The differences now to those of the others whose curves have crossed this one's at least twice."""
        curve = np.array(self._curves[key])
        noise = []
        for other in others:
            differences = curve - np.array(self._curves[other][: len(curve)])
            signs = np.sign(differences)
            if np.count_nonzero(np.diff(signs[signs != 0])) > 1:
                noise.append(abs(float(differences[-1])))
        return noise

    def _is_stable(self, level: int) -> bool:
        """Whether each trial at this rung had, one rung before, about the score of the one that had its rank then."""
        now = self._scores[level]
        before = {key: self._scores[level - 1][key] for key in now}
        ranked = sorted(now, key=lambda key: (now[key], before[key]), reverse=True)
        noise = next((seen for seen in reversed(self._noise[: level + 1]) if seen), [0.0])
        differences = [
            abs(before[key] - score) for key, score in zip(ranked, sorted(before.values(), reverse=True), strict=True)
        ]
        return max(differences) <= float(np.percentile(noise, NOISE_PERCENTILE))


class MedianRule(FIFOScheduler):
    """Stops a trial that is weaker than the median of those that have ended (Golovin et al. 2017, section 3.2.2).

    Its best score so far is compared with the median of their running averages: each one's mean score up to the same
    epoch, or to its end if that came before. The scores are the best so far, too, so that the rule is lenient.

    Args:
        grace_epochs: before which no trial is stopped.
        num_startup: trials that must have ended before one is stopped.
    """

    def __init__(self, grace_epochs: int, num_startup: int) -> None:
        super().__init__()
        self._grace_epochs, self._num_startup = grace_epochs, num_startup
        self._scores: dict[str, dict[int, float]] = {}  # by trial and epoch
        self._averages: dict[str, tuple[list[int], np.ndarray]] = {}  # epochs and running averages of trials that ended

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """STOP where the trial's best score is below the median."""
        epoch, scores = result[TIME_ATTRIBUTE], self._scores.setdefault(trial.trial_id, {})
        if epoch in scores:
            return str(TrialScheduler.CONTINUE)
        scores[epoch] = result[METRIC]
        if epoch < self._grace_epochs or len(self._averages) < self._num_startup:
            return str(TrialScheduler.CONTINUE)
        of_others = [averages[bisect_right(epochs, epoch) - 1] for epochs, averages in self._averages.values()]
        is_weak = max(scores.values()) < np.median(of_others)
        return str(TrialScheduler.STOP if is_weak else TrialScheduler.CONTINUE)

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        """From now on the trial is one of those that others are compared with."""
        scores = self._scores.setdefault(trial.trial_id, {})
        scores[result[TIME_ATTRIBUTE]] = result[METRIC]
        epochs = sorted(scores)
        averages = np.cumsum([scores[epoch] for epoch in epochs]) / np.arange(1, len(epochs) + 1)
        self._averages[trial.trial_id] = (epochs, averages)
