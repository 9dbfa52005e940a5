"""A tracking server that is away costs no record and no order; it is said once."""

from __future__ import annotations

import importlib
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

tracking = importlib.import_module("platform.tracking")


class FakeLedger:
    """Fails as often as `failures` says, with its errors in turn; notes what it was given."""

    def __init__(self, failures: list[Exception] | None = None) -> None:
        self.failures = failures or []
        self.written: list[tuple[Any, ...]] = []
        self.threads: set[int] = set()

    def log(self, run_id: str, metrics: dict[str, float], epoch: int, timestamp_ms: int) -> None:
        self._write("log", run_id, metrics, epoch, timestamp_ms)

    def close(self, record: Any, files: list[tuple[Path, str]], error: str) -> None:
        self._write("close", record, files, error)

    def _write(self, *what: Any) -> None:
        self.threads.add(threading.get_ident())
        if self.failures:
            raise self.failures.pop(0)
        self.written.append(what)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "RETRY_S", 0.01)


def test_everything_is_written_in_order_by_another_thread() -> None:
    ledger = FakeLedger()
    tracker = tracking.Tracker(ledger)
    before_ms = int(time.time() * 1000)
    for epoch in range(1, 4):
        tracker.log("run", {"score": epoch / 10}, epoch)
    tracker.close("record", [(Path("best"), "model")], "")
    tracker.flush()
    assert [(what, *rest[:3]) for what, *rest in ledger.written] == [
        ("log", "run", {"score": 0.1}, 1),
        ("log", "run", {"score": 0.2}, 2),
        ("log", "run", {"score": 0.3}, 3),
        ("close", "record", [(Path("best"), "model")], ""),
    ]
    times = [rest[3] for what, *rest in ledger.written if what == "log"]
    assert before_ms <= times[0] <= times[1] <= times[2] <= int(time.time() * 1000)
    assert threading.get_ident() not in ledger.threads
    assert not tracker._thread.is_alive()


def test_a_server_that_is_away_is_tried_until_it_answers_and_told_of_once(capsys: pytest.CaptureFixture[str]) -> None:
    away: list[Exception] = [MlflowException("no answer"), ConnectionError("refused"), MlflowException("no answer")]
    ledger = FakeLedger(away)
    tracker = tracking.Tracker(ledger)
    tracker.log("run", {"score": 0.1}, 1)
    tracker.log("run", {"score": 0.2}, 2)
    tracker.close("record", [], "failed")
    tracker.flush()
    assert [(what, rest[2]) for what, *rest in ledger.written] == [("log", 1), ("log", 2), ("close", "failed")]
    said = capsys.readouterr().err.splitlines()
    assert said == ["MLflow does not take records (no answer); trying on, training goes on"]


def test_training_does_not_wait_for_the_server() -> None:
    answers = threading.Event()

    class Slow(FakeLedger):
        def log(self, *what: Any) -> None:
            assert answers.wait(20)
            super().log(*what)

    ledger = Slow()
    tracker = tracking.Tracker(ledger)
    tracker.log("run", {}, 1)
    tracker.log("run", {}, 2)
    assert ledger.written == []
    answers.set()
    tracker.flush()
    assert [what[3] for what in ledger.written] == [1, 2]


def test_the_time_is_that_of_the_epoch_and_not_of_the_writing() -> None:
    ledger = FakeLedger([MlflowException("away")] * 5)
    tracker = tracking.Tracker(ledger)
    tracker.log("run", {}, 1)
    logged_ms = time.time() * 1000
    tracker.flush()
    assert ledger.written[0][4] <= logged_ms


def test_a_record_that_is_refused_is_named_and_those_behind_it_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    refused = MlflowException("Invalid metric name: a=b", error_code=INVALID_PARAMETER_VALUE)
    ledger = FakeLedger([refused, TypeError("no number")])
    tracker = tracking.Tracker(ledger)
    for epoch in (1, 2, 3):
        tracker.log("run", {"score": 0.1}, epoch)
    tracker.flush()
    assert [rest[2] for _, *rest in ledger.written] == [3]
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "MLflow refused a record (Invalid metric name: a=b); it is left out",
        "MLflow refused a record (no number); it is left out",
    ]
