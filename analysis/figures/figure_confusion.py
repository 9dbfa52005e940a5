"""Beyond the paper: confusion matrices, one square per cell: which grade is taken for which?"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.figures import drawing
from analysis.figures.drawing import Picture
from analysis.reading import origins
from trainables import titles

MAX_CELLS = 12  # more squares would be too many to compare; the table has them all
NUM_COLUMNS = 3
DARK = 0.55  # a share from which on the numbers on its square are white


def draw(frame: pd.DataFrame, ax: Axes, title: str) -> None:
    """One matrix: rows of `analysis.scores.grades.confusion_rows` of one cell."""
    names = list(dict.fromkeys(frame["true"]))
    share_CC, count_CC = (frame[name].to_numpy(dtype=float).reshape(len(names), -1) for name in ("share", "num_images"))
    ax.imshow(np.nan_to_num(share_CC), cmap="Blues", vmin=0, vmax=1)
    for true, answer in np.ndindex(count_CC.shape):
        colour = "white" if share_CC[true, answer] >= DARK else drawing.BLACK
        ax.text(answer, true, f"{count_CC[true, answer]:.0f}", ha="center", va="center", fontsize=7, color=colour)
    shown = [name.replace("_", " ") for name in names]
    ax.set_xticks(range(len(names)), shown, rotation=45, ha="right", fontsize=6)
    ax.set_yticks(range(len(names)), shown, fontsize=6)
    ax.set_title("\n".join(textwrap.wrap(title, 36)), fontsize=7)
    ax.set_xlabel("answered", fontsize=7)
    ax.set_ylabel("true", fontsize=7)


def picture(frame: pd.DataFrame, phantom: Mapping[str, str]) -> Picture | None:
    """The whole figure; None without rows.

    Args:
        frame: rows of `analysis.scores.grades.confusion_rows` of all cells.
        phantom: each cell's parts that are phantoms.
    """
    if frame.empty:
        return None
    cells = frame["cell"].unique().tolist()
    shown = cells[:MAX_CELLS]
    num_columns = min(NUM_COLUMNS, len(shown))
    num_rows = -(-len(shown) // num_columns)
    figure, axes = drawing.empty_figure(num_columns, 3.1, num_rows, width_in=2.8 * num_columns)
    for ax in axes[len(shown) :]:
        ax.set_visible(False)
    texts = []
    for ax, cell in zip(axes, shown, strict=False):
        of_cell = frame[frame["cell"] == cell]
        title = origins.marked(titles.of_name(cell), phantom.get(cell))
        draw(of_cell, ax, title)
        right = of_cell.loc[of_cell["true"] == of_cell["predicted"], ["true", "share"]].dropna()
        texts.append(f"{title}: " + ", ".join(f"{row.true} {100 * row.share:.0f}%" for row in right.itertuples()))
    drawing.announce_phantom(figure, origins.union(phantom.get(cell) for cell in shown))
    more = f" The first {MAX_CELLS} of {len(cells)} cells; the table has all." if len(cells) > MAX_CELLS else ""
    caption = (
        "Test images by their true class and the class that is answered: numbers of images, mean over the repeats; the "
        f"colour is the share of the true class.{more}"
    )
    return Picture(
        name="operating_points_confusion",
        title="Which class is taken for which",
        alternative=f"{caption} Answered rightly: {'; '.join(texts)}.",
        caption=caption,
        figure=figure,
        frame=frame,
    )
