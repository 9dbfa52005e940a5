"""Runs and metrics through MLflow's client, as frames: from a tracking server, or where its tables have changed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pandas as pd

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
from mlflow import MlflowClient
from mlflow.entities import Run

RUN_COLUMNS = ["run_id", "experiment_id", "run_name", "status", "start_time", "artifact_uri"]
METRIC_COLUMNS = ["run_id", "metric", "step", "value", "timestamp"]
NUM_RUNS_PER_PAGE = 1000
NUM_THREADS = 8  # requests at a time: each asks for one metric of one run, and mostly waits for the server


def run_frame(tracking_uri: str, experiment: str, sweep: str | None) -> pd.DataFrame:
    """One row per run that is not deleted, sorted by run_id.

    Args:
        tracking_uri: a server's address, or a database's.
        experiment: MLflow's, by name.
        sweep: only runs whose tag ``sweep`` is this.

    Returns:
        `RUN_COLUMNS`, then tags.*, params.* (text) and metrics.* (the last value, NaN where that is no number), each
        sorted by name.
    """
    listed = _search(MlflowClient(tracking_uri), experiment, sweep)
    runs = pd.DataFrame([[getattr(run.info, name) for name in RUN_COLUMNS] for run in listed], columns=RUN_COLUMNS)
    facts = {}
    for prefix in ("tags", "params", "metrics"):
        rows = [(run.info.run_id, *fact) for run in listed for fact in getattr(run.data, prefix).items()]
        facts[prefix] = pd.DataFrame(rows, columns=["run_id", "key", "value"])
    return wide_frame(runs, facts)


def metric_frame(tracking_uri: str, run_ids: Sequence[str], metrics: Sequence[str]) -> pd.DataFrame:
    """Every logged value of these metrics, in no particular order: `METRIC_COLUMNS`; NaN where it is no number."""
    client = MlflowClient(tracking_uri)

    def rows(run_and_metric: tuple[str, str]) -> list[tuple[str, str, int, float, int]]:
        run_id, metric = run_and_metric
        logged = client.get_metric_history(run_id, metric)
        return [(run_id, metric, value.step, value.value, value.timestamp) for value in logged]

    with ThreadPoolExecutor(NUM_THREADS) as threads:
        lots = threads.map(rows, product(run_ids, metrics))
        return pd.DataFrame([row for lot in lots for row in lot], columns=METRIC_COLUMNS).astype({"value": float})


def wide_frame(runs: pd.DataFrame, facts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Joins to each run's `RUN_COLUMNS` its facts; by prefix ("tags"), they are frames of run_id, key and value."""
    frame = runs.astype({"experiment_id": str}).set_index("run_id", drop=False)
    for prefix, long in facts.items():
        frame = frame.join(long.pivot(index="run_id", columns="key", values="value").add_prefix(f"{prefix}."))
    return frame.sort_index().reset_index(drop=True)


def _search(client: MlflowClient, experiment: str, sweep: str | None) -> list[Run]:
    """Every run of the experiment, page by page."""
    known = client.get_experiment_by_name(experiment)
    if known is None:
        return []
    quote = '"' if sweep and "'" in sweep else "'"
    query = "" if sweep is None else f"tags.sweep = {quote}{sweep}{quote}"
    listed: list[Run] = []
    token: str | None = None
    while True:
        page = client.search_runs([known.experiment_id], query, max_results=NUM_RUNS_PER_PAGE, page_token=token)
        listed += page
        token = page.token
        if not token:
            return listed
