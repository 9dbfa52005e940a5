"""Reads frames of runs and metrics from MLflow's tables where they have the known form, else through its client."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache

import pandas as pd

from analysis.reading import mlflow_client, mlflow_tables
from analysis.reading.tracking_uri import is_database

logger = logging.getLogger(__name__)


def run_frame(tracking_uri: str, experiment: str, sweep: str | None) -> pd.DataFrame:
    """As `analysis.reading.mlflow_client.run_frame`."""
    read = mlflow_tables.run_frame if has_known_tables(tracking_uri) else mlflow_client.run_frame
    return read(tracking_uri, experiment, sweep)


def metric_frame(tracking_uri: str, run_ids: Sequence[str], metrics: Sequence[str]) -> pd.DataFrame:
    """As `analysis.reading.mlflow_client.metric_frame`."""
    read = mlflow_tables.metric_frame if has_known_tables(tracking_uri) else mlflow_client.metric_frame
    return read(tracking_uri, run_ids, metrics)


@cache
def has_known_tables(tracking_uri: str) -> bool:
    """Whether the store is a database with the tables that `mlflow_tables` reads; warns where they differ."""
    if not is_database(tracking_uri):
        return False
    lines = mlflow_tables.differences(tracking_uri)
    if lines:
        logger.warning("MLflow's tables have changed (%s): reading through its client, slower", "; ".join(lines))
    return not lines
