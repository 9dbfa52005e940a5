"""Beyond the paper: a forest plot, one line per cell with its interval, plain transfer of the same student above."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import blended_transform_factory

from analysis.figures import drawing
from analysis.figures.drawing import Picture
from analysis.reading import origins
from analysis.reading.repeats import SEED_ALONE, Design
from analysis.stats.resampled import RESAMPLED_NAME
from trainables import titles
from trainables.cell import ITSELF, NO_TEACHER, Cell
from trainables.models.freezing import rank
from trainables.models.stages import ALL

COLUMNS = ["cell", "auc", "low", "high", "n", "num_patients", "is_baseline", "group", "phantom"]
WIDTH_IN = 5.4  # narrow, so that a phone shows it as a whole
LINE_IN = 0.56  # height of a cell's line
ABOVE, BELOW = 0.75, 0.3  # a cell's place above and below its interval, as shares of the line
GREY = "#777777"


def rows(variance: pd.DataFrame, phantom: Mapping[str, str]) -> pd.DataFrame:
    """One row per cell, in the order of the plot from top to bottom: COLUMNS; auc, low and high in percent.

    A group has the cells of one student on the same images with the same first weights; its baseline, plain transfer
    of all layers, comes first. Where methods were trained at another depth, that depth is a group of its own, with
    plain transfer at the same depth as its baseline.

    Args:
        variance: as `analysis.scores.comparisons.variance_rows` makes it.
        phantom: each cell's parts that are phantoms.
    """
    cells = {name: Cell.parse(name) for name in variance["cell"]}
    groups = _groups(cells)
    frame = variance.assign(
        is_baseline=[groups[name] == name for name in cells],
        group=list(groups.values()),
        phantom=[phantom.get(name, "") for name in cells],
        rank=[_place(cell, groups[name]) for name, cell in cells.items()],
        **{name: 100 * variance[name] for name in ("auc", "low", "high")},
    )
    return frame.sort_values("rank", ignore_index=True)[COLUMNS]


def _groups(cells: Mapping[str, Cell]) -> dict[str, str]:
    """The group of each cell: the name of its baseline; of a teacher itself its method.

    Plain transfer at a depth stands with the methods whose baseline it is, where there are any.
    """
    taught = {cell.baseline().name for cell in cells.values() if cell.teacher != NO_TEACHER and cell.method != ITSELF}
    names = {name: ITSELF if cell.method == ITSELF else cell.baseline().name for name, cell in cells.items()}
    return {name: name if name in taught else group for name, group in names.items()}


def _place(cell: Cell, group: str) -> tuple[object, ...]:
    """Sorts cells: by student, then from all layers to few, the baseline of a group first, a teacher itself last."""
    depth = 0 if group == ITSELF else -rank(cell.student, Cell.parse(group).unfreeze)
    own_depth = -rank(cell.student, cell.unfreeze)
    return (group == ITSELF, cell.student, depth, group, cell.name != group, own_depth, cell.sort_key)


def draw(frame: pd.DataFrame, ax: Axes) -> None:
    """The cells from top to bottom: title and name, below them the interval with the mean, and both as numbers."""
    teachers = drawing.teachers_of(frame["cell"].tolist())
    # Where all images are phantoms, the notice at the figure's head marks every line.
    has_own_marks = not frame["phantom"].str.contains("images").all()
    left = blended_transform_factory(ax.transAxes, ax.transData)
    for _, block in frame.groupby("group", sort=False):
        baseline, top = block[block["is_baseline"]], block.index.min()
        if len(baseline):
            auc, bottom = baseline["auc"].iloc[0], block.index.max() + BELOW
            ax.plot([auc, auc], [top, bottom], color=drawing.BLACK, linewidth=0.7, linestyle=":")
        if top:
            ax.axhline(top - ABOVE, color="#cccccc", linewidth=0.8)
    for row in frame.itertuples():
        name, place = str(row.cell), float(row.Index)
        has_interval = math.isfinite(row.low)  # too few splits or folds have none
        ends = [[row.auc - row.low], [row.high - row.auc]] if has_interval else None
        ax.errorbar(
            [row.auc], [place], xerr=ends, capsize=3, markersize=7, **_look(name, bool(row.is_baseline), teachers)
        )
        title = origins.marked(titles.of_name(name), row.phantom if has_own_marks else "")
        ax.text(0, place - 0.38, title, transform=left, va="bottom", fontsize=8, bbox=drawing.BLANK)
        ax.text(0, place - 0.34, name, transform=left, va="top", fontsize=6, family="monospace", color=GREY)
        ax.text(1.02, place, _numbers(row.auc, row.low, row.high), transform=left, va="center", fontsize=8)
    ax.set_ylim(len(frame) - 1 + BELOW, -ABOVE)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("AUC, test set (%), with its 95% interval")


def _look(name: str, is_baseline: bool, teachers: list[str]) -> dict[str, Any]:
    """The baseline is a black square; colour is the teacher; other plain transfers are hollow and black."""
    cell = Cell.parse(name)
    colour = drawing.colour(cell.teacher, teachers)
    is_hollow = cell.teacher == NO_TEACHER and not is_baseline
    face = "white" if is_hollow else colour
    return {"color": colour, "fmt": "s" if is_baseline else "o", "markerfacecolor": face, "linewidth": 1.4}


def picture(frame: pd.DataFrame, notes: Sequence[str], design: Design = SEED_ALONE) -> Picture | None:
    """The whole figure; None where there is no cell.

    Args:
        frame: from `rows`.
        notes: which labels the AUC averages.
        design: what the repeats draw anew.
    """
    if frame.empty:
        return None
    figure, (ax,) = drawing.empty_figure(width_in=WIDTH_IN, height_in=1.2 + LINE_IN * len(frame))
    draw(frame, ax)
    drawing.announce_phantom(figure, origins.union(frame["phantom"]))
    teachers = drawing.teachers_of(frame["cell"].tolist())
    depths = {Cell.parse(name).unfreeze for name in frame["group"] if name != ITSELF}
    which = "all layers" if depths <= {ALL} else "at the same depth"
    entries = {f"plain transfer, {which}: the baseline": (drawing.BLACK, "s")}
    entries |= {titles.teacher(name): (drawing.colour(name, teachers), "o") for name in teachers}
    handles = [Line2D([], [], color=it, marker=mark, ls="", label=label) for label, (it, mark) in entries.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=7, frameon=False)
    listed = "; ".join(
        f"{origins.marked(titles.of_name(row.cell), row.phantom)}: {_numbers(row.auc, row.low, row.high)}"
        for row in frame.itertuples()
    )
    caption = (
        f"AUC of each cell in percent {design.on_what}: {_interval(frame, design)} "
        f"{''.join(f'{note}. ' for note in notes)}The dotted line is at the baseline of the cells that it crosses. "
        "Cells whose intervals overlap may still differ: the comparisons decide, because they are paired."
    )
    return Picture(
        name="cells", title="All cells", alternative=f"{caption} {listed}.", caption=caption, figure=figure, frame=frame
    )


def _numbers(auc: float, low: float, high: float) -> str:
    """``55.0 (47.7 to 62.9)``; too few splits or folds have no interval."""
    return f"{auc:.1f}" + (f" ({low:.1f} to {high:.1f})" if math.isfinite(low) else "")


def _interval(frame: pd.DataFrame, design: Design = SEED_ALONE) -> str:
    """What the mean and the interval of each line are, in a sentence."""
    repeats = " to ".join(str(n) for n in sorted({frame["n"].min(), frame["n"].max()}))
    patients = frame["num_patients"].max()
    mean = f"the mean over n = {repeats} {design.repeats}, and its 95% interval"
    if design.is_on_one_split:
        return f"{mean} (hierarchical bootstrap over repeats and {patients} test patients)."
    where = f"{patients} patients" if design.num_folds else f"about {patients} patients each"
    return f"{mean} ({RESAMPLED_NAME}; {where}; {design.holds})."
