"""How a trial's end reaches the record and whoever watches: failed, short of memory, or given up with its worker."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.experiment import Trial

from platform.sweeping.search import KEY
from platform.sweeping.trial_events import TrialEvents
from tests.platform.sweeping.watched import PLAIN, Watched, make_plan


class Record:
    """In the place of the tracker: what it was given at each trial's end."""

    def __init__(self) -> None:
        self.ends: list[dict[str, Any]] = []

    def log(self, record: Any, metrics: Any, epoch: int) -> None:
        pass

    def progress(self, metrics: Any, step: int) -> None:
        pass

    def close(self, record: Any, files: Any, outcome: dict[str, str]) -> None:
        self.ends.append({"status": record.status, **outcome})


class Running:
    """The first trial of a plan, as Ray tells of it."""

    def __init__(self, folder: Path) -> None:
        self.watched, self.recorded = Watched(make_plan()), Record()
        self.record = self.watched.plan.next()
        tracker: Any = self.recorded
        self.events = TrialEvents(self.watched.plan, tracker, self.watched.progress, lambda key: folder / key)
        self.trial: Any = SimpleNamespace(config={KEY: self.record.spec.key}, error_file="/session/error.txt")

    def result(self, **result: Any) -> None:
        usual = {"node_ip": "10.0.0.7", "hardware": "a CPU", "time_this_iter_s": 1.0}
        self.events.on_trial_result(1, [], self.trial, {**usual, **result})


@pytest.fixture
def running(tmp_path: Path) -> Running:
    return Running(tmp_path)


def test_a_trial_that_ends_with_an_error_has_failed_and_the_study_goes_on(running: Running) -> None:
    reason = "the training loss of epoch 1 must be finite, but is nan in it"
    running.result(error=reason, done=True)
    (end,) = running.recorded.ends
    assert (end["status"], end["error"], end["node"]) == ("FAILED", reason, "10.0.0.7")
    assert running.watched.lines() == [f"1/3 {PLAIN} trial 1: FAILED: {reason}; about 2 min left"]
    assert running.watched.plan.next().number == 1 and not running.watched.plan.finished


@pytest.mark.parametrize(
    ("traceback", "reason"),
    [
        (
            "Traceback\n  ...\nOSError: [Errno 28] No space left on device\n\n",
            "OSError: [Errno 28] No space left on device",
        ),
        ("ActorDiedError: ...\nThe actor is dead because its worker process has died. ...", "its process was killed, "),
        ("", "no reason is known"),
    ],
    ids=["an error", "killed", "nothing"],
)
def test_a_worker_that_failed_and_is_restarted_takes_one_line(
    running: Running, tmp_path: Path, traceback: str, reason: str
) -> None:
    running.trial.error_file, running.trial.num_failures = str(tmp_path / "error.txt"), 1
    (tmp_path / "error.txt").write_text(traceback)
    running.events.on_trial_recover(1, [], running.trial)
    (line,) = running.watched.lines()
    assert line.startswith(f"0/3 {PLAIN} trial 1: its worker failed ({reason}")
    assert line.endswith(f"last finished epoch, attempt 2 of 4; all of it is in {tmp_path}/error.txt")
    assert not running.recorded.ends and running.record.status == "RUNNING"


def test_a_trial_whose_worker_failed_too_often_names_the_file_with_the_reason(running: Running) -> None:
    running.events.on_trial_error(1, [], running.trial)
    (end,) = running.recorded.ends
    assert (end["status"], end["error"]) == ("FAILED", "its worker failed 4 times; see /session/error.txt")
    assert "FAILED: its worker failed 4 times; see /session/error.txt" in running.watched.stream.getvalue()
    running.events.on_trial_error(2, [], running.trial)
    assert len(running.recorded.ends) == 1


def test_an_ended_trial_leaves_no_statistics_of_its_metrics_in_the_drivers_memory(running: Running) -> None:
    trial = Trial("none", stub=True)
    auc: Any = 0.7
    trial.run_metadata.update_metric("auc", auc, step=1)
    assert trial.metric_analysis and trial.metric_n_steps
    running.events.on_trial_complete(1, [trial], trial)
    assert not trial.metric_analysis and not trial.metric_n_steps


@pytest.mark.parametrize(
    ("metrics", "tag"),
    [({"micro_batch_size": 4.0}, "ended with at most 4 of the batch's 32 images at once"), ({}, "")],
    ids=["short of memory", "enough"],
)
def test_the_record_of_a_trial_says_where_its_batch_did_not_fit(
    running: Running, metrics: dict[str, float], tag: str
) -> None:
    last = running.record.spec.config.num_reports
    running.result(epoch=last, done=True, best_score=0.5, metrics={"score": 0.5, **metrics})
    (end,) = running.recorded.ends
    assert (end["status"], end["out_of_memory"]) == ("FINISHED", tag)
