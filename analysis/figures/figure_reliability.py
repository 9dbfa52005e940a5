"""Beyond the paper: the reliability diagram, one line per cell: are the probabilities calibrated?"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from analysis.figures import drawing
from analysis.figures.drawing import Picture
from analysis.reading import origins
from analysis.reading.repeats import SEED_ALONE, Design
from analysis.stats.calibration import expected_calibration_error
from trainables import titles


def draw(frame: pd.DataFrame, ax: Axes, phantom: Mapping[str, str]) -> None:
    """`frame`: rows of `analysis.scores.labels.reliability_rows` of all cells; the diagonal is perfect calibration."""
    teachers = drawing.teachers_of(frame["cell"].tolist())
    ax.plot([0, 1], [0, 1], color="#999999", linewidth=0.8)
    for cell, bins in frame.groupby("cell", sort=False):
        label = drawing.key(str(cell), phantom.get(str(cell)), f", ECE {expected_calibration_error(bins):.3f}")
        ax.plot(bins["confidence"], bins["frequency"], label=label, markersize=4, **drawing.style(str(cell), teachers))
    ax.set_xlabel("predicted probability (mean of the bin)")
    ax.set_ylabel("share of positives")


def picture(frame: pd.DataFrame, phantom: Mapping[str, str], design: Design = SEED_ALONE) -> Picture | None:
    """The whole figure; None where no cell has predictions.

    Args:
        frame: as for `draw`.
        phantom: each cell's parts that are phantoms.
        design: what the repeats draw anew.
    """
    if frame.empty:
        return None
    figure, (ax,) = drawing.empty_figure(height_in=5.0)
    draw(frame, ax, phantom)
    drawing.announce_phantom(figure, origins.union(phantom.get(cell) for cell in frame["cell"].unique()))
    drawing.legend(figure, [ax])
    errors = "; ".join(
        f"{origins.marked(titles.of_name(str(cell)), phantom.get(str(cell)))} {expected_calibration_error(bins):.3f}"
        for cell, bins in frame.groupby("cell", sort=False)
    )
    alternative = (
        "Share of positives against the predicted probability. "
        f"ECE, the expected calibration error, as a share (0.1: ten points): {errors}."
    )
    together = "repeats" if design.is_on_one_split else design.parts
    title = f"Reliability on test images, labels and {together} together"
    return Picture(name="reliability", title=title, alternative=alternative, figure=figure, frame=frame)
