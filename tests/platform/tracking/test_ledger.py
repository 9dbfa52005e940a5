"""What is put into MLflow comes back: the ledger is a sweep's only memory."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException

from analysis.reading.record_form import RECORD_VERSION
from platform.sweeping.records import TrialRecord
from platform.tracking import ledger as ledgers
from platform.tracking.ledger import Ledger
from trainables.config import TrialConfig
from trainables.trial import RECIPE_VERSION, TrialSpec

SETTINGS = {"epochs": 3, "seed": 0, "teachers": {"imagenet": "abc"}}
CLOCK_MS = itertools.count(1_700_000_000_000)
BASE = TrialConfig(dataset="retina", teacher="imagenet", beta=60.0, learning_rate=1.25e-4, max_epochs=3)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path) -> Path:
    folder = tmp_path_factory.mktemp("results")
    shutil.copy(empty_mlflow, folder / "mlflow.db")
    return folder


@pytest.fixture
def ledger_of(results: Path) -> Callable[..., Any]:
    """Opens a sweep in the one database of this file."""

    def make(sweep: str, settings: dict[str, Any] | None = None, **facts: str) -> Any:
        known = {"settings": json.dumps(SETTINGS | (settings or {})), "data": "phantom", **facts}
        return Ledger(f"sqlite:///{results / 'mlflow.db'}", "retina", sweep, known, results / "artifacts")

    return make


def record_of(seed: int = 0, number: int = 0, **changes: Any) -> Any:
    spec = TrialSpec(
        config=replace(BASE, seed=seed, **changes),
        data_fingerprint="data",
        split_fingerprint="split",
        teacher_fingerprint="teacher",
        init_fingerprint="init",
    )
    return TrialRecord(spec=spec, study=BASE.cell.name, number=number)


def open_one(ledger: Any, seed: int = 0, number: int = 0, **changes: Any) -> Any:
    record = record_of(seed, number, **changes)
    ledger.open(record, {"teacher_is_phantom": "true"}, next(CLOCK_MS))
    return record


def close(ledger: Any, record: Any, files: Any = (), **outcome: str) -> None:
    ledger.close(record.run_id, record.status, files, {"stopped": record.stopped, **outcome}, next(CLOCK_MS))


def test_a_new_sweep_is_a_running_parent_with_its_facts(ledger_of: Callable[..., Any]) -> None:
    ledger = ledger_of("facts", table_2='{"retina": 1}')
    assert ledger.records() == []
    run = ledger.client.get_run(ledger.parent_id)
    assert (run.info.run_name, run.info.status) == ("facts", "RUNNING")
    expected = {"kind": "sweep", "sweep": "facts", "data": "phantom", "table_2": '{"retina": 1}'}
    assert expected.items() <= run.data.tags.items()
    assert json.loads(run.data.tags["settings"]) == SETTINGS


def test_records_come_back_as_they_were(ledger_of: Callable[..., Any]) -> None:
    ledger = ledger_of("round-trip")
    done, stopped, failed, running = (open_one(ledger, seed, number=seed) for seed in range(4))
    for epoch, (score, best, rung) in enumerate([(0.5, 0.5, 1.0), (0.4, 0.5, 1.0), (0.625, 0.625, 1.0)], 1):
        ledger.log(done.run_id, {"score": score, "best_score": best, "rung": rung}, epoch, 1000 + epoch)
    ledger.log(stopped.run_id, {"best_score": 0.25, "rung": 1.0}, 1, 1000)
    ledger.log(stopped.run_id, {"best_score": 0.25, "rung": 0.0}, 2, 1000)
    ledger.log(running.run_id, {"best_score": 0.375, "rung": 1.0}, 1, 1000)
    done.status, stopped.status, stopped.stopped, failed.status = "FINISHED", "FINISHED", "asha", "FAILED"
    close(ledger, done)
    close(ledger, stopped)
    close(ledger, failed, error="the loss must be finite")

    records = ledger_of("round-trip").records()
    assert [r.run_id for r in records] == [r.run_id for r in (done, stopped, failed, running)]
    assert [r.spec for r in records] == [r.spec for r in (done, stopped, failed, running)]
    assert [r.spec.key for r in records] == [r.spec.key for r in (done, stopped, failed, running)]
    assert [(r.study, r.number) for r in records] == [(BASE.cell.name, number) for number in range(4)]
    assert [r.status for r in records] == ["FINISHED", "FINISHED", "FAILED", "RUNNING"]
    assert [r.stopped for r in records] == ["", "asha", "", ""]
    assert [r.best_scores for r in records] == [[0.5, 0.5, 0.625], [0.25, 0.25], [], [0.375]]
    assert [r.num_judged for r in records] == [3, 1, 0, 1]
    assert [r.score for r in records] == [0.625, 0.25, None, 0.375]


def test_a_trials_run_says_all_that_the_analysis_reads(ledger_of: Callable[..., Any]) -> None:
    ledger = ledger_of("tags")
    record = open_one(ledger, number=4)
    ledger.log(record.run_id, {"score": 0.5, "val_auc_No_DR": 0.75}, 2, 1234)
    run = ledger.client.get_run(record.run_id)
    expected = {
        "mlflow.parentRunId": ledger.parent_id,
        "kind": "trial",
        "sweep": "tags",
        "trial": record.spec.key,
        "dataset": "retina",
        "phase": "search",
        "cell": "attention/imagenet/densenet121/all",
        "number": "4",
        "seed": "0",
        "recipe": str(RECIPE_VERSION),
        "record": str(RECORD_VERSION),
        "data_fingerprint": "data",
        "split_fingerprint": "split",
        "teacher_fingerprint": "teacher",
        "teacher_is_phantom": "true",
    }
    assert expected.items() <= run.data.tags.items()
    assert {"beta": "60.0", "learning_rate": "0.000125", "data_fraction": "1.0"}.items() <= run.data.params.items()
    (metric,) = ledger.client.get_metric_history(record.run_id, "val/auc_No_DR")
    assert (metric.value, metric.step, metric.timestamp) == (0.75, 2, 1234)


def test_the_same_sweep_again_is_taken_up(ledger_of: Callable[..., Any]) -> None:
    first = ledger_of("again", note="old")
    record = open_one(first)
    first.close_sweep("KILLED")
    assert first.client.get_run(first.parent_id).info.status == "KILLED"
    second = ledger_of("again", note="new")
    assert second.parent_id == first.parent_id
    run = second.client.get_run(second.parent_id)
    assert (run.info.status, run.data.tags["note"]) == ("RUNNING", "new")
    (reopened,) = second.records()
    second.open(reopened, {}, next(CLOCK_MS))  # resumes in its own run
    assert reopened.run_id == record.run_id
    assert len(second.records()) == 1
    second.close_sweep("FINISHED")
    assert second.client.get_run(second.parent_id).info.status == "FINISHED"


def test_a_trials_run_is_found_by_its_key(ledger_of: Callable[..., Any]) -> None:
    ledger = ledger_of("keys")
    record = open_one(ledger)
    assert ledger.run_id_of(record.spec.key) == record.run_id
    assert ledger.run_id_of(record_of(seed=9).spec.key) == ""


def test_a_run_that_had_ended_runs_again_when_it_is_opened(ledger_of: Callable[..., Any]) -> None:
    ledger = ledger_of("reopened")
    record = open_one(ledger)
    record.status = "FAILED"
    close(ledger, record)
    ledger.open(record, {}, next(CLOCK_MS))
    assert ledger.client.get_run(record.run_id).info.status == "RUNNING"


@pytest.mark.parametrize(
    ("change", "changes"),
    [
        ({"epochs": 4}, r"\(epochs: 3 before, 4 now\)"),
        ({"seed": 7, "epochs": 9}, r"\(epochs: 3 before, 9 now; seed: 0 before, 7 now\)"),
        ({"teachers": {"mimic-cxr": "def", "imagenet": "xyz"}}, r"\(imagenet: abc before, xyz now\)"),
        ({"batch_size": 16}, r"\(batch_size: 32 before, 16 now\)"),  # not on record, and so at its default
    ],
    ids=["epochs", "two", "teacher", "new"],
)
def test_changed_settings_are_named(ledger_of: Callable[..., Any], change: dict[str, Any], changes: str) -> None:
    first = ledger_of("settings")
    open_one(first) if not first.records() else None
    before = first.client.get_run(first.parent_id).data.tags
    with pytest.raises(ValueError, match=f"settings has other ones {changes}; give the same flags, or another --name"):
        ledger_of("settings", change)
    assert first.client.get_run(first.parent_id).data.tags == before
    assert ledger_of("settings").parent_id == first.parent_id


@pytest.mark.parametrize("form", [None, RECORD_VERSION - 1, RECORD_VERSION + 1])
def test_a_sweep_in_another_form_is_refused_and_left_as_it_was(ledger_of: Callable[..., Any], form: int | None) -> None:
    first = ledger_of(f"form-{form}")
    first.close_sweep("KILLED")
    first.client.delete_tag(first.parent_id, "record")
    if form is not None:
        first.client.set_tag(first.parent_id, "record", str(form))
    message = f"form {RECORD_VERSION} to be resumed, but form-{form} is in form {form or '1 or unknown'}; .* --name"
    with pytest.raises(ValueError, match=message):
        ledger_of(f"form-{form}")
    assert first.client.get_run(first.parent_id).info.status == "KILLED"


def test_sweeps_and_recipes_are_kept_apart(ledger_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = ledger_of("apart"), ledger_of("apart-2")
    mine, theirs = open_one(first), open_one(second)
    assert first.parent_id != second.parent_id
    assert [r.run_id for r in first.records()] == [mine.run_id]
    assert [r.run_id for r in second.records()] == [theirs.run_id]
    monkeypatch.setattr(ledgers, "RECIPE_VERSION", RECIPE_VERSION + 1)
    assert first.records() == []


def test_files_go_before_the_end_and_absent_ones_are_passed_over(
    ledger_of: Callable[..., Any], tmp_path: Path, results: Path
) -> None:
    ledger = ledger_of("files")
    record = open_one(ledger)
    record.status = "FINISHED"
    for name in ("best-00003.safetensors", "predictions.parquet"):
        (tmp_path / name).write_bytes(b"content")
    files = [(tmp_path / "best-00003.safetensors", "model"), (tmp_path / "predictions.parquet", "")]
    close(ledger, record, [*files, (tmp_path / "never-written", "")])
    run = ledger.client.get_run(record.run_id)
    kept = {item.path for folder in ("", "model") for item in ledger.client.list_artifacts(record.run_id, folder)}
    assert kept == {"model", "model/best-00003.safetensors", "predictions.parquet"}
    assert run.info.artifact_uri.startswith((results / "artifacts").as_uri())
    assert run.info.status == "FINISHED"
    assert not {"stopped", "error"} & run.data.tags.keys()


def test_a_long_error_is_cut_to_what_a_tag_holds(ledger_of: Callable[..., Any]) -> None:
    ledger = ledger_of("errors")
    record = open_one(ledger)
    record.status = "FAILED"
    close(ledger, record, error="x" * 6000)
    assert ledger.client.get_run(record.run_id).data.tags["error"] == "x" * ledgers.MAX_TAG_CHARS


def num_sweeps(ledger: Any) -> int:
    return len(ledger.client.search_runs([ledger.experiment_id], "tags.kind = 'sweep'"))


@pytest.mark.parametrize("name", ["it's", "a' or tags.kind = 'sweep"])
def test_a_name_that_would_end_the_query_is_refused_and_makes_no_run(ledger_of: Callable[..., Any], name: str) -> None:
    before = num_sweeps(ledger_of("quotes"))
    with pytest.raises(MlflowException, match="Invalid clause"):
        ledger_of(name)
    assert num_sweeps(ledger_of("quotes")) == before
