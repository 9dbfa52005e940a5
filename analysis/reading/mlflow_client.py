"""What MLflow's client reads: runs and metrics as frames, and a server's files; imported only where it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pandas as pd
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts, list_artifacts
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from analysis.reading.wide_frame import METRIC_COLUMNS, RUN_COLUMNS, wide_frame

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


def experiments(tracking_uri: str) -> list[str]:
    """The names of all experiments, which are data sets."""
    return [experiment.name for experiment in MlflowClient(tracking_uri).search_experiments()]


def sweeps(tracking_uri: str) -> dict[str, list[str]]:
    """The names of the sweeps by data set."""
    client = MlflowClient(tracking_uri)
    names: dict[str, list[str]] = {}
    known = {each.experiment_id: each.name for each in client.search_experiments()}
    token = None
    while True:
        page = client.search_runs(list(known), "tags.kind = 'sweep'", page_token=token)
        for run in page:
            names.setdefault(known[run.info.experiment_id], []).append(run.data.tags["sweep"])
        token = page.token
        if not token:
            return names


def artifact_names(tracking_uri: str, run_id: str) -> list[str]:
    """Every file among the artifacts of a run, by its name there, sorted."""
    names, folders = [], [""]
    while folders:
        listed = list_artifacts(run_id=run_id, artifact_path=folders.pop() or None, tracking_uri=tracking_uri)
        names += [each.path for each in listed if not each.is_dir]
        folders += [each.path for each in listed if each.is_dir]
    return sorted(names)


def downloaded(tracking_uri: str, run_id: str, name: str) -> Path | None:
    """A copy of the file or folder `name` among the artifacts of a run; None where there is none."""
    try:
        path = Path(download_artifacts(run_id=run_id, artifact_path=name, tracking_uri=tracking_uri))
    except (MlflowException, OSError):
        return None
    return path if path.exists() else None


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
