"""The mean of each cell, and what a sweep prints at its end."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.cells import closing_table, summary
from analysis.runs import runs


def confirm(values: dict[str, list[float]]) -> pd.DataFrame:
    rows = [(cell, value) for cell, group in values.items() for value in group]
    return pd.DataFrame(rows, columns=["tags.cell", "metrics.test_auc"])


def test_summary_by_hand() -> None:
    frame = summary(confirm({"b": [0.7, 0.8, 0.9], "a": [0.5]}), "test_auc").set_index("cell")
    assert frame.index.tolist() == ["b", "a"]  # the order of the frame
    assert frame.loc["b", "mean"] == pytest.approx(0.8)
    assert frame.loc["b", "half_width"] == pytest.approx(0.2484138, abs=1e-6)
    assert frame.loc["b", "half_width_normal"] == pytest.approx(0.1131586, abs=1e-6)
    assert (frame.loc["b", "n"], frame.loc["a", "n"]) == (3, 1)
    assert frame.loc["a", "mean"] == 0.5
    assert np.isnan(frame.loc["a", "half_width"])


def test_what_is_not_defined_is_counted_and_not_averaged() -> None:
    frame = summary(confirm({"a": [0.6, np.nan, 0.8], "b": [np.nan, np.inf]}), "test_auc").set_index("cell")
    assert (frame.loc["a", "mean"], frame.loc["a", "n"], frame.loc["a", "num_undefined"]) == (pytest.approx(0.7), 2, 1)
    assert np.isnan(frame.loc["b", "mean"])
    assert (frame.loc["b", "n"], frame.loc["b", "num_undefined"]) == (0, 2)


def test_a_metric_that_was_never_logged() -> None:
    frame = summary(confirm({"a": [0.6, 0.7]}), "test_kappa")
    assert (frame["n"].tolist(), frame["num_undefined"].tolist()) == ([0], [2])


def test_summary_of_nothing() -> None:
    frame = summary(confirm({}), "test_auc")
    assert frame.empty and {"cell", "mean", "half_width", "n"} <= set(frame)


def test_summary_from_a_store(store) -> None:
    parent = store.sweep()
    store.repeats(parent, "test_auc", [0.7, 0.8, 0.9])
    frame = summary(runs(store.uri, "retina").confirm, "test_auc")
    assert frame["cell"].tolist() == ["transfer/none/densenet121/all"]
    assert frame["mean"].tolist() == [pytest.approx(0.8)]


def test_closing_table() -> None:
    frame = summary(confirm({"low": [0.7, 0.7, 0.7], "high": [0.8, 0.9], "one": [0.6], "none": [np.nan]}), "test_auc")
    lines = closing_table(frame, metric="test_auc", is_phantom=True).splitlines()
    assert "PHANTOM" in lines[1]
    rows = [line.split() for line in lines if line.split()[0] in ("high", "low", "one", "none")]
    # half of 0.1 apart: s = 0.0707, t(1) = 12.706: 12.706 * 0.0707 / sqrt(2) = 63.53 percent
    assert rows[:2] == [["high", "85.00±63.53*", "2"], ["low", "70.00±0.00+", "3"]]
    assert rows[2:] == [["one", "60.00", "1"], ["none", "-", "0"]]
    assert any("Student's t" in line for line in lines) and any("n < 2" in line for line in lines)
    assert "PHANTOM" not in closing_table(frame, metric="test_auc")
    assert not any(line.startswith("itself") for line in lines)


def test_a_teacher_itself_has_a_score_and_no_interval() -> None:
    frame = summary(confirm({"itself/a/none/none": [0.9], "transfer/none/densenet40/all": [0.7, 0.8]}), "test_auc")
    lines = closing_table(frame, metric="test_auc").splitlines()
    assert [line.split() for line in lines if line.startswith("itself/a")] == [["itself/a/none/none", "90.00*", "1"]]
    assert any("nothing in it is random, so that n = 1" in line for line in lines)
