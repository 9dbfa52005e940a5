"""Early stopping as Ray Tune sees it: one bracket per study, rebuilt from the ledger's records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from platform.sweeping.packs import is_pack, keys_of, members_of, num_left
from platform.sweeping.plan import Plan
from platform.sweeping.records import TrialRecord
from platform.sweeping.schedulers import DEFAULT_SCHEDULER, scheduler_of
from platform.sweeping.search import KEY
from platform.sweeping.stopping_rules import METRIC, TIME_ATTRIBUTE, Entrant


class FairScheduler(FIFOScheduler):
    """One bracket per study, over the best validation score so far; confirm runs are never stopped early.

    Its time is epochs with labels: before the first one a score says nothing, and none is judged.
    Nor are the trials of a study that rules it out: the paper trained each point of its grid to the end.

    Args:
        plan: knows which study a trial belongs to, how long its trials are, and what the ledger holds of earlier ones.
        scheduler: a name in `platform.sweeping.schedulers`, or what makes a bracket for trials of so many epochs.

    Raises:
        ValueError: there is no scheduler of that name.
    """

    def __init__(self, plan: Plan, scheduler: str | Callable[[int], TrialScheduler] = DEFAULT_SCHEDULER) -> None:
        super().__init__()
        self._plan = plan
        self._over: set[str] = set()  # the keys of trials that have ended in this process
        bracket_of = scheduler_of(scheduler) if isinstance(scheduler, str) else scheduler
        searches = [(name, study) for name, study in plan.studies.items() if study.stops_early]
        self._brackets = {name: bracket_of(plan.num_labelled(study)) for name, study in searches}
        for record in plan.records.values():
            self._replay(record)

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """A trial enters its study's bracket; so does each member of a pack, or what is left of it."""
        for record in self._left(trial):
            if bracket := self._bracket_of(record):
                bracket.on_trial_add(tune_controller, _entrant(record))

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Whether the trial continues, judged by what its own study has seen at this rung.

        A pack continues while a member does. A member that does not has ``done`` in its part of the result, which is
        what Ray does to the result of a trial that stops.
        """
        if not is_pack(trial):
            return self._judge(tune_controller, self._plan.records[trial.config[KEY]], result)
        num_stopped = 0
        for key, own in members_of(trial, result):
            record, is_over = self._plan.records[key], key in self._over  # its worker may not have seen the note yet
            if not own["done"] and (is_over or self._judge(tune_controller, record, own) == TrialScheduler.STOP):
                own["done"] = True
                num_stopped += 1
            if own["done"]:
                self._end(tune_controller, record, own)
        return TrialScheduler.STOP if num_stopped == num_left(result) else TrialScheduler.CONTINUE

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        """The last result counts at its rung."""
        for key, own in members_of(trial, result):
            self._end(tune_controller, self._plan.records[key], own)

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        """A failed trial leaves its bracket."""
        self.on_trial_remove(tune_controller, trial)

    def on_trial_remove(self, tune_controller: Any, trial: Trial) -> None:
        """A removed trial leaves its bracket."""
        for record in self._left(trial):
            if bracket := self._bracket_of(record):
                bracket.on_trial_remove(tune_controller, _entrant(record))

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def _judge(self, tune_controller: Any, record: TrialRecord, result: dict[str, Any]) -> str:
        bracket = self._bracket_of(record)
        if bracket is None or METRIC not in result:
            return TrialScheduler.CONTINUE
        labelled = _labelled(record, result)
        if labelled[TIME_ATTRIBUTE] < 1:
            return TrialScheduler.CONTINUE
        decision = str(bracket.on_trial_result(tune_controller, _entrant(record), labelled))
        epoch = result[TIME_ATTRIBUTE]
        # What the ledger has lost was decided before, when less was known of the trials that came after it.
        if epoch < record.known_to:
            return TrialScheduler.CONTINUE
        return TrialScheduler.STOP if record.stopped and epoch == record.known_to else decision

    def _end(self, tune_controller: Any, record: TrialRecord, result: dict[str, Any]) -> None:
        """The last result of a trial counts at its rung, once; one that failed has none."""
        if record.spec.key in self._over:
            return
        self._over.add(record.spec.key)
        if (bracket := self._bracket_of(record)) and METRIC in result:
            bracket.on_trial_complete(tune_controller, _entrant(record), _labelled(record, result))

    def _left(self, trial: Trial) -> list[TrialRecord]:
        """The trials of the plan that are still in it."""
        return [self._plan.records[key] for key in keys_of(trial) if key not in self._over]

    def _bracket_of(self, record: TrialRecord) -> TrialScheduler | None:
        return self._brackets.get(record.study) if record.spec.config.phase == "search" else None

    def _replay(self, record: TrialRecord) -> None:
        """Shows a bracket what it had seen of a trial when the sweep was interrupted, by the same calls.

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
        trial = _entrant(record)
        nobody: Any = None  # the brackets do not ask the controller for anything
        bracket.on_trial_add(nobody, trial)
        for epoch, score in enumerate(scores, 1):
            bracket.on_trial_result(nobody, trial, {TIME_ATTRIBUTE: epoch, METRIC: score})
        if record.status == "FINISHED":
            bracket.on_trial_complete(nobody, trial, {TIME_ATTRIBUTE: len(scores), METRIC: scores[-1]})
        else:
            bracket.on_trial_remove(nobody, trial)


def _labelled(record: TrialRecord, result: dict[str, Any]) -> dict[str, Any]:
    """The result at its time: the epochs with labels, 0 or below where there was none yet."""
    return {**result, TIME_ATTRIBUTE: result[TIME_ATTRIBUTE] - record.spec.config.num_unlabelled}


def _entrant(record: TrialRecord) -> Any:
    """A trial as the brackets need it: Ray's own has an id that is another one in each process."""
    return Entrant(record.spec.key, record.number)
