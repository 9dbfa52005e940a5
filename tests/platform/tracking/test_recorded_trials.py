"""Trials are read from MLflow in bulk: a sweep of thousands is resumed within seconds."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from platform.sweeping.records import TrialRecord
from platform.tracking.ledger import Ledger
from trainables.config import TrialConfig
from trainables.trial import TrialSpec

BASE = TrialConfig(dataset="retina", method="transfer", max_epochs=2)


@pytest.fixture
def ledger(tmp_path: Path, empty_mlflow: Path) -> Ledger:
    shutil.copy(empty_mlflow, tmp_path / "mlflow.db")
    return Ledger(f"sqlite:///{tmp_path / 'mlflow.db'}", "retina", "many", {}, tmp_path / "artifacts")


def add(ledger: Ledger, numbers: range) -> None:
    for number in numbers:
        spec = TrialSpec(config=replace(BASE, seed=number), data_fingerprint="d", split_fingerprint="s")
        record = TrialRecord(spec=spec, study=BASE.cell.name, number=number)
        ledger.open(record, {}, 1_700_000_000_000 + number)
        for epoch in (1, 2):
            metrics = {"best_score": number + epoch / 10, "epoch_s": 2.0, "rung": float(epoch == 1)}
            ledger.log(record.run_id, metrics, epoch, 1_700_000_000_000 + 1000 * epoch)


def queries(ledger: Ledger) -> int:
    """How many statements the database is sent while all trials are read."""
    sent: list[Any] = []

    def note(*statement: Any) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        ledger.records()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return len(sent)


def test_twenty_trials_take_no_more_queries_than_two(ledger: Ledger) -> None:
    add(ledger, range(2))
    ledger.records()  # once a process, the form of the tables is looked at
    few = queries(ledger)
    add(ledger, range(2, 20))
    assert queries(ledger) == few > 0


def test_each_trial_has_its_own_history(ledger: Ledger) -> None:
    add(ledger, range(3))
    records = ledger.records()
    assert [record.number for record in records] == [0, 1, 2]
    assert [record.best_scores for record in records] == [[0.1, 0.2], [1.1, 1.2], [2.1, 2.2]]
    assert all(record.seconds == 4.0 and record.num_judged == 1 for record in records)
    assert ledger.record(records[1].run_id) == records[1]
