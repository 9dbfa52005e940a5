"""Fig. 3: AUC against the number of training images, attention transfer beside plain transfer, one line per cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.figures import drawing
from analysis.figures.drawing import Picture
from analysis.reading import origins
from analysis.reading.averages import averages
from analysis.reading.facts import from_sweeps
from analysis.reading.trials import Runs
from analysis.scores.cells import eligible, interval_note, summary
from trainables import titles
from trainables.cell import ITSELF, Cell

ITSELF_TITLE = "The teacher itself, untrained"


def rows(runs: Runs) -> pd.DataFrame:
    """One row per cell and fraction: panel, line (`Cell.short`), data_fraction, num_images (of training;
    NaN where the sweep does not say how many there are), auc, half_width (`summary`; NaN where n is too small), n,
    phantom, is_ranked (whether it may be called the highest), data. Percent.
    """
    columns = ["panel", "line", "data_fraction", "num_images", "auc", "half_width", "n", "phantom", "is_ranked", "data"]
    if runs.confirm.empty:
        return pd.DataFrame(columns=columns)
    frame = summary(runs.confirm, "test_auc")
    fraction = runs.confirm.drop_duplicates("tags.cell").set_index("tags.cell")["params.data_fraction"].astype(float)
    counts = [counts["train"] for source in from_sweeps([runs], "table_2") for counts in source.facts.values()]
    frame = frame.assign(
        line=[Cell.parse(name).short for name in frame["cell"]],
        data_fraction=frame["cell"].map(fraction),
        auc=100 * frame["mean"],
        half_width=100 * frame["half_width"],
        is_ranked=eligible(frame),
        data=runs.data,
    )
    frame["panel"] = [Cell.parse(name).method for name in frame["cell"]]
    frame["num_images"] = frame["data_fraction"] * (max(counts) if counts else np.nan)
    return frame.sort_values(["panel", "line", "data_fraction"], ignore_index=True)[columns]


def draw(frame: pd.DataFrame, axes: Sequence[Axes], cells: Mapping[str, Cell]) -> None:
    """One panel per method; the band is the interval over the repeats. `cells`: a cell of each line, for its looks."""
    known = frame["num_images"].notna().all()
    across = "num_images" if known else "data_fraction"
    names = {line: replace(cell, data_fraction=1.0).name for line, cell in cells.items()}  # no line is paler
    teachers = drawing.teachers_of(list(names.values()))
    lines = {
        str(line): drawing.key(names[str(line)], origins.union(of["phantom"])) for line, of in frame.groupby("line")
    }
    for ax, (panel, block) in zip(axes, frame.groupby("panel"), strict=False):
        for line, points in block.groupby("line"):
            look = drawing.style(names[str(line)], teachers)
            x, y = points[across].to_numpy(dtype=float), points["auc"].to_numpy(dtype=float)
            band = points["half_width"].fillna(0).to_numpy(dtype=float)
            ax.plot(x, y, label=lines[str(line)], markersize=4, **look)
            ax.fill_between(x, y - band, y + band, color=look["color"], alpha=0.15, linewidth=0)
            if len(points) == 1:  # a band over one amount has no width
                ax.errorbar(x, y, yerr=band, color=look["color"], linewidth=1, capsize=2)
        ax.set_xscale("log")
        ax.set_title(ITSELF_TITLE if panel == ITSELF else titles.method(str(panel)))
        ax.set_xlabel("training images" if known else "fraction of the training images")
        ax.set_ylabel("AUC, test set (%)")


def picture(runs: Runs) -> Picture | None:
    """The whole figure; None where every cell has the same amount of training data, so that there is nothing to see."""
    frame = rows(runs)
    if frame["data_fraction"].nunique() < 2:
        return None
    figure, axes = drawing.empty_figure(num_columns=frame["panel"].nunique(), sharey=True)
    cells = {cell.short: cell for cell in map(Cell.parse, runs.confirm["tags.cell"].unique())}
    draw(frame, axes, cells)
    drawing.announce_phantom(figure, origins.union(frame["phantom"]))
    drawing.legend(figure, axes)
    averaged = averages(runs)
    alternative = (
        f"AUC on the test set against the amount of training data, one line per cell, bands: "
        f"{interval_note(runs.design)}. "
    )
    alternative += "".join(f"{note}. " for note in (averaged.notes if averaged else []))
    alternative += _highest(frame[frame["is_ranked"]], cells)
    title = "Fig. 3: how much data is needed"
    return Picture(name="figure_3", title=title, alternative=alternative, figure=figure, frame=frame)


def _highest(ranked: pd.DataFrame, cells: Mapping[str, Cell]) -> str:
    if len(ranked) < 2:
        return "Nothing is ranked: that takes two lines with enough repeats, on images and teachers of one kind."
    best = ranked.loc[ranked["auc"].idxmax()]
    cell = replace(cells[best["line"]], data_fraction=1.0)
    return (
        f"The highest is {origins.marked(titles.cell(cell), best['phantom'])} with {best['auc']:.2f}%, "
        f"trained on {titles.fraction(best['data_fraction'])}."
    )
