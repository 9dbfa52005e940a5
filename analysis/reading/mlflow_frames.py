"""Reads frames of runs and metrics: out of a bundle, from MLflow's tables where they have the known form, else through
MLflow's client.

Whatever asks for runs or metrics asks here, so that it needs no MLflow where it reads a bundle.

Metrics have their names in frames here (`analysis.reading.record_form`), and in both readers those of MLflow.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from types import ModuleType

import pandas as pd

from analysis.reading import bundle_frames, mlflow_tables
from analysis.reading.bundles import opened
from analysis.reading.record_form import key_of, name_of
from analysis.reading.tracking_uri import is_bundle, is_database

METRICS = "metrics."  # the beginning of a metric's column
logger = logging.getLogger(__name__)


def run_frame(tracking_uri: str, experiment: str, sweep: str | None) -> pd.DataFrame:
    """One row per run that is not deleted, as `analysis.reading.mlflow_client.run_frame`, without the metrics of parent
    runs.
    """
    if is_bundle(tracking_uri):
        return bundle_frames.run_frame(tracking_uri, experiment, sweep)
    frame = _reader(tracking_uri).run_frame(tracking_uri, experiment, sweep)
    keys = {column: column.removeprefix(METRICS) for column in frame if column.startswith(METRICS)}
    names = {column: name_of(key) for column, key in keys.items()}
    frame = frame.drop(columns=[column for column, name in names.items() if name is None])
    return frame.rename(columns={column: f"{METRICS}{name}" for column, name in names.items()})


def metric_frame(tracking_uri: str, run_ids: Sequence[str], metrics: Sequence[str]) -> pd.DataFrame:
    """Every logged value of these metrics, as `analysis.reading.mlflow_client.metric_frame`."""
    if is_bundle(tracking_uri):
        return bundle_frames.metric_frame(tracking_uri, run_ids, metrics)
    frame = _reader(tracking_uri).metric_frame(tracking_uri, run_ids, [key_of(name) for name in metrics])
    return frame.assign(metric=frame["metric"].map(name_of))


def experiments(tracking_uri: str) -> list[str]:
    """The data sets that have runs, and whatever else MLflow has experiments of."""
    return [opened(tracking_uri).dataset] if is_bundle(tracking_uri) else _client().experiments(tracking_uri)


def sweeps(tracking_uri: str) -> dict[str, list[str]]:
    """The names of the sweeps by data set."""
    if is_bundle(tracking_uri):
        bundle = opened(tracking_uri)
        return {bundle.dataset: [bundle.sweep]}
    return _client().sweeps(tracking_uri)


def _reader(tracking_uri: str) -> ModuleType:
    return mlflow_tables if has_known_tables(tracking_uri) else _client()


def _client() -> ModuleType:
    from analysis.reading import mlflow_client  # imports MLflow, which takes seconds, and which a bundle does without

    return mlflow_client


@cache
def has_known_tables(tracking_uri: str) -> bool:
    """Whether the store is a database with the tables that `mlflow_tables` reads; warns where they differ."""
    if not is_database(tracking_uri):
        return False
    lines = mlflow_tables.differences(tracking_uri)
    if lines:
        logger.warning("MLflow's tables have changed (%s): reading through its client, slower", "; ".join(lines))
    return not lines
