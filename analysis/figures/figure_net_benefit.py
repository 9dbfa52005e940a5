"""Beyond the paper: decision curves, one line per cell, between treating everyone and treating no one."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from analysis.figures import drawing
from analysis.figures.drawing import Picture
from analysis.reading import origins
from trainables import titles

AT = (0.1, 0.2, 0.5)  # threshold probabilities that the text alternative has


def draw(frame: pd.DataFrame, ax: Axes, phantom: Mapping[str, str]) -> None:
    """`frame`: rows of `analysis.scores.net_benefits.curve_rows` of all cells."""
    cells = frame["cell"].unique().tolist()
    teachers = drawing.teachers_of(cells)
    first = frame[frame["cell"] == cells[0]]
    ax.plot(first["threshold_probability"], first["treat_all"], color="#999999", linewidth=1.2, label="treat everyone")
    ax.axhline(0, color=drawing.BLACK, linewidth=0.8, linestyle=":", label="treat no one")
    for cell, curve in frame.groupby("cell", sort=False):
        style = {**drawing.style(str(cell), teachers), "markevery": 10, "markersize": 4, "linewidth": 1.2}
        label = drawing.key(str(cell), phantom.get(str(cell)))
        ax.plot(curve["threshold_probability"], curve["net_benefit"], label=label, **style)
    highest = max(float(frame["net_benefit"].max()), float(frame["treat_all"].max()), 0.01)
    ax.set_ylim(-0.25 * highest, 1.1 * highest)  # treating everyone falls without end
    ax.set_xlim(0, 1)
    ax.set_xlabel("threshold probability, from which a patient is treated")
    ax.set_ylabel("net benefit (true positives per image)")


def picture(frame: pd.DataFrame, phantom: Mapping[str, str], labels: str) -> Picture | None:
    """The whole figure; None where no label can be scored.

    Args:
        frame: as for `draw`.
        phantom: each cell's parts that are phantoms.
        labels: the label that the curves are of, or which labels they are means over.
    """
    if frame.empty:
        return None
    figure, (ax,) = drawing.empty_figure(height_in=5.0)
    draw(frame, ax, phantom)
    drawing.announce_phantom(figure, origins.union(phantom.get(cell) for cell in frame["cell"].unique()))
    drawing.legend(figure, [ax])
    listed = "; ".join(
        f"{origins.marked(titles.of_name(str(cell)), phantom.get(str(cell)))} {_values(curve)}"
        for cell, curve in frame.groupby("cell", sort=False)
    )
    caption = (
        f"Net benefit ({labels}) against the probability from which a patient is treated (Vickers and Elkin 2006); "
        "mean over the repeats, on test images. A student helps where its line is above both treating everyone and "
        "treating no one. It takes probabilities as they come, unscaled."
    )
    at = ", ".join(f"{value:g}" for value in AT)
    return Picture(
        name="operating_points_net_benefit",
        title="Decision curves",
        alternative=f"{caption} At threshold probabilities of {at}: {listed}.",
        caption=caption,
        figure=figure,
        frame=frame,
    )


def _values(curve: pd.DataFrame) -> str:
    by_probability = curve.set_index(curve["threshold_probability"].round(2))["net_benefit"]
    return ", ".join(f"{by_probability.loc[value]:.3f}" for value in AT)
