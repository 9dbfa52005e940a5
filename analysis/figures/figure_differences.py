"""Beyond the paper: differences between cells as a forest plot, one line each, in the order in which they are given."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import blended_transform_factory

from analysis.figures import drawing
from analysis.figures.drawing import Picture
from analysis.reading import origins

COLUMNS = ["group", "label", "name", "difference", "low", "high", "is_told", "phantom"]
WIDTH_IN = 5.4  # narrow, so that a phone shows it as a whole
LINE_IN = 0.56  # height of a line
ABOVE, BELOW = 0.75, 0.35  # a line's place above and below its interval, as shares of the line
HEADING = 0.55  # more room above the first line of a group that has a heading
LABEL_CHARS = 70
GREY = "#777777"


def picture(frame: pd.DataFrame, *, name: str, title: str, caption: str, label: str) -> Picture | None:
    """The whole figure; None where no line has a difference.

    Args:
        frame: COLUMNS, one row per line; fractions. `label` is what the line is called and `name` its small print;
            a `group` of lines stands under a heading, unless it is "".
        label: of the axis.
    """
    if frame["difference"].notna().sum() == 0:
        return None
    places = _places(frame)
    figure, (ax,) = drawing.empty_figure(width_in=WIDTH_IN, height_in=1.2 + LINE_IN * (places[-1] + 1))
    draw(frame, places, ax)
    ax.set_xlabel(label)
    phantom = origins.union(frame["phantom"])
    drawing.announce_phantom(figure, phantom)
    looks = {"a difference is claimed": True, "no difference can be shown": False}
    handles = [Line2D([], [], label=text, **_look(is_told)) for text, is_told in looks.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=7, frameon=False)
    listed = "; ".join(f"{_called(row)}: {_numbers(row)}" for row in frame.to_dict("records"))
    return Picture(
        name=name, title=title, alternative=f"{caption} {listed}.", caption=caption, figure=figure, frame=frame
    )


def draw(frame: pd.DataFrame, places: list[float], ax: Axes) -> None:
    """The lines from top to bottom: label and small print, below them the interval, and both as numbers."""
    ax.axvline(0, color=drawing.BLACK, linewidth=0.7, linestyle=":")
    left = blended_transform_factory(ax.transAxes, ax.transData)
    groups = frame["group"].tolist()
    for number, (place, row) in enumerate(zip(places, frame.to_dict("records"), strict=True)):
        if row["group"] and groups.index(row["group"]) == number:
            if number:
                ax.axhline(place - ABOVE - HEADING, color="#cccccc", linewidth=0.8)
            heading = textwrap.shorten(str(row["group"]), LABEL_CHARS, placeholder="...")
            ax.text(
                0,
                place - ABOVE - 0.1,
                heading,
                transform=left,
                va="bottom",
                fontsize=8,
                fontweight="bold",
                bbox=drawing.BLANK,
            )
        ends = np.nan_to_num([[row["difference"] - row["low"]], [row["high"] - row["difference"]]])
        ax.errorbar(
            [100 * row["difference"]],
            [place],
            xerr=100 * ends,
            capsize=3,
            elinewidth=1.4,
            **_look(bool(row["is_told"])),
        )
        label = textwrap.shorten(_called(row, with_group=False), LABEL_CHARS, placeholder="...")
        ax.text(0, place - 0.38, label, transform=left, va="bottom", fontsize=8, bbox=drawing.BLANK)
        small: Any = {"fontsize": 6, "family": "monospace", "color": GREY, "bbox": drawing.BLANK}
        ax.text(0, place - 0.34, row["name"], transform=left, va="top", **small)
        ax.text(1.02, place, _numbers(row), transform=left, va="center", fontsize=8)
    ax.set_ylim(places[-1] + BELOW, -ABOVE - (HEADING if groups[0] else 0))
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)


def _places(frame: pd.DataFrame) -> list[float]:
    """Where each line is, in lines from the top; a group's heading takes room of its own."""
    groups = frame["group"].tolist()
    headings = np.cumsum([bool(group) and groups.index(group) == at and at > 0 for at, group in enumerate(groups)])
    return [at + (HEADING + BELOW) * float(above) for at, above in enumerate(headings)]


def _look(is_told: bool) -> dict[str, Any]:
    colour = drawing.PALETTE[0]
    face = colour if is_told else "white"
    return {"color": colour, "marker": "o", "linestyle": "", "markersize": 7, "markerfacecolor": face}


def _called(row: dict[str, Any], *, with_group: bool = True) -> str:
    """A line's label; marked where it rests on a phantom and the figure's own notice does not say so of all images."""
    mark = "" if "images" in str(row["phantom"]) else row["phantom"]
    group = f"{row['group']}: " if with_group and row["group"] else ""
    return origins.marked(f"{group}{row['label']}", mark)


def _numbers(row: dict[str, Any]) -> str:
    if not np.isfinite(row["difference"]):
        return "not defined"
    ends = f" ({100 * row['low']:+.1f} to {100 * row['high']:+.1f})" if np.isfinite(row["low"]) else ""
    return f"{100 * row['difference']:+.1f}{ends}"
