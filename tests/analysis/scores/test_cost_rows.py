"""Sums and peaks of costs, and savings against the plan: each worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.reading.trial_costs import COLUMNS
from analysis.scores.cost_rows import cost_rows
from analysis.scores.savings import saving_rows

PLAIN, TAUGHT, AGAIN = "transfer/none/densenet40/all", "attention/wise/densenet40/all", "attention/wise/densenet121/all"


def costs(*trials: dict[str, Any]) -> pd.DataFrame:
    usual = {"phase": "search", "image_size_px": 32, "epochs": 4.0, "planned_epochs": 4, "seconds": 8.0}
    rows = [{"run_id": str(place), **usual, **trial} for place, trial in enumerate(trials)]
    frame = pd.DataFrame(rows).reindex(columns=COLUMNS)
    return frame.astype({name: float for name in COLUMNS[6:]})


def test_sums_are_per_cell_and_phase_then_of_all_cells_and_a_peak_is_no_sum() -> None:
    frame = cost_rows(
        costs(
            {"cell": PLAIN, "gpu_s": 2.0, "host_bytes": 1e9},
            {"cell": PLAIN, "gpu_s": 3.0, "host_bytes": 4e9},
            {"cell": TAUGHT, "gpu_s": 5.0, "host_bytes": 3e9, "seconds": 10.0},
            {"cell": PLAIN, "gpu_s": 7.0, "host_bytes": 2e9, "phase": "confirm", "epochs": 2.0},
        )
    )
    shown = frame[["cell", "phase", "num_trials", "epochs", "seconds", "gpu_s", "host_bytes"]]
    assert shown.to_numpy().tolist() == [
        [PLAIN, "search", 2, 8.0, 16.0, 5.0, 4e9],
        [TAUGHT, "search", 1, 4.0, 10.0, 5.0, 3e9],
        [PLAIN, "confirm", 1, 2.0, 8.0, 7.0, 2e9],
        ["all cells", "search", 3, 12.0, 26.0, 10.0, 4e9],
        ["all cells", "confirm", 1, 2.0, 8.0, 7.0, 2e9],
        ["all cells", "both", 4, 14.0, 34.0, 17.0, 4e9],
    ]


def test_a_sum_without_one_of_its_parts_is_no_number() -> None:
    frame = cost_rows(costs({"cell": PLAIN, "gpu_s": 2.0}, {"cell": PLAIN}))
    assert frame["gpu_s"].isna().all() and frame["host_bytes"].isna().all()
    assert frame["seconds"].tolist() == [16.0, 16.0]


def test_epochs_that_were_not_trained_are_counted_at_the_cells_own_pace() -> None:
    frame = saving_rows(
        costs(
            {"cell": PLAIN, "epochs": 4.0, "seconds": 8.0},
            {"cell": PLAIN, "epochs": 1.0, "seconds": 7.0},  # 5 epochs took 15 s
            {"cell": TAUGHT, "epochs": 2.0, "seconds": 10.0},
            {"cell": PLAIN, "epochs": 4.0, "seconds": 400.0, "phase": "confirm"},  # was never to be stopped
        )
    ).set_index("cell")
    names = ["num_trials", "num_stopped", "planned_epochs", "epochs", "epochs_saved", "stopping_saved_s"]
    assert frame.loc[PLAIN, names].tolist() == [2, 1, 8, 5, 3, pytest.approx(9.0)]
    assert frame.loc[TAUGHT, names].tolist() == [1, 1, 4, 2, 2, pytest.approx(10.0)]
    assert frame.loc["all cells", names].tolist() == [3, 2, 12, 7, 5, pytest.approx(19.0)]
    assert frame.loc[:, "views":].isna().all(axis=None)


def test_a_view_that_was_read_saves_what_the_teacher_takes_for_one() -> None:
    work = {"teacher_views": 100.0, "cached_views": 20.0, "teacher_s": 5.0}  # 0.05 s a view
    frame = saving_rows(
        costs(
            {"cell": PLAIN},
            {"cell": TAUGHT, **work},
            {"cell": TAUGHT, "teacher_views": 0.0, "cached_views": 120.0, "teacher_s": 0.0, "phase": "confirm"},
            # All of its views were read: the teacher's pace is that of the other cell, which is taught in the same way.
            {"cell": AGAIN, "teacher_views": 0.0, "cached_views": 60.0, "teacher_s": 0.0},
        )
    ).set_index("cell")
    assert frame.loc[TAUGHT, ["views", "views_read", "view_s"]].tolist() == [240.0, 140.0, pytest.approx(0.05)]
    assert frame["cache_saved_s"].tolist()[1:] == pytest.approx([7.0, 3.0, 10.0])
    assert np.isnan(frame.loc[PLAIN, "cache_saved_s"])


def test_a_teacher_that_never_answered_has_no_pace() -> None:
    read = {"teacher_views": 0.0, "cached_views": 60.0, "teacher_s": 0.0}
    other_size = {"teacher_views": 10.0, "cached_views": 0.0, "teacher_s": 1.0, "image_size_px": 64}
    frame = saving_rows(costs({"cell": TAUGHT, **read}, {"cell": f"{TAUGHT}@image_size_px=64", **other_size}))
    assert frame["cache_saved_s"].isna().tolist() == [True, False, True]
    assert frame["views_read"].tolist() == [60.0, 0.0, 60.0]
