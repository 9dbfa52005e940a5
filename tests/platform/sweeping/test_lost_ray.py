"""Ray's own process is killed, by a system that is short of memory say: the sweep ends with a sentence, and resumes."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import ray

from platform.cluster.starting import check_alive, start_ray
from platform.sweeping import runner
from platform.tracking.journal import Journal
from platform.tracking.ledger import Ledger
from tests.platform.sweeping.watched import make_plan
from trainables.job import Job
from trainables.student import StudentTrial

GONE = r"^Ray must run for as long as the sweep does, but its process .* run the same command again to resume$"


class TakingRayAlong(StudentTrial):
    """A trial that kills the process of Ray that started it."""

    def step(self) -> dict[str, Any]:
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()
        return {}


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_sweep_does_not_wait_for_a_ray_that_is_gone(
    tmp_path: Path, empty_mlflow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By value, since our `platform`, which this module imports, is not there on a worker.
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    monkeypatch.setenv("RAY_ADDRESS", "local")
    shutil.copy(empty_mlflow, tmp_path / "mlflow.db")
    ledger = Ledger(f"sqlite:///{tmp_path / 'mlflow.db'}", "retina", "lost", {}, tmp_path / "artifacts")
    trials = runner.Trials(
        folder=tmp_path,
        job_of=lambda record: Job(spec=record.spec, store="", teachers="", folder=str(tmp_path)),
        tags_of=lambda record: {},
    )
    start_ray(verbose=False)
    try:
        with mock.patch.object(runner, "StudentTrial", TakingRayAlong), pytest.raises(ConnectionError, match=GONE):
            runner.run(make_plan(), trials, ledger, Journal(tmp_path / "journal.jsonl"), runner.Resources(num_slots=1))
    finally:
        ray.shutdown()
    assert "RUNNING" in [record.status for record in ledger.records()]  # the next one resumes it


@pytest.mark.parametrize(("alive", "is_gone"), [([False], True), ([True, False], False)])
def test_one_machine_is_enough(alive: list[bool], is_gone: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "nodes", lambda: [{"Alive": each} for each in alive])
    if is_gone:
        with pytest.raises(ConnectionError, match=GONE):
            check_alive()
    else:
        check_alive()
