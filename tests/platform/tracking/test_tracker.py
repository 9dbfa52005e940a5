"""A tracking server that is away, or a process that dies, costs no record and no order, and is reported once."""

from __future__ import annotations

import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from platform.sweeping.records import TrialRecord
from platform.tracking import mlflow_answers
from platform.tracking import tracker as tracking
from platform.tracking.journal import Journal
from platform.tracking.ledger import Ledger
from trainables.config import TrialConfig
from trainables.trial import TrialSpec

SPEC = TrialSpec(
    config=TrialConfig(dataset="retina", method="transfer"), data_fingerprint="data", split_fingerprint="split"
)
BEST = Path(__file__).parent / "best"  # the file that trials leave, where they leave one


class FakeLedger(Ledger):
    """Raises each of `failures` in turn, and then notes what it is given."""

    def __init__(self, failures: list[Exception] | None = None, run_id: str = "") -> None:
        self.failures, self.known_run_id = failures or [], run_id
        self.written: list[tuple[Any, ...]] = []
        self.threads: set[int] = set()
        self.parent_id = "parent"

    def run_id_of(self, key: str) -> str:
        return self.known_run_id

    def open(self, record: Any, tags: Mapping[str, str], at_ms: int, inputs: Any = ()) -> None:
        self._write("open", record.run_id, record.number, tags, at_ms, inputs)
        record.run_id = record.run_id or "new"

    def log(self, run_id: str, metrics: Mapping[str, float], epoch: int, timestamp_ms: int) -> None:
        self._write("log", run_id, epoch, metrics, timestamp_ms)

    def close(self, run_id: str, status: str, files: Any, outcome: Mapping[str, str], at_ms: int) -> None:
        self._write("close", run_id, status, files, outcome)

    def _write(self, *call: Any) -> None:
        self.threads.add(threading.get_ident())
        if self.failures:
            raise self.failures.pop(0)
        self.written.append(call)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "RETRY_S", 0.01)


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    return Journal(tmp_path / "journal.jsonl")


@pytest.fixture
def record() -> Any:
    return TrialRecord(spec=SPEC, study="a", number=4)


def whole_trial(tracker: Any, record: Any, num_epochs: int = 2) -> None:
    tracker.open(record, {"data": "phantom"})
    for epoch in range(1, num_epochs + 1):
        tracker.log(record, {"score": epoch / 10}, epoch)
    record.status = "FINISHED"
    tracker.close(record, [(BEST, "model")], {"stopped": ""})


def test_everything_is_written_in_order_by_another_thread(journal: Any, record: Any) -> None:
    ledger = FakeLedger()
    tracker = tracking.Tracker(ledger, journal)
    before_ms = int(time.time() * 1000)
    whole_trial(tracker, record)
    tracker.flush()
    assert [call[:3] for call in ledger.written] == [
        ("open", "", 4),
        ("log", "new", 1),
        ("log", "new", 2),
        ("close", "new", "FINISHED"),
    ]
    (file,), outcome = ledger.written[-1][3:]
    assert (file[0].resolve(), file[1], outcome) == (BEST.resolve(), "model", {"stopped": ""})
    times = [call[4] for call in ledger.written[:3]]
    assert before_ms <= times[0] <= times[1] <= times[2] <= int(time.time() * 1000)
    assert threading.get_ident() not in ledger.threads
    assert "tracker" not in {thread.name for thread in threading.enumerate()}
    assert journal.pending() == []


def test_images_and_the_sweeps_own_metrics_go_with_the_trials(journal: Any, record: Any) -> None:
    ledger = FakeLedger()
    tracker = tracking.Tracker(ledger, journal)
    images = [{"name": "retina", "context": "train"}]
    tracker.open(record, {}, images)
    tracker.progress({"best val_auc/a b c d": 0.5}, 3)
    tracker.flush()
    opened, progress = ledger.written
    assert opened[5] == images
    assert progress[:4] == ("log", "parent", 3, {"best val_auc/a b c d": 0.5})


def test_a_server_that_is_away_is_tried_until_it_answers_and_reported_once(
    journal: Any, record: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    away: list[Exception] = [MlflowException("no answer"), ConnectionError("refused"), MlflowException("no answer")]
    ledger = FakeLedger(away)
    tracker = tracking.Tracker(ledger, journal)
    whole_trial(tracker, record)
    tracker.flush()
    assert [call[0] for call in ledger.written] == ["open", "log", "log", "close"]
    messages = capsys.readouterr().err.splitlines()
    assert messages == ["MLflow does not accept records (no answer); retrying while training continues"]


def test_a_run_whose_creation_was_never_answered_is_not_created_twice(journal: Any, record: Any) -> None:
    ledger = FakeLedger([MlflowException("the answer was lost")], run_id="made")
    tracker = tracking.Tracker(ledger, journal)
    whole_trial(tracker, record, num_epochs=1)
    tracker.flush()
    assert [call[1] for call in ledger.written] == ["made", "made", "made"]


def test_a_resumed_trial_is_logged_to_its_own_run(journal: Any, record: Any) -> None:
    record.run_id = "before"
    ledger = FakeLedger()
    tracker = tracking.Tracker(ledger, journal)
    whole_trial(tracker, record, num_epochs=1)
    tracker.flush()
    assert [call[1] for call in ledger.written] == ["before", "before", "before"]


@pytest.mark.parametrize("status, forgotten", [("FINISHED", 1), ("FAILED", 0)])
def test_a_trial_is_forgotten_once_it_is_written_whole(journal: Any, record: Any, status: str, forgotten: int) -> None:
    ledger = FakeLedger([MlflowException("away")])
    written_before: list[tuple[str, str, int]] = []
    tracker = tracking.Tracker(
        ledger, journal, lambda key, run_id: written_before.append((key, run_id, len(ledger.written)))
    )
    tracker.open(record, {})
    record.status = status
    tracker.close(record, [], {})
    tracker.flush()
    assert written_before == [(SPEC.key, "new", 2)] * forgotten  # after the open and the close


def test_a_trial_whose_end_was_refused_is_not_forgotten(journal: Any, record: Any) -> None:
    record.run_id, record.status = "before", "FINISHED"
    forgotten: list[str] = []
    ledger = FakeLedger([TypeError("no number")])
    tracker = tracking.Tracker(ledger, journal, lambda key, run_id: forgotten.append(key))
    tracker.close(record, [], {})
    tracker.flush()
    assert forgotten == []


@pytest.fixture
def waiting(journal: Any, record: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A journal that a sweep left whose server never answered."""
    monkeypatch.setattr(tracking, "PATIENCE_S", 0.0)
    tracker = tracking.Tracker(FakeLedger([MlflowException("away")] * 10**6), journal)
    whole_trial(tracker, record)
    with pytest.raises(
        ConnectionError, match=r"4 records wait in .*journal\.jsonl; nothing is lost, run the same command"
    ):
        tracker.flush()
    yield journal


def test_what_could_not_be_sent_waits_on_the_disk_and_is_sent_by_the_next_process(waiting: Any) -> None:
    later = FakeLedger()
    tracking.send_rest(later, Journal(waiting.path))
    assert [(call[0], call[1]) for call in later.written] == [
        ("open", ""),
        ("log", "new"),
        ("log", "new"),
        ("close", "new"),
    ]
    assert waiting.pending() == []
    tracking.send_rest(FakeLedger([AssertionError("nothing is left to send")]), waiting)


def test_the_files_of_waiting_records_are_found_where_the_folder_was_moved_to(
    record: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "PATIENCE_S", 0.0)
    sweep = tmp_path / "here" / "sweeps" / "s"
    sweep.mkdir(parents=True)
    record.status = "FINISHED"
    away = FakeLedger([MlflowException("away")] * 10**6, run_id="made")
    tracker = tracking.Tracker(away, Journal(sweep / "journal.jsonl"))
    tracker.close(record, [(sweep / "trials" / "best", "model")], {})
    with pytest.raises(ConnectionError):
        tracker.flush()
    (tmp_path / "here").rename(tmp_path / "there")
    moved, later = tmp_path / "there" / "sweeps" / "s", FakeLedger(run_id="made")
    tracking.send_rest(later, Journal(moved / "journal.jsonl"))
    assert later.written == [("close", "made", "FINISHED", [(moved / "trials" / "best", "model")], {})]


def test_a_crash_between_sending_and_clearing_makes_no_second_run(waiting: Any) -> None:
    later = FakeLedger(run_id="made before the crash")
    tracking.send_rest(later, waiting)
    assert {call[1] for call in later.written} == {"made before the crash"}


def test_training_does_not_wait_for_the_server(journal: Any, record: Any) -> None:
    answers = threading.Event()

    class Slow(FakeLedger):
        def open(self, record: Any, tags: Mapping[str, str], at_ms: int, inputs: Any = ()) -> None:
            assert answers.wait(20)
            super().open(record, tags, at_ms)

    ledger = Slow()
    tracker = tracking.Tracker(ledger, journal)
    whole_trial(tracker, record)
    assert ledger.written == []
    assert len(journal.pending()) == 4
    answers.set()
    tracker.flush()
    assert [call[0] for call in ledger.written] == ["open", "log", "log", "close"]


def test_a_record_that_is_refused_is_named_and_those_behind_it_are_written(
    journal: Any, record: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = MlflowException("Invalid metric name: a=b", error_code=INVALID_PARAMETER_VALUE)
    record.run_id = "before"
    ledger = FakeLedger([refused, TypeError("no number")])
    tracker = tracking.Tracker(ledger, journal)
    tracker.open(record, {})
    for epoch in (1, 2):
        tracker.log(record, {"score": 0.1}, epoch)
    tracker.flush()
    assert [call[2] for call in ledger.written] == [2]
    messages = capsys.readouterr().err.splitlines()
    assert messages == [
        "MLflow refused a record (Invalid metric name: a=b); leaving it out",
        "MLflow refused a record (no number); leaving it out",
    ]


def test_sending_twice_leaves_one_run_with_each_number_once(
    record: Any, tmp_path: Path, empty_mlflow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {"settings": "{}"}
    shutil.copy(empty_mlflow, tmp_path / "mlflow.db")
    ledger = Ledger(f"sqlite:///{tmp_path / 'mlflow.db'}", "retina", "s", facts, tmp_path / "artifacts")
    kept = Journal(tmp_path / "kept.jsonl")
    monkeypatch.setattr(kept, "clear", lambda: None)  # as if the process died each time before it could
    tracker = tracking.Tracker(ledger, kept)
    whole_trial(tracker, record)
    with pytest.raises(ConnectionError):
        tracker.flush()
    with pytest.raises(ConnectionError):
        tracking.send_rest(ledger, kept)
    (kept_record,) = ledger.records()
    assert (kept_record.spec, kept_record.number) == (SPEC, 4)
    assert ledger.client.get_run(kept_record.run_id).info.status == "FINISHED"
    history = ledger.client.get_metric_history(kept_record.run_id, "score")
    assert [(metric.step, metric.value) for metric in history] == [(1, 0.1), (2, 0.2)]


def test_a_server_that_must_answer_is_named() -> None:
    message = (
        r"MLflow must answer at http://mlflow:5000, but: no route; start the server, or correct MLFLOW_TRACKING_URI, "
        r"then run the same command again$"
    )
    for before in ("", "(raised as a result of Query-invoked autoflush; and advice)\n"):
        with pytest.raises(ConnectionError, match=message), mlflow_answers.must_answer("http://mlflow:5000"):
            raise MlflowException(f"{before}no route\nand a long trace")


def test_a_server_is_asked_at_once_and_its_silence_is_said_in_the_systems_own_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        message = f"MLflow must answer at http://{where}, but: Connection refused; start the server"
        with pytest.raises(ConnectionError, match=message):
            mlflow_answers.ask_server(f"http://me:secret@{where}", f"http://{where}")


def test_a_file_is_not_asked_for(tmp_path: Path) -> None:
    mlflow_answers.ask_server(f"sqlite:///{tmp_path / 'mlflow.db'}", "mlflow.db")
    assert not (tmp_path / "mlflow.db").exists()


def test_a_file_that_is_locked_at_the_start_gets_one_clear_line(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    message = r"MLflow must answer at mlflow.db, but: .*database is locked.*; .*`lsof mlflow.db` names it"
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("begin exclusive")
        with pytest.raises(ConnectionError, match=message), mlflow_answers.must_answer("mlflow.db"):
            Ledger(uri, "retina", "s", {"settings": "{}"}, tmp_path / "artifacts")


def test_where_the_disk_of_mlflows_file_is_full_the_cure_is_to_make_room() -> None:
    message = r"MLflow must answer at /r/mlflow.db, but: .*disk is full; free some space on its disk, then run"
    with pytest.raises(ConnectionError, match=message), mlflow_answers.must_answer("/r/mlflow.db"):
        raise MlflowException("(sqlite3.OperationalError) database or disk is full\n[SQL: INSERT INTO runs]")


def test_what_mlflow_refuses_is_no_matter_of_connection() -> None:
    with pytest.raises(MlflowException, match="bad name"), mlflow_answers.must_answer("sqlite:///x"):
        raise MlflowException("bad name", error_code=INVALID_PARAMETER_VALUE)
