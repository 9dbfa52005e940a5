"""Beyond the paper: what each source of variance does to a cell's score (after Bouthillier et al. 2021, Fig. 1)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.transforms import blended_transform_factory

from analysis.figures import drawing
from analysis.figures.drawing import Picture
from analysis.reading import origins
from analysis.scores.variance_components import ALL, COLUMNS, PATIENTS
from trainables import titles

WIDTH_IN = 5.4  # narrow, so that a phone shows it as a whole
LINE_IN = 0.27  # height of a source's line
HEAD = 1.5  # lines that the name of a cell takes
GREY = "#777777"
WIDEST = 3.0  # times the greatest deviation: what an interval from few repeats may take of the axis
MARKERS = {ALL: "s", PATIENTS: "D"}


def rows(components: pd.DataFrame, phantom: Mapping[str, str]) -> pd.DataFrame:
    """The frame of `component_rows` in percentage points, with phantom, and place: how far below the top each line is,
    in lines, with room for the name above the first of a cell.
    """
    frame = components.assign(
        phantom=[phantom.get(name, "") for name in components["cell"]],
        **{name: 100 * components[name].astype(float) for name in ("sd", "low", "high")},
    )
    number = frame["cell"].ne(frame["cell"].shift()).cumsum()
    return frame.assign(place=np.arange(len(frame)) + HEAD * number)[[*COLUMNS, "phantom", "place"]]


def draw(frame: pd.DataFrame, ax: Axes) -> None:
    """A block per cell and a line per source: its standard deviation with the interval, and both as numbers."""
    left = blended_transform_factory(ax.transAxes, ax.transData)
    edge = blended_transform_factory(ax.figure.transFigure, ax.transData)
    sources = list(dict.fromkeys(frame["source"]))
    has_own_marks = not frame["phantom"].str.contains("images").all()
    for cell, block in frame.groupby("cell", sort=False):
        top = block["place"].iloc[0] - 0.6
        title = origins.marked(titles.of_name(str(cell)), block["phantom"].iloc[0] if has_own_marks else "")
        ax.text(0.01, top - 0.45, title, transform=edge, va="bottom", fontsize=8)
        ax.text(0.01, top - 0.4, cell, transform=edge, va="top", fontsize=6, family="monospace", color=GREY)
    for row in frame.itertuples():
        is_source = row.source not in MARKERS
        colour = drawing.PALETTE[sources.index(row.source) % len(drawing.PALETTE)] if is_source else drawing.BLACK
        ends = [[row.sd - row.low], [row.high - row.sd]] if math.isfinite(row.low) else None
        face = "white" if row.source == PATIENTS else colour
        ax.errorbar(
            [row.sd], [row.place], xerr=ends, fmt=MARKERS.get(row.source, "o"), color=colour, markerfacecolor=face,
            capsize=2, markersize=5, linewidth=1.2,
        )  # fmt: skip
        interval = f" ({row.low:.2f} to {row.high:.2f}; n = {row.n})" if ends else ""
        ax.text(1.02, row.place, f"{row.sd:.2f}{interval}", transform=left, va="center", fontsize=7)
    ax.set_xlim(0, min(frame[["sd", "high"]].max(axis=None), WIDEST * frame["sd"].max()) * 1.05)
    ax.set_ylim(frame["place"].max() + 0.6, 0)
    ax.set_yticks(frame["place"], frame["source"], fontsize=7)
    ax.tick_params(left=False)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("standard deviation of the test AUC (points)")


def picture(frame: pd.DataFrame) -> Picture | None:
    """The whole figure, from `rows`; None where no source was varied."""
    if frame.empty:
        return None
    figure, (ax,) = drawing.empty_figure(width_in=WIDTH_IN, height_in=0.9 + LINE_IN * (frame["place"].max() + 1))
    draw(frame, ax)
    drawing.announce_phantom(figure, origins.union(frame["phantom"]))
    caption = (
        "Standard deviation of the test AUC with one source drawn anew and all others as in the search, of all sources "
        "together, and of the draw of test patients alone (hollow; bootstrap by patient within one repeat). Lines: 95% "
        "interval, chi-squared; one that reaches the right edge goes on beyond it."
    )
    listed = "; ".join(
        f"{origins.marked(titles.of_name(str(cell)), block['phantom'].iloc[0])}: "
        + ", ".join(f"{row.source} {row.sd:.2f}" for row in block.itertuples())
        for cell, block in frame.groupby("cell", sort=False)
    )
    return Picture(
        name="variance_sources",
        title="Where the variance comes from",
        alternative=f"{caption} {listed}.",
        caption=caption,
        figure=figure,
        frame=frame,
    )
