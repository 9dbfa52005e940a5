"""The verb `pretrain` by its front door: a teacher from phantom X-rays, with its own scores and what it has seen."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import torch

import platform.phantoms.sets
import platform.pretrain
from analysis.reading.mlflow_frames import run_frame
from analysis.reading.teacher_costs import MADE
from platform.command_line.training_requests import PretrainRequest
from platform.sources.places import Places
from platform.sweeping.conduct_pretraining import base_of, prepare_pretraining
from platform.sweeping.records import TrialRecord
from platform.sweeping.trained_teacher import scores_of
from platform.tracking.ledger import Ledger
from tests import forking
from tests.typed import typed
from trainables.config import TrialConfig
from trainables.data.store import Store
from trainables.teachers import shelf
from trainables.trial import TrialSpec

FLAGS = [
    "mimic-cxr",
    "--init",
    "random",
    "--epochs",
    "2",
    "--image-size",
    "32",
    "--phantom-size",
    "60",
    "--average-labels",
    "defined",
    "--name",
    "own",
]


def run(results: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    done = forking.run("platform.pretrain", *FLAGS, "--results", str(results), environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def runs(results: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(results / "mlflow.db") as database:
        return database.execute(
            "select r.status, t.value from runs r join tags t on t.run_uuid = r.run_uuid and t.key = 'phase'"
        ).fetchall()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_teacher_is_trained_once_and_knows_what_it_has_seen(tmp_path: Path) -> None:
    output = run(tmp_path)
    teacher = shelf.load(tmp_path / "teachers" / "phantom-32px", "own")
    assert f"teacher own (PHANTOM), fingerprint {teacher.fingerprint}" in output
    assert teacher.is_phantom and "from random weights" in teacher.source
    assert {"val_auc", "test_auc"} <= set(teacher.scores) and any(key.startswith("test_auc_") for key in teacher.scores)
    (path,) = (tmp_path / "stores").glob("*.arrow")
    store = Store.open(path)
    test_patients = set(store.patient[store.rows("test")])
    assert teacher.seen["data"] == "phantom" and len(teacher.seen["patients"]) > 10
    assert not test_patients & set(teacher.seen["patients"])
    assert runs(tmp_path) == [("FINISHED", "pretrain")]
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        made = database.execute("select value from tags where key = ?", (MADE,)).fetchall()
    assert made == [(teacher.fingerprint,)]

    assert not list(tmp_path.glob("sweeps/*/trials/*"))  # MLflow has it all

    shutil.rmtree(teacher.folder)
    again = run(tmp_path)
    assert teacher.fingerprint in again and "epoch 1/2" not in again
    assert runs(tmp_path) == [("FINISHED", "pretrain")]
    assert shelf.load(teacher.folder.parent, "own") == teacher


@pytest.mark.parametrize("init", ["random", "imagenet", "other", "matched-other"])
def test_the_trial_starts_from_the_weights_that_were_asked_for(
    init: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform.phantoms.sets, "PHANTOM_IMAGE_SIZE_PX", 32)
    places = Places.under(tmp_path)
    folder, prints = places.teachers(phantom=True, image_size_px=32), {"random": "random"}
    for value, name in enumerate(("imagenet", "other")):  # both there: the wrong one must not be taken unseen
        facts: dict[str, Any] = {"architecture": "densenet121", "task": "multilabel", "label_names": ("a",)}
        weights = {"w": torch.full((1,), float(value))}
        teacher = shelf.save(folder, weights, name=name, source="drawn", is_phantom=True, **facts)
        prints[name] = teacher.fingerprint
    flags = ["mimic-cxr", "--init", init, "--image-size", "32", "--phantom-size", "30", "--name", "own"]
    flags += ["--average-labels", "defined"]
    request = typed(PretrainRequest, *flags)
    record = prepare_pretraining(request, places).plan([]).next()
    assert record is not None
    assert (record.spec.config.init, record.spec.init_fingerprint) == (init, prints[init.removeprefix("matched-")])


def test_the_recipe_is_chexclusions_on_real_images_and_quick_on_phantoms() -> None:
    real = base_of(typed(PretrainRequest, "mimic-cxr", "--data", "/data"))
    assert (real.image_size_px, real.max_epochs, real.batch_size, real.learning_rate) == (256, 64, 48, 5e-4)
    quick = base_of(typed(PretrainRequest, "mimic-cxr", "--epochs", "7"))
    assert quick.image_size_px == 64 and quick.max_epochs == 7


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["brain"], "the data set must be one of"),
        (["mimic-cxr", "--epochs", "0"], "--epochs: max_epochs >= 1 must hold, but got max_epochs=0"),
        (["mimic-cxr", "--data", "/no/such/folder"], "there is no /no/such/folder"),
    ],
)
def test_what_is_wrong_gets_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        platform.pretrain.main([*flags, "--results", str(tmp_path)])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_another_network_is_trained_from_its_own_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform.phantoms.sets, "PHANTOM_IMAGE_SIZE_PX", 32)
    places = Places.under(tmp_path)
    folder = places.teachers(phantom=True, image_size_px=32)
    facts: dict[str, Any] = {"task": "multilabel", "label_names": ("a",)}
    prints = {}
    for value, (name, network) in enumerate({"imagenet-resnet18": "resnet18", "other": "densenet121"}.items()):
        weights = {"w": torch.full((1,), float(value))}
        more: dict[str, Any] = {"architecture": network, "source": "drawn", **facts}
        prints[name] = shelf.save(folder, weights, name=name, is_phantom=True, **more).fingerprint
    flags = ["mimic-cxr", "--architecture", "resnet18", "--image-size", "32", "--phantom-size", "30"]
    flags += ["--average-labels", "defined"]
    request = typed(PretrainRequest, *flags)
    record = prepare_pretraining(request, places).plan([]).next()
    assert record is not None
    assert (record.spec.config.student, record.spec.init_fingerprint) == ("resnet18", prints["imagenet-resnet18"])
    request = typed(PretrainRequest, *flags, "--init", "other")
    with pytest.raises(ValueError, match="weights of resnet18 must be those of a resnet18, but other is a densenet121"):
        prepare_pretraining(request, places)


def test_a_teachers_scores_are_those_of_its_best_epoch_and_of_its_one_test(tmp_path: Path, empty_mlflow: Path) -> None:
    shutil.copy(empty_mlflow, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    ledger = Ledger(uri, "teachers", "own", {"settings": "{}"}, tmp_path / "artifacts")
    config = TrialConfig(dataset="mimic-cxr", method="transfer", phase="pretrain")
    spec = TrialSpec(config=config, data_fingerprint="data", split_fingerprint="split")
    record = TrialRecord(spec=spec, study="a", number=0)
    ledger.open(record, {}, 1)
    for epoch, auc in enumerate((0.5, 0.75, 0.625), 1):
        ledger.log(record.run_id, {"train_loss": 1.0, "val_auc": auc, "val_auc_Edema": auc / 2}, epoch, epoch)
    ledger.log(record.run_id, {"test_auc": 0.7}, 3, 3)
    frame = run_frame(uri, "teachers", "own")
    run = frame[frame["run_id"] == record.run_id].iloc[0]
    best_epoch, num_epochs, scores = scores_of(uri, run, Path("best-00002.safetensors"))
    assert (best_epoch, num_epochs) == (2, 3)
    assert scores == {"test_auc": 0.7, "val_auc": 0.75, "val_auc_Edema": 0.375}
