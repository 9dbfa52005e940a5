"""Reads frames of runs and metrics from MLflow's tables where they have the known form, else through its client.

Metrics have their names in frames here (`analysis.reading.record_form`), and in both readers those of MLflow.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache

import pandas as pd

from analysis.reading import mlflow_client, mlflow_tables
from analysis.reading.record_form import key_of, name_of
from analysis.reading.tracking_uri import is_database

METRICS = "metrics."  # the beginning of a metric's column
logger = logging.getLogger(__name__)


def run_frame(tracking_uri: str, experiment: str, sweep: str | None) -> pd.DataFrame:
    """As `analysis.reading.mlflow_client.run_frame`, without the metrics of parent runs."""
    read = mlflow_tables.run_frame if has_known_tables(tracking_uri) else mlflow_client.run_frame
    frame = read(tracking_uri, experiment, sweep)
    keys = {column: column.removeprefix(METRICS) for column in frame if column.startswith(METRICS)}
    names = {column: name_of(key) for column, key in keys.items()}
    frame = frame.drop(columns=[column for column, name in names.items() if name is None])
    return frame.rename(columns={column: f"{METRICS}{name}" for column, name in names.items()})


def metric_frame(tracking_uri: str, run_ids: Sequence[str], metrics: Sequence[str]) -> pd.DataFrame:
    """As `analysis.reading.mlflow_client.metric_frame`."""
    read = mlflow_tables.metric_frame if has_known_tables(tracking_uri) else mlflow_client.metric_frame
    frame = read(tracking_uri, run_ids, [key_of(name) for name in metrics])
    return frame.assign(metric=frame["metric"].map(name_of))


@cache
def has_known_tables(tracking_uri: str) -> bool:
    """Whether the store is a database with the tables that `mlflow_tables` reads; warns where they differ."""
    if not is_database(tracking_uri):
        return False
    lines = mlflow_tables.differences(tracking_uri)
    if lines:
        logger.warning("MLflow's tables have changed (%s): reading through its client, slower", "; ".join(lines))
    return not lines
