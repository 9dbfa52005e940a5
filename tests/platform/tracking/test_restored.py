"""A backup of MLflow's file that is restored, while a sweep runs or while none does, is named and mended."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

from platform.sweeping.records import TrialRecord
from platform.tracking.journal import Journal
from platform.tracking.ledger import Ledger
from platform.tracking.restored import LostRecordsError, check_whole
from platform.tracking.tracker import Tracker, send_rest
from trainables.config import TrialConfig
from trainables.trial import TrialSpec

BASE = TrialConfig(dataset="retina", method="transfer", max_epochs=3)
NAMED = "as after a restored backup; run the same command again"


def record_of(seed: int = 0) -> TrialRecord:
    spec = TrialSpec(config=replace(BASE, seed=seed), data_fingerprint="data", split_fingerprint="split")
    return TrialRecord(spec=spec, study="study", number=seed)


def metrics(score: float, *, is_last: bool = False) -> dict[str, float]:
    return {"score": score, "best_score": score, "rung": float(not is_last), "epoch_s": 1.0}


@pytest.fixture
def database(tmp_path: Path, empty_mlflow: Path) -> Path:
    return Path(shutil.copy(empty_mlflow, tmp_path / "mlflow.db"))


@pytest.fixture
def open_ledger(database: Path) -> Any:
    return lambda: Ledger(f"sqlite:///{database}", "retina", "sweep", {}, database.parent / "artifacts")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl")


def test_nothing_is_written_to_a_file_that_has_lost_its_name(
    open_ledger: Any, journal: Journal, database: Path
) -> None:
    ledger = open_ledger()
    backup = Path(shutil.copy(database, database.with_name("backup.db")))
    tracker, record = Tracker(ledger, journal), record_of()
    os.replace(backup, database)
    with pytest.raises(LostRecordsError, match=rf"mlflow\.db was replaced by another file, {NAMED}"):
        tracker.open(record, {})
        tracker.flush()
    assert journal.pending() == []  # its trial is opened again in its turn
    assert open_ledger().records() == []


def test_a_file_that_is_gone_is_named_and_not_made_anew(open_ledger: Any, journal: Journal, database: Path) -> None:
    ledger = open_ledger()
    database.unlink()
    tracker = Tracker(ledger, journal)
    with pytest.raises(LostRecordsError, match=r"mlflow\.db is gone"):
        tracker.open(record_of(), {})
        tracker.flush()
    assert not database.exists()


def test_the_connection_is_to_the_file_that_has_the_name(open_ledger: Any, database: Path) -> None:
    ledger = open_ledger()
    backup = Path(shutil.copy(database, database.with_name("backup.db")))
    ledger.open(record_of(), {}, 1)
    assert len(ledger.records()) == 1
    os.replace(backup, database)
    assert ledger.records() == []


def test_a_run_that_is_gone_ends_the_sweep_at_its_next_call(open_ledger: Any, journal: Journal) -> None:
    ledger = open_ledger()
    tracker, record = Tracker(ledger, journal), record_of()

    def gone(*_: Any) -> None:
        raise MlflowException("Run with id=1 not found", RESOURCE_DOES_NOT_EXIST)

    tracker.open(record, {})
    ledger.log = gone
    tracker.log(record, metrics(0.5), 1)
    with pytest.raises(LostRecordsError, match=f"not found.*{NAMED}"):
        tracker.flush()
    with pytest.raises(LostRecordsError):
        tracker.check()
    with pytest.raises(LostRecordsError):
        tracker.log(record, metrics(0.6), 2)


def test_a_journal_of_more_than_a_backup_has_is_left_to_the_checkpoints(
    open_ledger: Any, journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    lost, later = record_of(), record_of(1)
    spec = {"spec": asdict(later.spec), "study": "study", "number": 1, "tags": {}, "inputs": []}
    journal.append({"do": "log", "trial": lost.spec.key, "at_ms": 1, "metrics": metrics(0.5), "epoch": 2})
    journal.append({"do": "open", "trial": later.spec.key, "at_ms": 2, **spec})
    send_rest(open_ledger(), journal)
    said = capsys.readouterr().err
    assert "refused" not in said and "MLflow lacks trials that it had, as after a restored backup" in said
    assert journal.pending() == [] and open_ledger().records() == []  # the later trial is asked for after the lost one


def test_epochs_behind_a_gap_do_not_count_and_an_end_without_its_epochs_is_none(open_ledger: Any) -> None:
    ledger = open_ledger()
    gap, cut, stopped, whole, without_last = (record_of(seed) for seed in range(5))
    for record in (gap, cut, stopped, whole, without_last):
        ledger.open(record, {}, 1)
    for record, epochs in ((gap, (1, 3)), (cut, (1, 2)), (stopped, (1, 2)), (whole, (1, 2, 3)), (without_last, (1,))):
        for epoch in epochs:
            is_end = record is stopped and epoch == 2
            ledger.log(record.run_id, metrics(epoch / 10, is_last=is_end), epoch, 1)
    for record in (gap, cut, whole):
        ledger.close(record.run_id, "FINISHED", [], {}, 2)
    for record in (stopped, without_last):
        ledger.close(record.run_id, "FINISHED", [], {"stopped": "asha"}, 2)
    held = {record.number: record for record in ledger.records()}
    assert [held[number].status for number in range(5)] == ["RUNNING", "RUNNING", "FINISHED", "FINISHED", "RUNNING"]
    assert held[0].best_scores == [0.1] and held[0].num_judged == 1
    assert held[0].behind_gap == {3} and held[3].behind_gap == frozenset()  # which is not sent twice
    assert [held[number].known_to for number in range(5)] == [3, 3, 0, 0, 0]
    assert [held[number].stopped for number in range(5)] == ["", "", "asha", "", ""]


def test_a_sweep_is_not_finished_while_mlflow_lacks_a_part_of_a_trial() -> None:
    known, running = record_of(), record_of(1)
    known.status, known.best_scores = "FINISHED", [0.1, 0.2]
    same = replace(known, best_scores=[0.1, 0.2])
    check_whole([known, running], [same])
    for held in ([], [replace(same, best_scores=[0.1])], [replace(same, status="RUNNING")]):
        with pytest.raises(LostRecordsError, match=f"lacks parts of 1 of 1 trials .*trial 1.*{NAMED}"):
            check_whole([known, running], held)
