"""The contract with MLflow's tables, and the same frames through its client."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy
from mlflow.entities import Metric
from sqlalchemy.dialects import mysql, postgresql

from analysis.reading import mlflow_client, mlflow_frames, mlflow_tables, wide_frame
from analysis.reading.history import history
from analysis.reading.tracking_uri import sqlite_file
from analysis.reading.trials import runs

NAN = float("nan")


@pytest.fixture(scope="module")
def filled(new_store: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two sweeps, a deleted run, a run with no fact of ours, curves with a step logged twice, and values that are no
    number.
    """
    store = new_store(tmp_path_factory.mktemp("filled"))
    parent = store.sweep()
    store.trial(parent, phase="search", curve={"val_auc": [0.6, 0.8, 0.7], "val_loss": [1.0, NAN, float("inf")]})
    store.trial(parent, metrics={"test_auc": 0.75}, method="attention", teacher="imagenet", beta=30.0)
    again = store.trial(parent, seed=1, status="RUNNING", curve={"val_auc": [0.5, NAN]})
    store.client.log_batch(again, metrics=[Metric("val/auc", 0.9, 2_000_000_000_000, 1)])
    store.client.delete_run(store.trial(parent, seed=2))
    store.client.create_run(store.client.get_run(parent).info.experiment_id)
    store.trial(store.sweep(name="John's"), seed=3, metrics={"never": NAN})
    store.trial(store.sweep(dataset="chexpert"))
    return store


def test_mlflow_has_the_tables_columns_and_types_that_are_read(store: Any) -> None:
    lines = mlflow_tables.differences(store.uri)
    assert not lines, (
        "this MLflow's tables are not those that analysis/reading/mlflow_tables.py reads, so every command falls "
        "back to the slower client; adapt that module:\n" + "\n".join(lines)
    )


@pytest.mark.parametrize("sweep", [None, "first", "John's", "nowhere"])
def test_the_client_gives_the_same_runs(filled: Any, sweep: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_client, "NUM_RUNS_PER_PAGE", 2)
    by_tables = mlflow_tables.run_frame(filled.uri, "retina", sweep)
    assert len(by_tables) == {None: 7, "first": 4, "John's": 2, "nowhere": 0}[sweep]
    pd.testing.assert_frame_equal(mlflow_client.run_frame(filled.uri, "retina", sweep), by_tables)


def test_frames_have_the_trials_metrics_by_their_names_and_none_of_the_parents(filled: Any, tmp_path: Path) -> None:
    store = filled.copied(tmp_path)
    (parent, *_) = store.parents
    store.client.log_batch(parent, metrics=[Metric("confirmed test_auc mean/transfer none densenet121 all", 0.5, 1, 1)])
    columns = mlflow_frames.run_frame(store.uri, "retina", "first").columns
    names = {name.removeprefix("metrics.") for name in columns if name.startswith("metrics.")}
    assert names == {"val_auc", "val_loss", "test_auc", "test_auc_defined"}


def test_both_ways_have_no_run_of_an_absent_experiment(filled: Any) -> None:
    by_tables = mlflow_tables.run_frame(filled.uri, "nowhere", None)
    assert by_tables.empty and list(by_tables) == wide_frame.RUN_COLUMNS
    pd.testing.assert_frame_equal(mlflow_client.run_frame(filled.uri, "nowhere", None), by_tables)


@pytest.mark.parametrize("metrics", [["val/auc"], ["val/auc", "val/loss", "never", "absent"], []])
def test_the_client_gives_the_same_metrics(filled: Any, metrics: list[str]) -> None:
    run_ids = [*mlflow_tables.run_frame(filled.uri, "retina", None)["run_id"], "absent"]
    first, second = (
        module.metric_frame(filled.uri, run_ids, metrics).sort_values(wide_frame.METRIC_COLUMNS, ignore_index=True)
        for module in (mlflow_tables, mlflow_client)
    )
    assert first["metric"].nunique() == {1: 1, 4: 3, 0: 0}[len(metrics)]
    pd.testing.assert_frame_equal(second, first)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("ALTER TABLE latest_metrics RENAME COLUMN is_nan TO is_undefined", "there is no column latest_metrics.is_nan"),
        ("ALTER TABLE metrics RENAME TO measured", "there is no table metrics"),
        ("ALTER TABLE tags RENAME COLUMN value TO old; ALTER TABLE tags ADD COLUMN value INTEGER", "tags.value must"),
    ],
)
def test_a_change_of_the_tables_is_named_and_the_client_is_asked(
    filled: Any,
    tmp_path: Path,
    change: str,
    line: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uri = filled.copied(tmp_path).uri
    expected = runs(uri, "retina").trials
    file = sqlite_file(uri)
    assert file is not None
    with closing(sqlite3.connect(file)) as database:
        database.executescript(change)
    (difference,) = mlflow_tables.differences(uri)
    assert difference.startswith(line)
    # MLflow, which does not know of the change either, answers from what it read before.
    monkeypatch.setattr(mlflow_client, "run_frame", lambda *_: expected.drop(columns="phantom"))
    mlflow_frames.has_known_tables.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert runs(uri, "retina").trials["run_id"].tolist() == expected["run_id"].tolist()
    assert line in caplog.text


def test_a_server_is_asked_through_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    logged = pd.DataFrame([["a", "val/auc", 1, 0.5, 7]], columns=wide_frame.METRIC_COLUMNS)
    asked: list[Any] = []

    def metric_frame(*arguments: Any) -> pd.DataFrame:
        asked.append(arguments)
        return logged

    monkeypatch.setattr(mlflow_client, "metric_frame", metric_frame)
    assert history("http://127.0.0.1:1", ["a"], ["val_auc"])[["metric", "value"]].to_numpy().tolist() == [
        ["val_auc", 0.5]
    ]
    assert asked == [("http://127.0.0.1:1", ["a"], ["val/auc"])]


@pytest.mark.parametrize("kind", [mysql.DOUBLE(), postgresql.DOUBLE_PRECISION()])
def test_the_same_type_of_another_database_is_no_difference(
    store: Any, kind: sqlalchemy.types.TypeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = sqlalchemy.Inspector.get_columns

    def of_another(inspector: sqlalchemy.Inspector, table: str) -> list[Any]:
        is_other = {"value"} if "metrics" in table else set()
        return [{**c, "type": kind} if c["name"] in is_other else c for c in columns(inspector, table)]

    monkeypatch.setattr(sqlalchemy.Inspector, "get_columns", of_another)
    assert mlflow_tables.differences(store.uri) == []
