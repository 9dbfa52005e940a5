"""The best student of a cell is a model in MLflow that any process loads, without this repository or a pickle."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from analysis.reading.trials import runs
from platform.exporting.logged_models import CODE, PACKAGES, log_best_students, save
from platform.sweeping.records import TrialRecord
from platform.sweeping.scoring import averaging_tags
from platform.tracking.ledger import Ledger
from trainables.config import TrialConfig
from trainables.data.averaging import Averaging
from trainables.models.architectures import build
from trainables.models.deployed import load_student, probabilities
from trainables.pasting import ROOT
from trainables.trial import TrialSpec

CELL = "transfer/none/densenet40/all@0.25"
LABELS = ("No DR", "Mild", "Severe")
CONFIG = TrialConfig(
    dataset="retina",
    method="transfer",
    student="densenet40",
    data_fraction=0.25,
    image_size_px=32,
    max_epochs=2,
    phase="confirm",
)
LOAD = """
import sys, mlflow, numpy
model = mlflow.pyfunc.load_model(sys.argv[1])
numpy.save(sys.argv[3], model.predict(numpy.load(sys.argv[2])))
print(sys.modules["trainables"].__file__)
"""


class FakeStore:
    task, label_names, image_size_px, channels = "multiclass", LABELS, 32, 3


@dataclass
class Recorded:
    """A sweep whose repeats of one cell have drawn weights, and what adds one."""

    ledger: Ledger
    uri: str
    add: Callable[[int, float], str]
    weights: dict[str, Path]

    def log(self) -> dict[str, str]:
        return log_best_students(self.ledger.client, runs(self.uri, "retina"), FakeStore(), ["test_auc"])  # type: ignore[arg-type]

    def models(self) -> list[Any]:
        return list(self.ledger.client.search_logged_models([self.ledger.experiment_id]))


@pytest.fixture
def recorded(tmp_path: Path, empty_mlflow: Path) -> Recorded:
    shutil.copy(empty_mlflow, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    ledger = Ledger(uri, "retina", "first", {"settings": "{}"}, tmp_path / "artifacts")
    weights: dict[str, Path] = {}

    def add(seed: int, best_score: float) -> str:
        spec = TrialSpec(config=replace(CONFIG, seed=seed), data_fingerprint="d", split_fingerprint="s")
        record = TrialRecord(spec=spec, study="", number=seed)
        tags = averaging_tags(Averaging(names=LABELS, rule="defined", min_positives=1, is_reliable=True))
        ledger.open(record, {"data": "phantom", "version": "0", **tags}, 1_000 + seed)
        torch.manual_seed(seed)
        file = tmp_path / f"{seed}" / "best-00002.safetensors"
        file.parent.mkdir()
        save_file(build("densenet40", len(LABELS)).state_dict(), file)
        weights[record.run_id] = file
        ledger.log(record.run_id, {"best_score": best_score, "test_auc": best_score / 2}, 2, 2_000)
        ledger.close(record.run_id, "FINISHED", [(file, "model")], {}, 3_000)
        return record.run_id

    return Recorded(ledger, uri, add, weights)


def folder_of(recorded: Recorded, model: Any) -> Path:
    return Path(model.artifact_location.removeprefix("file://"))


def loaded(uri: str, images: NDArray[np.uint8], folder: Path, tracking_uri: str) -> subprocess.CompletedProcess[str]:
    """A process of its own that loads a model and leaves its answers to these images in `folder`."""
    np.save(folder / "images.npy", images)
    return subprocess.run(
        [sys.executable, "-P", "-c", LOAD, uri, str(folder / "images.npy"), str(folder / "answers.npy")],
        cwd=folder,
        env={**os.environ, "MLFLOW_TRACKING_URI": tracking_uri, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=200,
    )


@pytest.mark.slow
def test_a_network_of_timms_is_served_with_its_eyes(tmp_path: Path, empty_mlflow: Path) -> None:
    name = "vit_tiny_patch16_224"
    torch.manual_seed(0)
    save_file(build(name, len(LABELS)).state_dict(), tmp_path / "weights.safetensors")
    facts = {"architecture": name, "task": "multiclass", "labels": list(LABELS), "image_size_px": 32, "channels": 3}
    save(tmp_path / "model", tmp_path / "weights.safetensors", facts)
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    done = loaded(str(tmp_path / "model"), images, tmp_path, f"sqlite:///{empty_mlflow}")
    assert done.returncode == 0, done.stderr
    ours = probabilities(load_student(tmp_path / "weights.safetensors", name, len(LABELS)), "multiclass", images)
    np.testing.assert_allclose(np.load(tmp_path / "answers.npy"), ours, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_another_process_loads_the_best_repeat_and_gives_our_probabilities(recorded: Recorded, tmp_path: Path) -> None:
    recorded.add(1, 0.5)
    best = recorded.add(2, 0.75)
    uri = recorded.log()[CELL]
    images = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    done = loaded(uri, images, tmp_path, recorded.uri)
    assert done.returncode == 0, done.stderr
    assert str(ROOT) not in done.stdout  # its own source, and not the repository's
    ours = probabilities(load_student(recorded.weights[best], "densenet40", len(LABELS)), "multiclass", images)
    other = probabilities(
        load_student(next(iter(recorded.weights.values())), "densenet40", len(LABELS)), "multiclass", images
    )
    answers = np.load(tmp_path / "answers.npy")
    assert answers.dtype == np.float32
    np.testing.assert_allclose(answers, ours, rtol=0, atol=1e-6)
    assert np.abs(answers - other).max() > 1e-3


def test_a_model_is_shown_with_its_run_its_cell_and_its_scores(recorded: Recorded) -> None:
    run_id = recorded.add(1, 0.5)
    recorded.log()
    (model,) = recorded.models()
    assert (model.name, model.status, model.source_run_id) == ("transfer none densenet40 all - 0_25", "READY", run_id)
    assert {"cell": CELL, "sweep": "first", "data": "phantom", "seed": "1"}.items() <= model.tags.items()
    assert {(metric.key, metric.value, metric.step) for metric in model.metrics} == {("test/auc", 0.25, 2)}
    run = recorded.ledger.client.get_run(run_id)
    assert run.outputs is not None
    assert [output.model_id for output in run.outputs.model_outputs] == [model.model_id]
    history = recorded.ledger.client.get_metric_history(run_id, "test/auc")
    assert [(metric.value, metric.step) for metric in history] == [(0.25, 2)]


def test_nothing_in_a_model_is_pickled_or_names_a_folder_of_this_machine(recorded: Recorded, tmp_path: Path) -> None:
    recorded.add(1, 0.5)
    recorded.log()
    folder = folder_of(recorded, recorded.models()[0])
    files = [path for path in folder.rglob("*") if path.is_file()]
    kinds = {path.suffix for path in files if path.name != "MLmodel"}
    assert kinds == {".py", ".yaml", ".txt", ".json", ".safetensors"}
    texts = [path.read_text() for path in files if path.suffix != ".safetensors"]
    for place in (str(tmp_path), str(ROOT), "/tmp", str(Path.home())):
        assert not [text for text in texts if place in text], place
    code = {path.relative_to(folder / "code").as_posix() for path in (folder / "code").rglob("*.py")}
    assert code == set(CODE)
    assert json.loads((folder / "artifacts" / "config.json").read_text())["labels"] == list(LABELS)
    asked = {line.partition("==")[0] for line in (folder / "requirements.txt").read_text().split()}
    assert asked == set(PACKAGES)


def test_a_model_is_logged_once_and_replaced_when_another_repeat_is_the_best(recorded: Recorded) -> None:
    recorded.add(1, 0.5)
    first = recorded.log()
    assert recorded.log() == first
    better = recorded.add(2, 0.75)
    second = recorded.log()
    assert second != first
    (model,) = recorded.models()
    assert (f"models:/{model.model_id}", model.source_run_id) == (second[CELL], better)


def test_logging_a_model_prints_nothing(recorded: Recorded, capfd: pytest.CaptureFixture[str]) -> None:
    recorded.add(1, 0.5)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        assert recorded.log()
    assert [str(warning.message) for warning in caught if "type hints" in str(warning.message)] == []
    assert capfd.readouterr().out == ""


def test_a_model_that_a_crash_left_half_made_is_made_anew(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded.add(1, 0.5)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("mlflow.pyfunc.save_model", _stop)
        recorded.log()
    assert [model.status for model in recorded.models()] == ["PENDING"]
    recorded.log()
    assert [model.status for model in recorded.models()] == ["READY"]


def _stop(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_a_cell_whose_weights_are_gone_has_no_model(recorded: Recorded) -> None:
    run_id = recorded.add(1, 0.5)
    shutil.rmtree(recorded.ledger.client.get_run(run_id).info.artifact_uri.removeprefix("file://"))
    assert recorded.log() == {}
    assert recorded.models() == []
