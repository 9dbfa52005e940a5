"""The best student of each confirmed cell as a model in MLflow, which its pages show and `mlflow.pyfunc` loads.

A model is the weights of one repeat, the facts that an export has, and the source of the network: `served_student`.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus, Metric
from mlflow.models import Model, ModelSignature
from mlflow.tracking import MlflowClient
from mlflow.types import Schema, TensorSpec

from analysis.reading import artifacts
from analysis.reading.chosen import best_of
from analysis.reading.record_form import key_of
from analysis.reading.trials import Runs
from platform.tracking.sweep_page import in_metric_name
from trainables.data.normalising import IMAGENET_MEAN, IMAGENET_STD
from trainables.data.store import Store
from trainables.pasting import ROOT

CODE = (  # what `trainables.models.deployed` imports, and the packages around it
    "trainables/__init__.py",
    "trainables/declared.py",
    "trainables/data/__init__.py",
    "trainables/data/normalising.py",
    "trainables/models/__init__.py",
    "trainables/models/architectures.py",
    "trainables/models/densenet.py",
    "trainables/models/deployed.py",
    "trainables/models/eyes.py",
    "trainables/models/foundation.py",
    "trainables/models/network_facts.py",
    "trainables/models/stages.py",
    "trainables/models/taps.py",
    "trainables/models/timm_networks.py",
    "trainables/models/timm_taps.py",
    "trainables/models/undrawn.py",
)
SERVED_STUDENT = Path(__file__).with_name("served_student.py")  # for MLflow to run, not to import
PACKAGES = ("mlflow", "numpy", "safetensors", "timm", "torch", "torchvision")
READY = LoggedModelStatus.READY
BARS = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"


def log_best_students(client: MlflowClient, sweep: Runs, store: Store, metrics: Sequence[str]) -> dict[str, str]:
    """Logs the best repeat of each trained cell as a model, unless it is there; the models' URIs by cell.

    The best is the one with the best score on the validation set. An older model of the cell, of a repeat that is no
    longer the best, is deleted. A cell whose weights are gone has no model.

    Args:
        metrics: of the test set, by their names in frames; MLflow shows them beside the model.
    """
    uris = {}
    for cell, repeats in sweep.trained.groupby("tags.cell", sort=False):
        run = best_of(repeats)
        model = _logged(client, run)
        weights = _weights_of(sweep.tracking_uri, run) if model is None else None
        if weights is not None:
            model = _log(client, run, store, weights)
            _relate(client, model, run, metrics)
        if model is not None:
            uris[str(cell)] = f"models:/{model.model_id}"
    return uris


def save(path: Path, weights: Path, config: dict[str, Any]) -> None:
    """Writes a model to the folder `path`, which must not exist.

    Args:
        weights: the student's safetensors file.
        config: architecture, task, labels, image_size_px, channels, and whatever else a reader should know.
    """
    size, channels, labels = config["image_size_px"], config["channels"], config["labels"]
    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.uint8), (-1, size, size, channels))]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (-1, len(labels)))]),
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in CODE:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / file, folder / file)
        (folder / "config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        with _quiet():
            mlflow.pyfunc.save_model(
                path,
                python_model=str(SERVED_STUDENT),
                artifacts={"weights": str(weights), "config": str(folder / "config.json")},
                code_paths=[str(folder / "trainables")],
                pip_requirements=[f"{name}=={_version(name)}" for name in PACKAGES],
                signature=signature,
            )
    _forget_folders(path)


def _forget_folders(path: Path) -> None:
    """Takes this machine's folders out of what MLflow notes about a model; when it loads one, it reads the names."""
    model = Model.load(path)
    noted = model.flavors["python_function"]
    noted["model_code_path"] = Path(noted["model_code_path"]).name
    for file in noted["artifacts"].values():
        file["uri"] = file["path"]
    model.save(path / "MLmodel")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without progress bars, and without advice on signatures and type hints: the signature is given."""
    before = os.environ.get(BARS)
    os.environ[BARS] = "false"
    try:
        with warnings.catch_warnings():
            # A filter is not enough: MLflow sets one of its own. What shows a warning is put back with the filters.
            warnings.showwarning = lambda *_, **__: None
            yield
    finally:
        os.environ.pop(BARS)
        if before is not None:
            os.environ[BARS] = before


def _log(client: MlflowClient, run: pd.Series, store: Store, weights: Path) -> LoggedModel:
    for older in _models(client, run, f"tags.sweep = '{run['tags.sweep']}'"):
        if older.tags.get("cell") == run["tags.cell"]:
            client.delete_logged_model(older.model_id)
    cell = str(run["tags.cell"])
    config = _config(run, store)
    model = client.create_logged_model(
        str(run["experiment_id"]),
        name=in_metric_name(cell).replace(".", "_"),
        source_run_id=str(run["run_id"]),
        tags={name: str(run[f"tags.{name}"]) for name in ("sweep", "cell", "seed", "data", "dataset")},
        params={name: str(config[name]) for name in ("architecture", "task", "image_size_px", "channels")},
        model_type="student",
    )
    with tempfile.TemporaryDirectory() as name:
        save(Path(name) / "model", weights, config)
        with _quiet():
            client.log_model_artifacts(model.model_id, str(Path(name) / "model"))
    return client.finalize_logged_model(model.model_id, READY)


def _relate(client: MlflowClient, model: LoggedModel, run: pd.Series, metrics: Sequence[str]) -> None:
    """Shows the model on the page of its run, and the run's scores beside the model."""
    run_id = str(run["run_id"])
    scores = []
    for name in metrics:
        for value in client.get_metric_history(run_id, key_of(name))[-1:]:
            scores.append(Metric(value.key, value.value, value.timestamp, value.step, model_id=model.model_id))
    client.log_batch(run_id, metrics=scores)
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=int(run["params.max_epochs"]))])


def _logged(client: MlflowClient, run: pd.Series) -> LoggedModel | None:
    models = _models(client, run, f"source_run_id = '{run['run_id']}'")
    return next((model for model in models if model.status == READY), None)


def _models(client: MlflowClient, run: pd.Series, query: str) -> Iterator[LoggedModel]:
    token = None
    while True:
        page = client.search_logged_models([str(run["experiment_id"])], query, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _config(run: pd.Series, store: Store) -> dict[str, Any]:
    return {
        "architecture": str(run["params.student"]),
        "task": store.task,
        "labels": list(store.label_names),
        "image_size_px": store.image_size_px,
        "channels": store.channels,
        "mean": list(IMAGENET_MEAN),
        "std": list(IMAGENET_STD),
        **{name: str(run[f"tags.{name}"]) for name in ("data", "dataset", "cell", "version", "recipe")},
    }


def _weights_of(uri: str, run: pd.Series) -> Path | None:
    folder = artifacts.of_run(uri, run, "model")
    return max(folder.glob("*.safetensors"), default=None) if folder else None


def _version(package: str) -> str:
    return importlib.metadata.version(package).partition("+")[0]  # no "+cpu": an index has no such version
