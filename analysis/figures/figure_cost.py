"""Beyond the paper: AUC against the time that one student takes to train, with the cells that no other cell beats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.figures import drawing
from analysis.figures.drawing import Picture
from analysis.reading import origins
from analysis.reading.repeats import SEED_ALONE, Design
from trainables.cell import ITSELF, Cell

COLUMNS = ["cell", "seconds", "auc", "low", "high", "n", "is_best_buy", "phantom"]
UNITS = (("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))
GREY = "#777777"


def rows(costs: pd.DataFrame, variance: pd.DataFrame, phantom: Mapping[str, str]) -> pd.DataFrame:
    """COLUMNS, one row per cell that was trained, from the quickest on; auc, low and high in percent.

    ``seconds`` is the mean of the confirming repeats. ``is_best_buy``: no cell is as good and quicker, or as quick and
    better.

    Args:
        costs: as `analysis.reading.trial_costs.trial_costs` gives them.
        variance: as `analysis.scores.comparisons.variance_rows` gives them.
        phantom: each cell's parts that are phantoms.
    """
    taken = costs[costs["phase"] == "confirm"].groupby("cell")["seconds"].mean()
    names = variance["cell"].map(str)
    frame = variance.assign(
        cell=names,
        seconds=names.map(taken).astype(float),
        phantom=[phantom.get(name, "") for name in names],
        **{name: 100 * variance[name].astype(float) for name in ("auc", "low", "high")},
    )
    is_trained = names.map(lambda name: Cell.parse(name).method != ITSELF).astype(bool)
    frame = frame[is_trained & frame["seconds"].gt(0) & frame["auc"].notna()]
    frame = frame.sort_values(["seconds", "cell"], ignore_index=True)
    return frame.assign(is_best_buy=_best_buys(frame["seconds"].to_numpy(), frame["auc"].to_numpy()))[COLUMNS]


def _best_buys(seconds_N: Any, auc_N: Any) -> list[bool]:
    """Whether no other is at least as good in both, and better in one."""
    kept = []
    for seconds, auc in zip(seconds_N, auc_N, strict=True):
        no_worse = (seconds_N <= seconds) & (auc_N >= auc)
        kept.append(not bool(np.any(no_worse & ((seconds_N < seconds) | (auc_N > auc)))))
    return kept


def picture(frame: pd.DataFrame, design: Design = SEED_ALONE) -> Picture | None:
    """The whole figure; None where there are fewer than two cells to compare.

    Args:
        frame: from `rows`.
        design: what the repeats draw anew.
    """
    if len(frame) < 2:
        return None
    longest_s = frame["seconds"].max()
    unit, size_s = next(each for each in UNITS if longest_s >= 2 * each[1] or each[1] == 1)
    figure, (ax,) = drawing.empty_figure(width_in=5.4, height_in=4.0)
    draw(frame, ax, size_s)
    ax.set_xlabel(f"{unit} to train one student")
    ax.set_ylabel("AUC, test set (%)")
    drawing.announce_phantom(figure, origins.union(frame["phantom"]))
    drawing.legend(figure, [ax], num_columns=1)
    caption = (
        f"AUC in percent {design.on_what}, with its 95% interval as among all cells, against the mean time that a "
        "confirming repeat took: the search before it and the training of a teacher are not in it, and machines that "
        "were shared make it longer. The dashed line joins the cells that no other cell beats in both."
    )
    listed = "; ".join(
        f"{row.cell}: {row.auc:.1f} in {row.seconds / size_s:.2f} {unit}" + (", unbeaten" if row.is_best_buy else "")
        for row in frame.itertuples()
    )
    return Picture(
        name="cost_and_score",
        title="Score against cost",
        alternative=f"{caption} {listed}.",
        caption=caption,
        figure=figure,
        frame=frame,
    )


def draw(frame: pd.DataFrame, ax: Axes, size_s: float) -> None:
    """A mark per cell with its interval, and the line of those that are unbeaten."""
    teachers = drawing.teachers_of(frame["cell"].tolist())
    best = frame[frame["is_best_buy"]]
    ax.plot(best["seconds"] / size_s, best["auc"], color=GREY, linestyle="--", linewidth=0.9, zorder=1)
    for row in frame.itertuples():
        look = {**drawing.style(str(row.cell), teachers), "linestyle": "none"}
        has_interval = np.isfinite([row.low, row.high]).all()  # too few splits or folds have none
        ends = [[row.auc - row.low], [row.high - row.auc]] if has_interval else None
        label = drawing.key(str(row.cell), row.phantom if "images" not in str(row.phantom) else "")
        ax.errorbar([row.seconds / size_s], [row.auc], yerr=ends, label=label, capsize=3, elinewidth=1, **look)
    ax.set_xlim(left=0, right=1.1 * frame["seconds"].max() / size_s)
