"""A trial whose prepared images are not the sweep's, or whose checkpoints are gone, is told as that."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pyarrow as pa
import pytest
from ray.tune.execution.tune_controller import TuneController

from platform.sweeping import runner, trial_events
from platform.sweeping.fair_scheduler import FairScheduler
from platform.sweeping.search import KEY
from platform.sweeping.stopping_rules import METRIC, TIME_ATTRIBUTE
from platform.sweeping.trial_events import TrialEvents
from platform.tracking.restored import LostRecordsError
from platform.tracking.tracker import Tracker
from tests.platform.sweeping.watched import Watched, make_plan
from trainables.data.store import FACTS_KEY, STORE_VERSION
from trainables.job import Job
from trainables.student import StudentTrial

assert runner  # sets what Ray reads from the environment
SENTENCE = "the prepared images must stay as they were when the sweep began"


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_events, "acknowledge_ctrl_c", lambda words: None)


def test_other_prepared_images_end_the_trial_before_its_first_epoch(tmp_path: Path) -> None:
    store, schema = tmp_path / "s.arrow", pa.schema([("labels", pa.int8())])
    with store.open("wb") as file, pa.ipc.new_file(file, schema) as writer:
        facts = f'{{"version": {STORE_VERSION}, "fingerprint": "another"}}'.encode()
        writer.write_batch(pa.record_batch([pa.array([1], pa.int8())], schema), custom_metadata={FACTS_KEY: facts})
    spec = make_plan().next().spec
    job = Job(spec=spec, store=str(store), teachers="", folder=str(tmp_path / "trial"))
    trial = StudentTrial.__new__(StudentTrial)  # without Ray
    trial.reset_config({"job": job.as_dict()})
    result = trial.step()
    assert result["done"] and f"{SENTENCE}, but {store} has the fingerprint another where d is expected" in str(
        result["refused"]
    )


def test_it_ends_the_sweep_and_leaves_the_trial_unfinished() -> None:
    plan = make_plan()
    record = plan.next()
    tracker: Any = Mock(spec=Tracker)
    events = TrialEvents(plan, tracker, Watched(plan).progress, Path, "asha")
    trial: Any = SimpleNamespace(config={KEY: record.spec.key})
    events.on_trial_result(0, [], trial, {"refused": SENTENCE, "time_this_iter_s": 1.0})
    with pytest.raises(ValueError, match=SENTENCE):
        events.on_step_begin(1, [])
    assert record.status == "RUNNING" and not tracker.method_calls


def test_an_error_while_a_result_is_taken_up_is_not_wrapped_by_ray() -> None:
    plan = make_plan()
    record = plan.next()
    tracker: Any = Mock(spec=Tracker)
    tracker.log.side_effect = LostRecordsError("a run that it had is gone")
    events = TrialEvents(plan, tracker, Watched(plan).progress, Path, "asha")
    trial: Any = SimpleNamespace(config={KEY: record.spec.key})
    result = {"epoch": 1, "best_score": 0.5, "metrics": {"score": 0.5}, "time_this_iter_s": 1.0, "done": False}
    events.on_trial_result(0, [], trial, result)
    with pytest.raises(LostRecordsError):
        events.on_step_begin(1, [])


def test_ray_takes_the_result_of_a_trial_that_failed_before_its_first_score() -> None:
    others: Any = SimpleNamespace(
        _metric=None, _scheduler_alg=SimpleNamespace(metric=None), _search_alg=SimpleNamespace(metric=METRIC)
    )
    result = {"error": "the loss must be finite", "done": True, "training_iteration": 1, "config/key": "k"}
    TuneController._validate_result_metrics(others, result)
    assert METRIC not in result


def test_a_trial_without_its_checkpoints_is_said_to_begin_again() -> None:
    watched = Watched(make_plan())
    record = watched.plan.next()
    record.best_scores = [0.5, 0.6]
    watched.progress.start(record, has_state=True)
    watched.progress.start(record, has_state=False)
    resumed, again = watched.lines()
    assert resumed.endswith(", resumes after epoch 2")
    assert again.endswith(": its checkpoints are gone, so that it is trained again from the beginning")


def test_epochs_that_the_ledger_has_behind_a_gap_are_not_sent_twice() -> None:
    plan = make_plan()
    record = plan.next()
    record.best_scores, record.num_judged, record.behind_gap = [0.5], 1, frozenset({3})
    tracker: Any = Mock(spec=Tracker)
    events = TrialEvents(plan, tracker, Watched(plan).progress, Path, "asha")
    trial: Any = SimpleNamespace(config={KEY: record.spec.key})
    for epoch in (1, 2, 3):
        result = {"epoch": epoch, "best_score": 0.5, "metrics": {"score": 0.5}, "time_this_iter_s": 1.0, "done": False}
        events.on_trial_result(0, [], trial, result)
    assert [call.args[2] for call in tracker.log.call_args_list] == [2]
    assert record.best_scores == [0.5] * 3 and record.num_judged == 3


@pytest.mark.parametrize(("stopped", "at_the_last"), [("", "STOP"), ("asha", "STOP"), ("", "CONTINUE")])
def test_what_was_decided_before_the_ledger_lost_it_is_not_decided_again(stopped: str, at_the_last: str) -> None:
    plan = make_plan()
    record = plan.next()
    record.best_scores, record.known_to, record.stopped = [0.5], 3, stopped
    bracket: Any = Mock()
    scheduler = FairScheduler(plan, lambda max_epochs: bracket)
    trial: Any = SimpleNamespace(config={KEY: record.spec.key})
    decisions = []
    for epoch in (1, 2, 3):
        now = "STOP" if epoch < 3 else "CONTINUE" if stopped else at_the_last
        bracket.on_trial_result.return_value = now
        decisions.append(scheduler.on_trial_result(None, trial, {TIME_ATTRIBUTE: epoch, METRIC: 0.5}))
    assert decisions == ["CONTINUE", "CONTINUE", at_the_last]
