"""Trials whose workers die, whatever they die of: each is tried four times, and then the sweep goes on without it."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import ray

from platform.cluster.starting import start_ray
from platform.sweeping import runner
from platform.sweeping.records import TrialRecord
from platform.tracking.journal import Journal
from platform.tracking.ledger import Ledger
from tests.platform.sweeping.watched import make_plan
from trainables.job import Job
from trainables.student import StudentTrial

DEATHS = ("the process", "no room on the disk", "a damaged copy")  # of the trials, in their order


class Dying(StudentTrial):
    """A trial that notes each attempt, and dies of what its folder says."""

    def step(self) -> dict[str, Any]:
        folder = Path(self._job["folder"])
        death = (folder / "death").read_text()
        with (folder.parents[1] / "attempts").open("a") as file:
            file.write(f"{death}\n")
        if death == "the process":
            os._exit(1)
        if death == "no room on the disk":
            raise OSError(errno.ENOSPC, "No space left on device")
        raise ValueError("a copied store must have the fingerprint 01, but has 02")


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_trial_is_tried_four_times_and_the_others_go_on(
    tmp_path: Path, empty_mlflow: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    # By value, since our `platform`, which this module imports, is not there on a worker.
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    monkeypatch.setenv("RAY_ADDRESS", "local")
    shutil.copy(empty_mlflow, tmp_path / "mlflow.db")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    plan, deaths = make_plan(num_trials=len(DEATHS)), iter(DEATHS)

    def job_of(record: TrialRecord) -> Job:
        folder = tmp_path / "trials" / record.spec.key
        folder.mkdir(parents=True)
        (folder / "death").write_text(next(deaths))
        return Job(spec=record.spec, store="", teachers="", folder=str(folder))

    ledger = Ledger(f"sqlite:///{tmp_path / 'mlflow.db'}", "retina", "dying", {}, tmp_path / "artifacts")
    trials = runner.Trials(folder=tmp_path, job_of=job_of, tags_of=lambda record: {})
    start_ray(verbose=False)
    try:
        with mock.patch.object(runner, "StudentTrial", Dying):
            runner.run(plan, trials, ledger, Journal(tmp_path / "journal.jsonl"), runner.Resources(num_slots=1))
    finally:
        ray.shutdown()
    assert Counter((tmp_path / "attempts").read_text().splitlines()) == dict.fromkeys(DEATHS, 4)
    assert plan.finished and [record.status for record in ledger.records()] == ["FAILED"] * len(DEATHS)
    printed = capfd.readouterr()
    assert "Traceback" not in printed.out + printed.err
    for reason in ("its process was killed", "No space left on device", "must have the fingerprint 01, but has 02"):
        lines = [line for line in printed.out.splitlines() if "its worker failed (" in line and reason in line]
        assert [line.partition(", attempt ")[2][:6] for line in lines] == ["2 of 4", "3 of 4", "4 of 4"]
    told = [record.error for record in plan.records.values()]
    files = [re.fullmatch(r"its worker failed 4 times; see (\S+)", error) for error in told]
    reasons = [Path(file[1]).read_text() for file in files if file]
    assert len(reasons) == 3 and "No space left on device" in reasons[1] and "must have the fingerprint" in reasons[2]
    assert not list((tmp_path / "tmp").iterdir())  # nor Ray's own state
