"""Beyond the paper: of each planned comparison, the difference that was seen and the smallest that would be told."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import blended_transform_factory

from analysis.figures import drawing
from analysis.figures.drawing import Picture
from analysis.reading import origins
from trainables import titles

WIDTH_IN = 5.4  # narrow, so that a phone shows it as a whole
LINE_IN = 0.62  # height of a comparison
TITLE_CHARS = 88
WIDEST = 3.0  # times the greatest difference: what an interval from few repeats may take of the axis
SEEN, VISIBLE = drawing.PALETTE[0], drawing.PALETTE[1]
GREY = "#777777"
CAPTION = (
    "Full circles: the difference in test AUC that was seen, without its sign. Bars: the smallest true difference that "
    "this sweep would have told from chance 8 times in 10, with its range by the 95% interval of the variance over "
    "repeats; a line that reaches the right edge goes on beyond it."
)


def picture(frame: pd.DataFrame, phantom: Mapping[str, str]) -> Picture | None:
    """The whole figure; None where no comparison has a smallest visible difference.

    Args:
        frame: of `analysis.scores.power_rows.power_rows`.
        phantom: which parts of each cell are phantoms.
    """
    columns = ["difference", "smallest", "smallest_low", "smallest_high"]
    points = (100 * frame[columns].astype(float)).replace(np.inf, np.nan).abs()
    shown = frame[["first", "second"]].join(points)
    shown = shown.assign(phantom=[origins.union(phantom.get(name, "") for name in pair) for pair in _pairs(frame)])
    shown = shown[shown["smallest"].notna()].reset_index(drop=True)
    if shown.empty:
        return None
    figure, (ax,) = drawing.empty_figure(width_in=WIDTH_IN, height_in=1.2 + LINE_IN * len(shown))
    draw(shown, ax)
    handles = [
        Line2D([], [], color=SEEN, marker="o", linestyle="", label="seen"),
        Line2D([], [], color=VISIBLE, marker="|", markersize=12, markeredgewidth=2.5, linestyle="", label="visible"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=7, frameon=False)
    drawing.announce_phantom(figure, origins.union(shown["phantom"]))
    listed = "; ".join(
        f"{_called(row)}: seen {row['difference']:.2f}, visible {row['smallest']:.2f}"
        for row in shown.to_dict("records")
    )
    return Picture(
        name="visible_differences",
        title="Seen, and visible",
        alternative=f"{CAPTION} {listed}.",
        caption=CAPTION,
        figure=figure,
        frame=shown,
    )


def draw(frame: pd.DataFrame, ax: Axes) -> None:
    """A line per comparison: its name, and below that what was seen and what is visible, in percentage points."""
    left = blended_transform_factory(ax.figure.transFigure, ax.transData)
    right = blended_transform_factory(ax.transAxes, ax.transData)
    for place, row in enumerate(frame.to_dict("records")):
        title = textwrap.shorten(_called(row), TITLE_CHARS, placeholder="...")
        ax.text(0.01, place - 0.42, title, transform=left, va="bottom", fontsize=7)
        ax.text(
            0.01, place - 0.4, f"{row['first']} - {row['second']}", transform=left, va="top", fontsize=5, color=GREY
        )
        if np.isfinite(row["smallest_low"]) and np.isfinite(row["smallest_high"]):
            ax.plot([row["smallest_low"], row["smallest_high"]], [place, place], color=VISIBLE, linewidth=1.2)
        ax.plot([row["smallest"]], [place], color=VISIBLE, marker="|", markersize=12, markeredgewidth=2.5)
        ax.plot([row["difference"]], [place], color=SEEN, marker="o", markersize=6, clip_on=False)
        numbers = f"{row['difference']:.2f} of {row['smallest']:.2f}"
        ax.text(1.02, place, numbers, transform=right, va="center", fontsize=7)
    most = frame[["difference", "smallest"]].max(axis=None)
    widest = frame[["difference", "smallest", "smallest_high"]].max(axis=None)
    ax.set_xlim(0, min(1.05 * min(widest, WIDEST * most), 100))  # no two AUCs are further apart
    ax.set_ylim(len(frame) - 0.6, -0.9)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("difference in test AUC (points)")


def _pairs(frame: pd.DataFrame) -> list[tuple[str, str]]:
    return [(str(first), str(second)) for first, second in zip(frame["first"], frame["second"], strict=True)]


def _called(row: Mapping[str, object]) -> str:
    mark = "" if "images" in str(row["phantom"]) else row["phantom"]
    first, second = (titles.of_name(str(row[side])) for side in ("first", "second"))
    return origins.marked(f"{first} against {second}", mark)
