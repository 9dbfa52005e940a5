"""A trial's folder goes once MLflow has the trial whole, and never before."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mlflow.exceptions import MlflowException

from analysis.reading.recorded_places import local_path
from platform.sweeping.records import TrialRecord
from platform.tracking import clearing
from platform.tracking.clearing import clear, files_of
from platform.tracking.ledger import Ledger
from trainables import checkpoint
from trainables.cell import ITSELF, NO_STUDENT
from trainables.config import TrialConfig
from trainables.prediction_rows import PREDICTIONS_FILE
from trainables.trial import TrialSpec

NUM_EPOCHS, BEST_EPOCH = 3, 2
BASE = TrialConfig(dataset="retina", method="transfer", max_epochs=NUM_EPOCHS, phase="confirm")
SEEDS = itertools.count()


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path) -> Ledger:
    folder = tmp_path_factory.mktemp("results")
    shutil.copy(empty_mlflow, folder / "mlflow.db")
    return Ledger(f"sqlite:///{folder / 'mlflow.db'}", "retina", "s", {"settings": "{}"}, folder / "artifacts")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A trial's folder after its last epoch."""
    folder = tmp_path / "trial"
    folder.mkdir()
    for epoch in range(1, NUM_EPOCHS + 1):
        if epoch <= BEST_EPOCH:
            checkpoint.save_best(folder, epoch, {"w": torch.full((8,), float(epoch))})
        checkpoint.save_state(folder, epoch, min(epoch, BEST_EPOCH), {"epoch": epoch})
    (folder / PREDICTIONS_FILE).write_bytes(b"predicted")
    return folder


Trained = Callable[..., str]


@pytest.fixture
def trained(ledger: Ledger, folder: Path) -> Trained:
    """A trial as the tracker has sent it, without its files where `lost` names them; returns its run's id."""

    def send(status: str = "FINISHED", num_epochs: int = NUM_EPOCHS, lost: str = "", **config: Any) -> str:
        spec = TrialSpec(
            config=replace(BASE, seed=next(SEEDS), **config), data_fingerprint="data", split_fingerprint="split"
        )
        record = TrialRecord(spec=spec, study="a", number=1)
        ledger.open(record, {}, 1)
        for epoch in range(1, num_epochs + 1):
            ledger.log(record.run_id, {"best_score": epoch / 10, "rung": 1.0}, epoch, epoch)
        files = [(path, place) for path, place in files_of(folder) if not lost or lost not in path.name]
        if status != "RUNNING":
            ledger.close(record.run_id, status, files, {}, 9)
        return record.run_id

    return send


def kept(ledger: Ledger, run_id: str) -> set[str]:
    return {item.path for place in ("", "model") for item in ledger.client.list_artifacts(run_id, place)} - {"model"}


WHOLE = {"model/best-00002.safetensors", "predictions.parquet"}


@pytest.mark.parametrize("phase", ["search", "confirm", "pretrain"])
def test_a_trial_that_mlflow_has_whole_is_cleared(ledger: Ledger, trained: Trained, folder: Path, phase: str) -> None:
    run_id = trained(phase=phase)
    clear(folder, ledger, run_id)
    assert not folder.exists() and kept(ledger, run_id) == WHOLE
    clear(folder, ledger, run_id)  # a second time there is nothing to do


@pytest.mark.parametrize("status", ["RUNNING", "FAILED"])
def test_a_trial_that_has_not_finished_keeps_its_checkpoints(
    ledger: Ledger, trained: Trained, folder: Path, status: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(os.listdir(folder))
    clear(folder, ledger, trained(status))
    assert sorted(os.listdir(folder)) == before and "MLflow lacks its end" in capsys.readouterr().err


@pytest.mark.parametrize("lost", ["best", "predictions"])
def test_a_file_that_mlflow_lacks_is_sent_before_the_folder_goes(
    ledger: Ledger, trained: Trained, folder: Path, lost: str
) -> None:
    run_id = trained(lost=lost)
    assert kept(ledger, run_id) < WHOLE
    clear(folder, ledger, run_id)
    assert not folder.exists() and kept(ledger, run_id) == WHOLE


def copy_of(ledger: Ledger, run_id: str, name: str) -> Path:
    root = local_path(ledger.client.get_run(run_id).info.artifact_uri)
    assert root is not None
    return root / name


def test_a_copy_that_was_cut_short_is_sent_again(ledger: Ledger, trained: Trained, folder: Path) -> None:
    run_id = trained()
    copy = copy_of(ledger, run_id, "model/best-00002.safetensors")
    whole = copy.read_bytes()
    copy.write_bytes(whole[:-1])
    clear(folder, ledger, run_id)
    assert copy.read_bytes() == whole and not folder.exists()


def test_weights_of_another_epoch_are_not_put_beside_those_that_mlflow_has(
    ledger: Ledger, trained: Trained, folder: Path
) -> None:
    run_id = trained()
    (folder / "best-00002.safetensors").rename(folder / "best-00001.safetensors")
    clear(folder, ledger, run_id)
    assert kept(ledger, run_id) == WHOLE and (folder / "best-00001.safetensors").exists()


def test_a_copy_that_differs_is_left_to_a_person(
    ledger: Ledger, trained: Trained, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = trained()
    copy, before = copy_of(ledger, run_id, PREDICTIONS_FILE), sorted(os.listdir(folder))
    copy.write_bytes(b"PREDICTED")
    clear(folder, ledger, run_id)
    assert copy.read_bytes() == b"PREDICTED" and sorted(os.listdir(folder)) == before
    assert "lacks predictions.parquet as it is in this folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("gone", "lost", "what"),
    [("best-*.safetensors", "best", "the weights"), (PREDICTIONS_FILE, "predictions", "the predictions")],
)
def test_a_trial_of_which_a_file_is_nowhere_keeps_the_rest(
    ledger: Ledger,
    trained: Trained,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    gone: str,
    lost: str,
    what: str,
) -> None:
    run_id = trained(lost=lost)
    for path in folder.glob(gone):
        path.unlink()
    before = sorted(os.listdir(folder))
    clear(folder, ledger, run_id)
    assert sorted(os.listdir(folder)) == before
    assert capsys.readouterr().err == f"{folder} stays: of its run {run_id}, MLflow lacks {what}\n"


def test_a_trial_of_which_mlflow_refused_an_epoch_keeps_it(
    ledger: Ledger, trained: Trained, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clear(folder, ledger, trained(num_epochs=NUM_EPOCHS - 1))
    assert folder.exists() and "lacks epochs: it has 2 of 3" in capsys.readouterr().err


@pytest.mark.parametrize("left", ["epoch-00003-best-00002.ckpt", "best-00002.safetensors", PREDICTIONS_FILE, ""])
def test_what_a_crash_in_the_middle_left_is_cleared_by_the_next_process(
    ledger: Ledger, trained: Trained, folder: Path, left: str
) -> None:
    run_id = trained()
    for path in folder.iterdir():
        if path.name != left:
            path.unlink()
    clear(folder, ledger, run_id)
    assert not folder.exists() and kept(ledger, run_id) == WHOLE


def test_a_network_that_is_scored_as_it_is_has_no_weights_to_wait_for(
    ledger: Ledger, trained: Trained, folder: Path
) -> None:
    for path in folder.glob("*-0*"):
        path.unlink()
    clear(folder, ledger, trained(method=ITSELF, teacher="imagenet", student=NO_STUDENT, num_epochs=1))
    assert not folder.exists()


@pytest.mark.parametrize("error", [MlflowException("away"), ConnectionError("refused")])
def test_without_an_answer_the_folder_stays_and_the_sweep_goes_on(
    ledger: Ledger,
    trained: Trained,
    folder: Path,
    error: Exception,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_id = trained()

    def no_answer(*_: Any) -> None:
        raise error

    monkeypatch.setattr(ledger.client, "get_run", no_answer)
    clear(folder, ledger, run_id)
    assert folder.exists() and f"lacks an answer ({error})" in capsys.readouterr().err
    monkeypatch.undo()
    clear(folder, ledger, run_id)
    assert not folder.exists()


@pytest.mark.parametrize(("size", "goes"), [(0, True), (-1, False), (None, False)])
def test_of_files_that_a_server_keeps_the_size_is_compared(
    ledger: Ledger, trained: Trained, folder: Path, size: int | None, goes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = trained()
    sizes = {f"{place}/{path.name}": path.stat().st_size for path, place in files_of(folder)}

    def listed(run_id: str, place: str | None) -> list[Any]:
        names = [name for name in sizes if name.startswith(f"{place or ''}/")]
        return [
            SimpleNamespace(path=name, file_size=None if size is None else sizes[name] + size, is_dir=False)
            for name in names
        ]

    monkeypatch.setattr(clearing, "local_path", lambda address: None)
    monkeypatch.setattr(ledger.client, "list_artifacts", listed)
    clear(folder, ledger, run_id)
    assert folder.exists() != goes


def test_the_copy_is_on_the_disk_before_the_folder_goes(
    ledger: Ledger, trained: Trained, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []

    def flush(descriptor: int) -> None:
        assert folder.exists()
        flushed.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)

    run_id = trained()
    monkeypatch.setattr(os, "fsync", flush)
    clear(folder, ledger, run_id)
    assert {"best-00002.safetensors", "predictions.parquet", "model", "artifacts", run_id} <= set(flushed)
