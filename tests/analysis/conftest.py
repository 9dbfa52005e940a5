"""A real MLflow store in SQLite, written as a sweep writes it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow.entities import Metric, Param, Run
from mlflow.tracking import MlflowClient

from analysis.reading.record_form import RECORD_VERSION, key_of
from trainables.beta import BETA_CONVENTION
from trainables.config import TrialConfig
from trainables.trial import RECIPE_VERSION, TrialSpec

AVERAGED = {
    "averaged_labels": json.dumps(["DR"]),
    "average_rule": "frequent",
    "average_min_positives": "10",
    "average_is_reliable": "true",
}


class Store:
    """Adds sweeps and trials to an MLflow store, one call each."""

    def __init__(self, folder: Path) -> None:
        self.uri = f"sqlite:///{folder / 'mlflow.db'}"
        self.client = MlflowClient(self.uri)
        self.parents: dict[str, Run] = {}  # each sweep's, by its id
        self._folder = folder
        self._artifacts = folder / "artifacts"
        self._time_ms = 1_700_000_000_000

    def copied(self, folder: Path) -> Store:
        """The same runs in another folder, for a test that adds some; the files that they have stay where they are."""
        shutil.copy(self._folder / "mlflow.db", folder)
        copy = Store(folder)
        copy.parents, copy._time_ms = dict(self.parents), self._time_ms
        return copy

    def sweep(self, dataset: str = "retina", name: str = "first", data: str = "real", **tags: str) -> str:
        """A parent run; returns its id."""
        existing = self.client.get_experiment_by_name(dataset)
        place = (self._artifacts / dataset).as_uri()
        experiment = existing.experiment_id if existing else self.client.create_experiment(dataset, place)
        facts = {"kind": "sweep", "sweep": name, "dataset": dataset, "data": data, "record": str(RECORD_VERSION)}
        facts |= {"teacher_overlap": "", "teacher_trained_on": "", **tags}
        run = self.client.create_run(experiment, self._tick(), facts, run_name=name)
        self.parents[run.info.run_id] = run
        return str(run.info.run_id)

    def trial(
        self,
        parent: str,
        *,
        metrics: Mapping[str, float] | None = None,
        curve: Mapping[str, list[float]] | None = None,
        status: str = "FINISHED",
        tags: Mapping[str, str] | None = None,
        predictions: pd.DataFrame | None = None,
        data_fingerprint: str = "data-a",
        split_fingerprint: str = "split-a",
        redrawn: Mapping[str, int] | None = None,
        **config: Any,
    ) -> str:
        """A trial's run under `parent`, with the tags and parameters of the ledger; returns its id.

        `redrawn` are parameters of a repeat that draws more than the seed anew, such as ``split_draw``.

        The paper's rule gives the AUC that the sweep averages, and the labels averaged are those of the predictions,
        unless `metrics` and `tags` say otherwise.
        """
        above = self.parents[parent]
        defaults = {"phase": "confirm", "method": "attention" if "teacher" in config else "transfer"}
        full = TrialConfig(dataset=above.data.tags["dataset"], **{**defaults, **config})
        spec = TrialSpec(config=full, data_fingerprint=data_fingerprint, split_fingerprint=split_fingerprint)
        all_tags = {
            "mlflow.parentRunId": parent,
            "kind": "trial",
            "sweep": above.data.tags["sweep"],
            "dataset": full.dataset,
            "data": above.data.tags["data"],
            "phase": full.phase,
            "cell": full.cell.name,
            "trial": "-".join([spec.key, *(f"{name}{value}" for name, value in (redrawn or {}).items())]),
            "number": str(full.seed),
            "seed": str(full.seed),
            "recipe": str(RECIPE_VERSION),
            "record": str(RECORD_VERSION),
            "data_fingerprint": data_fingerprint,
            "split_fingerprint": split_fingerprint,
            "teacher_fingerprint": "teacher-a",
            "teacher_is_phantom": "false",
            "init_is_phantom": "false",
            "init_fingerprint": "random",
            **AVERAGED,
            **({"averaged_labels": json.dumps(_labels_of(predictions))} if predictions is not None else {}),
            "beta_convention": BETA_CONVENTION,
            "num_trainable": "6958981",
            **(tags or {}),
        }
        run_id = str(self.client.create_run(above.info.experiment_id, self._tick(), all_tags).info.run_id)
        params = [Param(name, str(value)) for name, value in {**asdict(full), **(redrawn or {})}.items()]
        scores = dict(metrics or {})
        if "test_auc" in scores:
            scores.setdefault("test_auc_defined", scores["test_auc"])
        logged = [Metric(key_of(name), value, self._time_ms, 1) for name, value in scores.items()]
        for name, values in (curve or {}).items():
            logged += [Metric(key_of(name), value, self._time_ms + step, step) for step, value in enumerate(values, 1)]
        self.client.log_batch(run_id, metrics=logged, params=params)
        if predictions is not None:
            self._artifacts.mkdir(exist_ok=True)
            rows = predictions if "split" in predictions else predictions.assign(split="test")
            rows.to_parquet(self._artifacts / "predictions.parquet")
            self.client.log_artifact(run_id, str(self._artifacts / "predictions.parquet"))
        if status != "RUNNING":
            self.client.set_terminated(run_id, status, self._tick())
        return run_id

    def repeats(self, parent: str, metric: str, values: list[float], **config: Any) -> list[str]:
        """One confirming repeat a value, with the seeds 0, 1, ..."""
        return [self.trial(parent, metrics={metric: v}, seed=seed, **config) for seed, v in enumerate(values)]

    def _tick(self) -> int:
        self._time_ms += 1000
        return self._time_ms


def _labels_of(predictions: pd.DataFrame) -> list[str]:
    return [name.removeprefix("label_") for name in predictions if str(name).startswith("label_")]


@pytest.fixture(scope="session")
def new_store(empty_mlflow: Path) -> Callable[[Path], Store]:
    """Makes an empty store in a folder."""

    def make(folder: Path) -> Store:
        shutil.copy(empty_mlflow, folder / "mlflow.db")
        return Store(folder)

    return make


@pytest.fixture
def store(new_store: Callable[[Path], Store], tmp_path: Path) -> Store:
    return new_store(tmp_path)
