"""The tables of costs: units, and columns that are left out where nothing was measured."""

from __future__ import annotations

import doctest
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.reading.trial_costs import trial_costs
from analysis.reading.trials import Runs, runs
from analysis.scores.cost_rows import cost_rows
from analysis.tables import cost_tables
from analysis.tables.cost_tables import duration
from analysis.tables.rendering import Table, text

MEASURED = {
    "cost_gpu_s": 7_200.0, "cost_cpu_s": 90.0, "cost_measured_wh": 350.0, "cost_estimated_wh": 0.125,
    "cost_host_bytes": 1.5e9, "cost_device_bytes": 8e9,
}  # fmt: skip


def table(recorded: Runs) -> Table:
    return cost_tables.costs(recorded, cost_rows(trial_costs(recorded)), ["5 W for a busy CPU core"])


def test_durations() -> None:
    assert doctest.testmod(cost_tables).failed == 0
    assert [duration(each) for each in (0.0, 99.9, 100.0, 5_999.0, 6_000.0)] == [
        "0.0 s", "99.9 s", "1.7 min", "100.0 min", "1.7 h",
    ]  # fmt: skip


def test_costs_have_their_units(store: Any) -> None:
    store.trial(store.sweep(data="phantom"), curve={"epoch_s": [3600.0, 3600.0]}, metrics=MEASURED)
    shown = table(runs(store.uri, "retina"))
    fields = dict(zip(shown.head[0], [cell.text for cell in shown.body[0]], strict=True))
    assert fields == {
        "cell": "transfer/none/densenet121/all", "phase": "confirmation", "trials": "1", "epochs": "2", "time": "2.0 h",
        "GPU time": "2.0 h", "core time": "90.0 s", "Wh, measured": "350.0", "Wh, estimated": "0.125",
        "memory, GB": "1.50", "GPU memory, GB": "8.00",
    }  # fmt: skip
    assert shown.phantom == "images" and "PHANTOM" in text(shown)
    assert shown.frame["seconds"].tolist() == [7200.0, 7200.0]


def test_of_old_runs_what_was_not_measured_is_left_out(store: Any) -> None:
    store.trial(store.sweep(), curve={"epoch_s": [4.0]})
    assert table(runs(store.uri, "retina")).head[0] == ["cell", "phase", "trials", "epochs", "time"]


@pytest.mark.parametrize("num", [np.nan])
def test_what_is_not_known_is_a_dash(num: float) -> None:
    assert {form(num) for _, form in [*cost_tables.COSTS.values(), *cost_tables.SIZES.values()]} == {"-"}
    assert pd.isna(num)


def test_without_a_gpu_there_is_no_column_of_zeros(store: Any) -> None:
    store.trial(store.sweep(), curve={"epoch_s": [4.0]}, metrics={**MEASURED, "cost_gpu_s": 0.0, "cost_measured_wh": 0})
    head = table(runs(store.uri, "retina")).head[0]
    assert not {"GPU time", "Wh, measured"} & set(head) and {"core time", "Wh, estimated"} < set(head)
