"""Runs, metrics and files out of a bundle, of the form that `analysis.reading.mlflow_frames` reads from MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from analysis.reading.bundles import ARTIFACTS, METRICS, RUNS, opened
from analysis.reading.wide_frame import METRIC_COLUMNS, RUN_COLUMNS

MAX_VALUES = 500_000_000  # of one table; a few bytes of a packed file can stand for any number of equal rows


def run_frame(tracking_uri: str, experiment: str, sweep: str | None) -> pd.DataFrame:
    """As `analysis.reading.mlflow_frames.run_frame`.

    Raises:
        FileNotFoundError, ValueError: as `analysis.reading.bundles.opened`; or the table has too many values.
    """
    bundle = opened(tracking_uri)
    if experiment != bundle.dataset or sweep not in (None, bundle.sweep):
        return pd.DataFrame(columns=RUN_COLUMNS)
    return _table(bundle.folder / RUNS)


def metric_frame(tracking_uri: str, run_ids: Sequence[str], metrics: Sequence[str]) -> pd.DataFrame:
    """As `analysis.reading.mlflow_frames.metric_frame`; raises as `run_frame`."""
    frame = _table(opened(tracking_uri).folder / METRICS)
    asked = frame["run_id"].isin(list(run_ids)) & frame["metric"].isin(list(metrics))
    return frame.loc[asked, METRIC_COLUMNS].reset_index(drop=True)


def artifact(tracking_uri: str, run_id: str, name: str) -> Path | None:
    """The file or folder `name` of a run; None where the bundle has none. Raises as `run_frame`."""
    path = opened(tracking_uri).path(f"{ARTIFACTS}/{run_id}/{name}")
    if path is not None:
        for file in [path] if path.is_file() else sorted(path.rglob("*.parquet")):
            if file.suffix == ".parquet":
                _check_size(file)
    return path


def _table(path: Path) -> pd.DataFrame:
    _check_size(path)
    return pd.read_parquet(path)


def _check_size(path: Path) -> None:
    """Refuses a Parquet file that says itself that it is larger than any that we write."""
    facts = pq.read_metadata(path)
    if facts.num_rows * facts.num_columns > MAX_VALUES:
        raise ValueError(
            f"a table of a bundle must have at most {MAX_VALUES} values, but {path.name} says that it has "
            f"{facts.num_rows} rows of {facts.num_columns}"
        )
