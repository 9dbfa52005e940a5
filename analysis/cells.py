"""A cell's score: the mean over the repeats of its best configuration, with its intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.rendering import Cell, Table, number, ranks, text
from analysis.statistics import T_NAME, normal_interval, t_interval
from trainables.config import ITSELF

UNTRAINED = f"{ITSELF}: the teacher's own score, without training; nothing in it is random, so that n = 1"


def summary(confirm_runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """One row a cell: cell, mean, half_width (Student's t), half_width_normal, n, num_undefined.

    Args:
        confirm_runs: one row a repeat, with ``tags.cell`` and ``metrics.<metric>``.
        metric: a metric's name, for example ``test_auc``; a fraction stays a fraction.

    Cells stand in the order of the frame. A repeat without a finite value counts in `num_undefined`, never in the mean;
    a half-width is NaN where n < 2.
    """
    values = confirm_runs.reindex(columns=["tags.cell", f"metrics.{metric}"]).set_axis(["cell", "value"], axis=1)
    rows = []
    for cell, group in values.groupby("cell", sort=False):
        all_values = group["value"].to_numpy(dtype=float)
        finite = all_values[np.isfinite(all_values)]
        row = {"cell": cell, "mean": np.nan, "half_width": np.nan, "half_width_normal": np.nan}
        if len(finite):
            t, normal = t_interval(finite), normal_interval(finite)
            row |= {"mean": t.mean, "half_width": t.half_width, "half_width_normal": normal.half_width}
        rows.append({**row, "n": len(finite), "num_undefined": len(all_values) - len(finite)})
    columns = ["cell", "mean", "half_width", "half_width_normal", "n", "num_undefined"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype({"mean": float, "half_width": float, "half_width_normal": float})


def closing_table(frame: pd.DataFrame, *, metric: str, title: str = "", is_phantom: bool = False) -> str:
    """What a sweep prints at its end: a `summary`, in percent, the best cell first."""
    ordered = frame.sort_values("mean", ascending=False, kind="stable", na_position="last")
    marks = ranks(ordered["mean"].tolist())
    body = [
        [Cell(row.cell), Cell(number(100 * row.mean, 100 * row.half_width), mark), Cell(str(row.n))]
        for row, mark in zip(ordered.itertuples(), marks, strict=True)
    ]
    notes = [f"mean over n repeats on the test set, in percent; ±: half-width of the 95% interval, {T_NAME}"]
    if (frame["n"] < 2).any():
        notes.append("no interval where n < 2: one repeat says nothing of the spread")
    if frame["cell"].str.startswith(f"{ITSELF}/").any():
        notes.append(UNTRAINED)
    head = [["cell", metric, "n"]]
    table = Table(
        name="closing", title=title or f"{metric} by cell", head=head, body=body, frame=frame, is_phantom=is_phantom,
        notes=notes,
    )  # fmt: skip
    return text(table)
