"""How long the report takes, and how much memory, against the number of runs: `python -m tests.benchmarks.report`.

The store is MLflow's own, in SQLite. One sweep of 7 cells is written through MLflow's client, with three confirming
repeats a cell and predictions on 1,169 images; its search runs are then copied in SQL, since the client would take
hours.
"""

from __future__ import annotations

import argparse
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient

from analysis.reading.record_form import RECORD_VERSION, key_of
from search_spaces import SPACES
from tests.benchmarks import targets
from trainables.beta import BETA_CONVENTION
from trainables.cell import Cell
from trainables.config import TrialConfig
from trainables.data.readers.chestxray8 import LABELS
from trainables.trial import RECIPE_VERSION, TrialSpec

LARGEST = 10_000  # runs
NUM_EPOCHS = 128
NUM_TEST_IMAGES = 1_169  # Table II
CURVES = ("val_auc", "score", "best_score", "train_loss", "train_ce", "train_transfer", "val_loss", "rung")
NAMES = [label.replace(" ", "_") for label in LABELS]  # as metrics and predictions spell them
SHARED = {  # by the sweep's own run and its trials
    "sweep": "bench", "dataset": "chestxray8", "data": "phantom", "data_fingerprint": "d", "split_fingerprint": "s",
    "recipe": str(RECIPE_VERSION), "record": str(RECORD_VERSION), "held_out": "", "teacher_trained_on": "",
    "averaged_labels": json.dumps(LABELS), "average_rule": "frequent", "average_min_positives": "10",
    "average_is_reliable": "true",
}  # fmt: skip
ROOT = Path(__file__).parents[2]


def write_store(folder: Path, num_runs: int) -> str:
    """A store of `num_runs` search runs of 128 epochs; returns its tracking URI."""
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = MlflowClient(uri)
    experiment = client.create_experiment("chestxray8", (folder / "artifacts").as_uri())
    parent = _parent(client, experiment)
    templates = {}
    for number, cell in enumerate(SPACES["chestxray8"].cells):
        templates[cell.name] = _trial(client, experiment, parent, _config(cell, "search", 0))
        for seed in (1, 2, 3):
            run_id = _trial(client, experiment, parent, _config(cell, "confirm", seed))
            client.log_batch(run_id, [Metric(key_of("test_auc"), 0.7 + 0.01 * number + 0.001 * seed, 0, NUM_EPOCHS)])
            _predictions(folder, seed + 10 * number)
            client.log_artifact(run_id, str(folder / "predictions.parquet"))
    with sqlite3.connect(folder / "mlflow.db") as database:
        for number in range(num_runs - len(templates)):
            _copy(database, list(templates.values())[number % len(templates)], uuid.UUID(int=number + 1).hex)
    return uri


def _config(cell: Cell, phase: str, seed: int) -> TrialConfig:
    beta = None if cell.teacher == "none" else 10.0
    facts = {"method": cell.method, "teacher": cell.teacher, "student": cell.student, "unfreeze": cell.unfreeze}
    return TrialConfig(dataset="chestxray8", beta=beta, phase=phase, seed=seed, **facts)  # type: ignore[arg-type]


def _parent(client: MlflowClient, experiment: str) -> str:
    tags = {
        **SHARED, "kind": "sweep", "label_names": json.dumps(LABELS), "settings": "{}", "teacher_overlap": "",
        "copies": json.dumps({"counts": []}), "vary_in_repeats": "seed", "variance_components": "false",
        "num_folds": "0", "split_rule": json.dumps({"kind": "drawn"}),
    }  # fmt: skip
    return str(client.create_run(experiment, 1, tags, run_name="bench").info.run_id)


def _trial(client: MlflowClient, experiment: str, parent: str, config: TrialConfig) -> str:
    spec = TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s")
    tags = {
        **SHARED, "mlflow.parentRunId": parent, "kind": "trial",
        "phase": config.phase, "cell": config.cell.name, "trial": spec.key, "number": "1", "seed": str(config.seed),
        "teacher_fingerprint": "t", "teacher_is_phantom": "true", "init_fingerprint": "i", "init_is_phantom": "true",
        "beta_convention": BETA_CONVENTION, "num_trainable": "6968206", "drawn": "seed", "study": config.cell.name,
        "selection_metric": "auc",
    }  # fmt: skip
    run_id = str(client.create_run(experiment, 2, tags).info.run_id)
    curve = 0.6 + 0.1 * np.random.default_rng(config.seed).uniform(size=NUM_EPOCHS)
    for name in (*CURVES, *(f"val_auc_{name}" for name in NAMES)):
        client.log_batch(run_id, [Metric(key_of(name), float(value), 3, epoch) for epoch, value in enumerate(curve, 1)])
    client.log_batch(run_id, params=[Param(name, str(value)) for name, value in asdict(config).items()])
    client.set_terminated(run_id, "FINISHED", 4)
    return run_id


def _predictions(folder: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = np.random.default_rng(0).uniform(size=(NUM_TEST_IMAGES, len(LABELS))) < 0.1
    scores = 1 / (1 + np.exp(-(truth + rng.normal(size=truth.shape))))
    frame = pd.DataFrame({"image": [f"{n:06d}" for n in range(NUM_TEST_IMAGES)]})
    frame["patient"] = [f"{n // 2:06d}" for n in range(NUM_TEST_IMAGES)]
    frame = frame.assign(view="PA", sex=np.where(np.arange(NUM_TEST_IMAGES) % 2, "F", "M"), age_years=50.0)
    for number, name in enumerate(NAMES):
        frame[f"label_{name}"] = truth[:, number].astype(np.int8)
        frame[f"probability_{name}"] = scores[:, number].astype(np.float32)
    on_validation = frame.assign(split="validation", image="v" + frame["image"], patient="v" + frame["patient"])
    pd.concat([on_validation, frame.assign(split="test")]).to_parquet(folder / "predictions.parquet")


def _copy(database: sqlite3.Connection, template: str, run_id: str) -> None:
    """A run with all that belongs to it under another id, and with a trial's key of its own."""
    for table in ("runs", "tags", "params", "metrics", "latest_metrics"):
        columns = [row[1] for row in database.execute(f"pragma table_info({table})")]
        chosen = ", ".join("?" if name == "run_uuid" else f'"{name}"' for name in columns)
        names = ", ".join(f'"{name}"' for name in columns)
        database.execute(
            f"insert into {table} ({names}) select {chosen} from {table} where run_uuid = ?", (run_id, template)
        )
    database.execute("update tags set value = ? where run_uuid = ? and key = 'trial'", (run_id[-16:], run_id))


def measure(uri: str, out: Path) -> tuple[float, float]:
    """Wall-clock seconds and peak memory (GiB) of the report's own command, imports and all."""
    started_s = time.perf_counter()
    command = [sys.executable, "-m", "analysis.report", "chestxray8", "--tracking-uri", uri, "--out", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    peak_gib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    return time.perf_counter() - started_s, peak_gib


def main() -> None:
    """Prints one row per size."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.report", description=(__doc__ or "")[:90])
    parser.add_argument(
        "--runs", type=int, nargs="+", default=[1_250, 2_500, 5_000, LARGEST], help="default: %(default)s"
    )
    print("runs of 128 epochs | report, s | peak memory, GiB")
    for num_runs in parser.parse_args().runs:
        with tempfile.TemporaryDirectory() as folder:
            seconds, peak_gib = measure(write_store(Path(folder), num_runs), Path(folder) / "reports")
        print(f"{num_runs} | {seconds:.1f} | {peak_gib:.2f}", flush=True)
        if num_runs == LARGEST:
            for target, figure in zip(targets.report(num_runs), (seconds, peak_gib), strict=True):
                target.judge(figure, 1)


if __name__ == "__main__":
    main()
