"""Beyond the paper: the rate of each group with its interval, students beside plain transfer and their teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.transforms import blended_transform_factory

from analysis.figures import drawing
from analysis.figures.drawing import Picture
from analysis.reading import origins
from analysis.scores.missed import SENSITIVITY, UNDERDIAGNOSIS
from analysis.scores.subgroups import CROSSED, KINDS
from trainables import titles
from trainables.cell import ITSELF, NO_TEACHER, Cell

SHOWN_KINDS = (*KINDS, CROSSED[0])
MAX_CELLS = 6  # more lines of a group cannot be told apart
WIDTH_IN = 5.4  # narrow, so that a phone shows it as a whole
LINE_IN, GAP_IN = 0.1, 0.16  # height of a cell's line, and what is between groups
HEAD = 2.0  # lines that the name of a kind takes
MARKERS = "o^vP<>"
GREY = "#777777"


def rows(harm: pd.DataFrame, phantom: Mapping[str, str], order: Sequence[str]) -> pd.DataFrame:
    """The rates of the figure in percent, one row per cell and group, with phantom, and place: lines below the top.

    It shows underdiagnosis, or, where that is not defined, the mean sensitivity.

    Args:
        harm: from `analysis.scores.group_harm.harm_rows`.
        phantom: each cell's parts that are phantoms.
        order: the cells, those to be shown first in front; no more than `MAX_CELLS` are.
    """
    measure = UNDERDIAGNOSIS if harm["measure"].eq(UNDERDIAGNOSIS).any() else SENSITIVITY
    is_shown = harm["measure"].eq(measure) & harm["kind"].isin(SHOWN_KINDS)
    cells = [cell for cell in dict.fromkeys(order) if cell in set(harm["cell"])][:MAX_CELLS]
    frame = harm[is_shown & harm["cell"].isin(cells)]
    places = [(kind, group) for kind, group in dict.fromkeys(zip(frame["kind"], frame["group"], strict=True))]
    kinds = list(dict.fromkeys(kind for kind, _ in places))
    step = len(cells) + GAP_IN / LINE_IN
    top = {each: HEAD * (kinds.index(each[0]) + 1) + step * number for number, each in enumerate(places)}
    return frame.assign(
        place=[top[row.kind, row.group] + cells.index(str(row.cell)) for row in frame.itertuples()],
        phantom=[phantom.get(cell, "") for cell in frame["cell"]],
        **{name: 100 * frame[name].astype(float) for name in ("rate", "low", "high")},
    ).sort_values("place", ignore_index=True)


def draw(frame: pd.DataFrame, ax: Axes) -> None:
    """A block per kind, a group per label, and a line per cell; a group that is not judged has its count alone."""
    cells = _cells(frame)
    looks = _looks(cells)
    has_own_marks = not frame["phantom"].str.contains("images").all()
    edge = blended_transform_factory(ax.figure.transFigure, ax.transData)
    for kind, block in frame.groupby("kind", sort=False):
        ax.text(0.01, block["place"].min() - 0.9, str(kind), transform=edge, va="bottom", fontsize=8, weight="bold")
    for cell in cells:
        of_cell = frame[(frame["cell"] == cell) & frame["rate"].notna()]
        phantom = frame.loc[frame["cell"] == cell, "phantom"].iloc[0] if has_own_marks else ""
        ends = np.array([of_cell["rate"] - of_cell["low"], of_cell["high"] - of_cell["rate"]], dtype=float)
        ax.errorbar(
            of_cell["rate"], of_cell["place"], xerr=np.nan_to_num(ends), ls="", capsize=0, markersize=4, linewidth=1,
            label=drawing.key(cell, phantom), **looks[cell],
        )  # fmt: skip
    groups = frame.groupby(["kind", "group"], sort=False)
    names = [f"{group} ({of_group['num_counted'].max():,})" for (_, group), of_group in groups]
    is_judged = [of_group["is_enough"].any() for _, of_group in groups]
    ax.set_yticks([of_group["place"].mean() for _, of_group in groups], names, fontsize=7)
    for tick, judged in zip(ax.get_yticklabels(), is_judged, strict=True):
        tick.set_color(drawing.BLACK if judged else GREY)
    ax.set_ylim(frame["place"].max() + 1, -0.2)
    ax.tick_params(axis="y", left=False)
    ax.grid(axis="x", color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_xlim(left=0)
    ax.set_xlabel(f"{frame['measure'].iloc[0]} on the test images (%)")


def picture(frame: pd.DataFrame, what: str, interval: str) -> Picture | None:
    """The whole figure, from `rows`; None where no group has a rate.

    Args:
        frame: from `rows`.
        what: the definition of the rate, in a sentence.
        interval: what the lines are.
    """
    if frame.empty or frame["rate"].isna().all():
        return None
    height = 1.1 + LINE_IN * (frame["place"].max() + 1)
    figure, (ax,) = drawing.empty_figure(width_in=WIDTH_IN, height_in=height + 0.28 * len(_cells(frame)))
    draw(frame, ax)
    drawing.legend(figure, [ax], num_columns=1)
    drawing.announce_phantom(figure, origins.union(frame["phantom"]))
    caption = (
        f"{what} Points: mean over the repeats; lines: {interval}. In brackets the images that are counted; groups in "
        "grey have too few patients to be judged. Intervals that overlap do not tell whether groups differ: the gaps "
        "below are paired."
    )
    listed = "; ".join(
        f"{origins.marked(titles.of_name(str(cell)), block['phantom'].iloc[0])}: "
        + ", ".join(f"{row.group} {row.rate:.1f}" for row in block.itertuples() if row.is_enough)
        for cell, block in frame.groupby("cell", sort=False)
    )
    return Picture(
        name="harm",
        title="Who is missed",
        alternative=f"{caption} {listed}.",
        caption=caption,
        figure=figure,
        frame=frame,
    )


def _cells(frame: pd.DataFrame) -> list[str]:
    """The cells from top to bottom of a group."""
    return list(dict.fromkeys(frame["cell"].astype(str)))


def _looks(cells: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour is the teacher; a teacher itself is a hollow diamond, plain transfer a black square."""
    teachers = drawing.teachers_of(list(cells))
    looks: dict[str, dict[str, Any]] = {}
    students = [name for name in cells if Cell.parse(name).teacher != NO_TEACHER and Cell.parse(name).method != ITSELF]
    for name in cells:
        cell = Cell.parse(name)
        colour = drawing.colour(cell.teacher, teachers)
        marker = MARKERS[students.index(name) % len(MARKERS)] if name in students else "s"
        looks[name] = {"color": colour, "marker": "D" if cell.method == ITSELF else marker}
        looks[name]["markerfacecolor"] = "white" if cell.method == ITSELF else colour
    return looks
