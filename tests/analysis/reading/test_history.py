"""Learning curves in bulk: one row per step, sorted, without what is no number."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from mlflow.entities import Metric

from analysis.reading import mlflow_tables
from analysis.reading.history import history


def test_one_row_a_step_sorted(store: Any) -> None:
    parent = store.sweep()
    first = store.trial(parent, curve={"val_auc": [0.5, 0.6], "val_loss": [1.0, 0.9]})
    second = store.trial(parent, seed=1, curve={"val_auc": [0.7]})
    frame = history(store.uri, [second, first], ["val_auc"])
    expected = pd.DataFrame({"run_id": [first, first, second], "step": [1, 2, 1], "value": [0.5, 0.6, 0.7]})
    expected = expected.sort_values(["run_id", "step"], ignore_index=True)
    pd.testing.assert_frame_equal(frame[["run_id", "step", "value"]], expected)
    assert set(frame["metric"]) == {"val_auc"}
    both = history(store.uri, [first], ["val_loss", "val_auc"])
    assert both["value"].tolist() == [0.5, 0.6, 1.0, 0.9]


def test_more_runs_than_one_query_takes(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = store.sweep()
    ids = [store.trial(parent, seed=seed, curve={"val_auc": [0.1 * seed]}) for seed in range(5)]
    monkeypatch.setattr(mlflow_tables, "NUM_RUNS_PER_QUERY", 2)
    frame = history(store.uri, ids, ["val_auc"]).set_index("run_id")
    assert [frame.loc[run_id, "value"] for run_id in ids] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_a_step_logged_twice_counts_once_and_later(store: Any) -> None:
    run_id = store.trial(store.sweep(), status="RUNNING")
    store.client.log_batch(run_id, metrics=[Metric("val/auc", 0.9, 2000, 1), Metric("val/auc", 0.1, 1000, 1)])
    assert history(store.uri, [run_id], ["val_auc"])["value"].tolist() == [0.9]


def test_what_is_no_number_is_left_out(store: Any) -> None:
    values = [0.5, float("nan"), float("inf"), float("-inf"), 0.6]
    run_id = store.trial(store.sweep(), curve={"val_auc": values})
    frame = history(store.uri, [run_id], ["val_auc"])
    assert (frame["step"].tolist(), frame["value"].tolist()) == ([1, 5], [0.5, 0.6])


def test_a_metric_that_is_never_a_number_has_no_row(store: Any) -> None:
    run_id = store.trial(store.sweep(), curve={"val_auc": [float("nan")]})
    assert history(store.uri, [run_id], ["val_auc"]).empty


def test_nothing_asked_nothing_found(store: Any) -> None:
    assert history(store.uri, [], ["val_auc"]).columns.tolist() == ["run_id", "metric", "step", "value"]
    assert history(store.uri, ["absent"], ["val_auc"]).empty


def test_another_kind_of_uri() -> None:
    with pytest.raises(ValueError, match=r"'\./mlruns'"):
        history("./mlruns", ["a"], ["val_auc"])
