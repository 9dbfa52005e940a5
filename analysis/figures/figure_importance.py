"""Beyond the paper: which dimensions of a search mattered, one panel per study, a bar per parameter."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis.figures import drawing
from analysis.figures.drawing import Picture
from analysis.reading import origins
from analysis.reading.trials import Runs
from analysis.tables.what_mattered import notes

WIDTH_IN = 5.4  # narrow, so that a phone shows it as a whole
LINE_IN = 0.3  # height of a bar's line
FRAME_IN = 1.0  # title and axis of a panel
MAX_PANELS = 12


def picture(frame: pd.DataFrame, runs: Runs) -> Picture | None:
    """The whole figure; None where no parameter has a share.

    Args:
        frame: from `analysis.scores.importances.rows`.
        runs: those of the search.
    """
    told = frame[frame["share"].notna()]
    if told.empty:
        return None
    studies = [block for _, block in told.groupby(["sweep", "study"], sort=False)][:MAX_PANELS]
    height_in = FRAME_IN + LINE_IN * max(map(len, studies))
    figure, axes = drawing.empty_figure(num_rows=len(studies), height_in=height_in, width_in=WIDTH_IN)
    several = told["sweep"].nunique() > 1
    for ax, block in zip(axes, studies, strict=True):
        draw(block, ax)
        study = block["study"].iloc[0]
        ax.set_title(f"{block['sweep'].iloc[0]}: {study}" if several else study, fontsize=9, loc="left")
    axes[-1].set_xlabel("share of the variance (%)")
    drawing.announce_phantom(figure, origins.union(runs.search["phantom"]))
    figure.legend(handles=_entries(), loc="outside lower center", ncols=3, fontsize=7, frameon=False)
    caption = " ".join(f"{note[:1].upper()}{note[1:]}." for note in notes(told))
    if len(studies) < told.groupby(["sweep", "study"]).ngroups:
        caption += f" The first {MAX_PANELS} studies are drawn; the table has all."
    listed = "; ".join(f"{row.study}, {row.parameter}: {100 * row.share:.1f}%" for row in told.itertuples())
    title = "Which dimensions mattered in the search"
    return Picture(
        name="search_importance",
        title=title,
        alternative=f"{caption} {listed}.",
        caption=caption,
        figure=figure,
        frame=frame,
    )


def draw(frame: pd.DataFrame, ax: Axes) -> None:
    """One study: a bar per parameter from top to bottom, hatched where only some trials have it, and chance's mark."""
    for place, row in enumerate(frame.itertuples()):
        is_whole = row.num_trials == row.num_in_study
        look: dict[str, Any] = {"color": drawing.PALETTE[0]} if is_whole else {"facecolor": "white", "hatch": "///"}
        ax.barh(place, 100 * row.share, height=0.6, edgecolor=drawing.PALETTE[0], **look)
        ax.plot([100 * row.by_chance], [place], color=drawing.BLACK, marker="|", markersize=12, linestyle="")
    texts = [
        str(row.parameter) + ("" if row.num_trials == row.num_in_study else f" ({row.num_trials} trials)")
        for row in frame.itertuples()
    ]
    ax.set_yticks(range(len(frame)), texts)
    ax.set_ylim(len(frame) - 0.4, -0.6)
    ax.set_xlim(0, max(5.0, 108 * frame[["share", "by_chance"]].max(axis=None)))


def _entries() -> list[Patch | Line2D]:
    """What the legend explains."""
    blue = drawing.PALETTE[0]
    return [
        Patch(color=blue, label="share"),
        Patch(facecolor="white", edgecolor=blue, hatch="///", label="share, among the trials that have it"),
        Line2D([], [], color=drawing.BLACK, marker="|", linestyle="", markersize=10, label="by chance"),
    ]
