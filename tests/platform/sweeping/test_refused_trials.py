"""A trial whose prepared images are not the sweep's, or whose checkpoints are gone, is told as that."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pyarrow as pa
import pytest

from platform.sweeping.runner import TrialEvents
from platform.sweeping.search import KEY
from platform.tracking.tracker import Tracker
from tests.platform.sweeping.watched import Watched, make_plan
from trainables.data.store import FACTS_KEY, STORE_VERSION
from trainables.job import Job
from trainables.student import StudentTrial

SENTENCE = "the prepared images must stay as they were when the sweep began"


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
    with pytest.raises(ValueError, match=SENTENCE):
        events.on_trial_result(0, [], trial, {"refused": SENTENCE, "time_this_iter_s": 1.0})
    assert record.status == "RUNNING" and not tracker.method_calls


def test_a_trial_without_its_checkpoints_is_said_to_begin_again() -> None:
    watched = Watched(make_plan())
    record = watched.plan.next()
    record.best_scores = [0.5, 0.6]
    watched.progress.start(record, has_state=True)
    watched.progress.start(record, has_state=False)
    resumed, again = watched.lines()
    assert resumed.endswith(", resumes after epoch 2")
    assert again.endswith(": its checkpoints are gone, so that it is trained again from the beginning")
