"""The figure of docs/search.md: how much worse than the best a search's choice is, against the epochs it has spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.figures.drawing import BLACK, PALETTE, empty_figure
from tests.benchmarks.replay.measures import NUM_SHARES, REGRET_UNIT

BAND = (25, 75)  # percentiles
COLOURS = (BLACK, *PALETTE)
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))
TICKS = (3, 5, 10, 15, 30, 50, 100)
LABEL_GAP = 0.055  # least distance of two labels, as a share of the axis


def regrets(rows: pd.DataFrame) -> NDArray[np.float64]:
    """[N, S]: regret of each search at each share of the grid's epochs, in points."""
    return 100 * REGRET_UNIT * np.stack([np.asarray(each, dtype=np.float64) for each in rows["regret"]])


def drawn(groups: Mapping[str, pd.DataFrame], titles: Mapping[str, str]) -> Figure:
    """A panel per group of cells, with a line per searcher: the median, and a band between the quartiles.

    Args:
        groups: title of the panel -> rows of simulated searches.
        titles: searcher -> its label; the lines in this order.
    """
    figure, axes = empty_figure(len(groups), 4.2, sharey=True, width_in=11.0)
    shares = 100 * np.arange(1, NUM_SHARES + 1) / NUM_SHARES
    for panel, (title, rows) in zip(axes, groups.items(), strict=True):
        ends: list[tuple[float, str, str]] = []
        for name, colour, line in zip(titles, COLOURS, LINES, strict=False):
            points = regrets(rows[rows["searcher"] == name])
            low, middle, high = np.percentile(points, (BAND[0], 50, BAND[1]), axis=0)
            panel.fill_between(shares, low, high, color=colour, alpha=0.12, linewidth=0)
            panel.plot(shares, middle, color=colour, linestyle=line, linewidth=1.8)
            ends.append((float(middle[-1]), titles[name], colour))
        panel.set(title=title, xlabel="epochs spent, % of the grid's", xscale="log", xlim=(100 / NUM_SHARES, 100))
        panel.set_xticks(TICKS, [f"{tick}" for tick in TICKS])
        panel.set_xticks([], minor=True)
        panel.axvline(15, color="0.7", linewidth=0.8, zorder=0)
        _label(panel, ends)
    axes[0].set_ylabel("validation score of the choice,\npoints below the cell's best (median, quartiles)")
    axes[0].set_ylim(0, None)
    return figure


def _label(panel: Axes, ends: Sequence[tuple[float, str, str]]) -> None:
    """Puts each line's name beside its end, the names apart from each other."""
    top = panel.get_ylim()[1]
    place = -LABEL_GAP * top
    for end, text, colour in sorted(ends):
        place = max(end, place + LABEL_GAP * top)
        panel.annotate(
            text, (100, end), (115, place), color=colour, fontsize=8, va="center", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip
