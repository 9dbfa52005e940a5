"""What early stopping and the knowledge cache have saved, against the same plan without them.

Without early stopping each trial of the search would have been trained to its last epoch, at its cell's own pace.
Without the cache the teacher would have answered each view that was read, in the time that it took for the others.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.scores.cost_rows import ALL_CELLS
from trainables.cell import Cell

COLUMNS = [
    "cell", "num_trials", "num_stopped", "planned_epochs", "epochs", "epochs_saved", "stopping_saved_s",
    "views", "views_read", "view_s", "cache_saved_s",
]  # fmt: skip
SUMS = [name for name in COLUMNS[1:] if name != "view_s"]
Key = tuple[str, str, int]  # method, teacher, and size of the images


def saving_rows(costs: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS, one row per cell, and a last one over all cells. NaN where it was not measured, or there is no teacher.

    Early stopping (of the search alone): ``num_trials`` of which ``num_stopped`` ended before their last epoch, with
    ``epochs`` of ``planned_epochs``, and ``stopping_saved_s`` seconds. The cache (of all trials): of ``views`` that a
    student was taught with, ``views_read`` needed no teacher, which takes ``view_s`` seconds for one.

    Args:
        costs: as `analysis.reading.trial_costs.trial_costs` gives them.
    """
    view_s = _seconds_per_view(costs)
    rows = [_of_a_cell(str(cell), trials, view_s) for cell, trials in costs.groupby("cell", sort=False)]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    # Over all cells a number is the sum of those that there are: a cell without a teacher has no views.
    return pd.concat([frame, _total(frame)], ignore_index=True) if len(frame) > 1 else frame


def _of_a_cell(cell: str, trials: pd.DataFrame, view_s: Mapping[Key, float]) -> dict[str, object]:
    searched = trials[trials["phase"] == "search"]
    planned, trained = searched["planned_epochs"].sum(), searched["epochs"].sum(skipna=False)
    pace_s = searched["seconds"].sum(skipna=False) / trained if trained > 0 else np.nan
    saved = planned - trained
    views_read = trials["cached_views"].sum(skipna=False)
    views = views_read + trials["teacher_views"].sum(skipna=False)
    one_s = view_s.get(_key(cell, trials), np.nan)
    return {
        "cell": cell,
        "num_trials": len(searched),
        "num_stopped": int((searched["epochs"] < searched["planned_epochs"]).sum()),
        "planned_epochs": planned,
        "epochs": trained,
        "epochs_saved": saved,
        "stopping_saved_s": saved * pace_s if saved else 0.0,
        "views": views,
        "views_read": views_read,
        "view_s": one_s,
        "cache_saved_s": views_read * one_s if views_read else (0.0 if views > 0 else np.nan),
    }


def _total(frame: pd.DataFrame) -> pd.DataFrame:
    sums = {name: frame[name].sum(min_count=1) for name in SUMS}
    # What is not known of one cell with a teacher is not known of all.
    if frame.loc[frame["views_read"] > 0, "cache_saved_s"].isna().any():
        sums["cache_saved_s"] = np.nan
    return pd.DataFrame([{"cell": ALL_CELLS, "view_s": np.nan, **sums}], columns=COLUMNS)


def _seconds_per_view(costs: pd.DataFrame) -> dict[Key, float]:
    """By what decides it; from all cells in which that teacher has answered, since a cell may have read all."""
    answered = costs[costs["teacher_views"] > 0]
    keys = [_key(str(row.cell), costs.loc[[row.Index]]) for row in answered.itertuples()]
    sums = answered.assign(key=keys).groupby("key", sort=False)[["teacher_s", "teacher_views"]].sum()
    return dict(zip(sums.index, sums["teacher_s"] / sums["teacher_views"], strict=True))


def _key(cell: str, trials: pd.DataFrame) -> Key:
    known = Cell.parse(cell)
    return known.method, known.teacher, int(trials["image_size_px"].iloc[0])
