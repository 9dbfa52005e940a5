"""Beyond the paper: AUC against the number of trainable parameters, one line per method, teacher and student."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory, offset_copy

from analysis.figures import drawing
from analysis.figures.drawing import Picture
from analysis.reading import origins
from analysis.reading.averages import averages
from analysis.reading.trials import Runs
from analysis.scores.cells import eligible, interval_note, summary
from trainables import titles
from trainables.cell import Cell

COLUMNS = [
    "panel", "line", "cell", "student", "unfreeze", "num_trainable", "auc", "half_width", "n", "phantom", "is_ranked",
    "data",
]  # fmt: skip
DASHES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))  # by method; plain transfer has the first
MARKERS, SIGNS = "os^Dvp*", "●■▲◆▼⬟★"  # by student: in the plot, and in a text
APART_PT = 3.0  # between lines at one number of parameters, in points, so that no interval hides another one
CLOSE = 0.05  # depths that are nearer than this share of the axis have one label
GREY = "#777777"


def rows(runs: Runs) -> pd.DataFrame:
    """One row per cell that was trained: COLUMNS; auc and half_width (`summary`) in percent, by panel and line.

    panel: the amount of data, and whatever else is not the paper's; line: the title of method, teacher and student.
    """
    if runs.trained.empty:
        return pd.DataFrame(columns=COLUMNS)
    frame = summary(runs.trained, "test_auc")
    cells = [Cell.parse(name) for name in frame["cell"]]
    counts = runs.trained.drop_duplicates("tags.cell").set_index("tags.cell")["tags.num_trainable"].astype(float)
    frame = frame.assign(
        panel=[_panel(cell) for cell in cells],
        line=[titles.cell(_line(cell)) for cell in cells],
        student=[cell.student for cell in cells],
        unfreeze=[cell.unfreeze for cell in cells],
        num_trainable=frame["cell"].map(counts),
        auc=100 * frame["mean"],
        half_width=100 * frame["half_width"],
        is_ranked=eligible(frame),
        data=runs.data,
    )
    frame = frame[frame["num_trainable"].gt(0)]
    return frame.sort_values(["panel", "line", "num_trainable"], ignore_index=True)[COLUMNS]


def _line(cell: Cell) -> Cell:
    """What the cells of a line have in common."""
    return Cell(method=cell.method, teacher=cell.teacher, student=cell.student)


def _panel(cell: Cell) -> str:
    """For example ``25% of the training data, from-random``."""
    return ", ".join([titles.fraction(cell.data_fraction), *cell.departures])


def picture(runs: Runs) -> Picture | None:
    """The whole figure; None where no student was trained at two depths by one method, from one teacher."""
    frame = rows(runs)
    if frame.empty or frame.groupby(["panel", "line"])["unfreeze"].nunique().max() < 2:
        return None
    num_panels = frame["panel"].nunique()
    num_columns = min(num_panels, 2)
    figure, axes = drawing.empty_figure(
        num_columns=num_columns, num_rows=-(-num_panels // num_columns), height_in=4.2, sharey=True
    )
    draw(frame, axes, figure)
    for ax in axes[num_panels:]:
        ax.set_visible(False)
    drawing.announce_phantom(figure, origins.union(frame["phantom"]))
    drawing.legend(figure, axes)
    averaged = averages(runs)
    caption = (
        "AUC on the test set against the number of trainable parameters, one line per method, teacher and student; "
        f"bars: {interval_note(runs.design)}. Above: how deep the students are unfrozen, as --unfreeze has it. "
        + "".join(f"{note}. " for note in (averaged.notes if averaged else []))
        + "Lines are drawn side by side where their numbers are the same."
    )
    return Picture(
        name="figure_depth",
        title="How deep to unfreeze",
        alternative=f"{caption} {_best(frame)}",
        caption=caption,
        figure=figure,
        frame=frame,
    )


def draw(frame: pd.DataFrame, axes: Sequence[Axes], figure: Figure) -> None:
    """One panel per amount of training data; a mark per depth, with its interval."""
    looks = _looks(frame)
    marked = {str(line): origins.marked(str(line), origins.union(of["phantom"])) for line, of in frame.groupby("line")}
    for ax, (panel, block) in zip(axes, frame.groupby("panel", sort=False), strict=False):
        lines = list(block.groupby("line", sort=False))
        for place, (line, points) in enumerate(lines):
            aside = offset_copy(ax.transData, figure, x=APART_PT * (place - (len(lines) - 1) / 2), units="points")
            ax.errorbar(
                points["num_trainable"].to_numpy(dtype=float),
                points["auc"].to_numpy(dtype=float),
                yerr=points["half_width"].fillna(0).to_numpy(dtype=float),
                label=marked[str(line)],
                transform=aside,
                markersize=5,
                linewidth=1.3,
                elinewidth=0.8,
                capsize=2,
                **looks[str(line)],
            )
        ax.set_xscale("log")
        _fit(block, ax)
        _name_depths(block, ax, sorted(frame["student"].unique()))
        ax.set_title(str(panel), pad=60)
        ax.set_xlabel("trainable parameters")
        ax.set_ylabel("AUC, test set (%)")


def _fit(block: pd.DataFrame, ax: Axes) -> None:
    """Makes room for all intervals: matplotlib's own limits leave out what is drawn aside."""
    across, auc = block["num_trainable"].to_numpy(dtype=float), block["auc"].to_numpy(dtype=float)
    ends = block["half_width"].fillna(0).to_numpy(dtype=float)
    ax.ignore_existing_data_limits = True
    ax.update_datalim(np.column_stack([np.tile(across, 2), np.concatenate([auc - ends, auc + ends])]))
    ax.margins(x=0.08, y=0.05)
    ax.autoscale_view()


def _looks(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Colour is the teacher, the dash is the method, and the mark is the student: none of them alone tells a line."""
    cells = {str(row.line): _line(Cell.parse(str(row.cell))) for row in frame.itertuples()}
    teachers = drawing.teachers_of([cell.name for cell in cells.values()])
    methods = sorted({cell.method for cell in cells.values()}, key=lambda method: (method != "transfer", method))
    students = sorted({cell.student for cell in cells.values()})
    return {
        line: {
            "color": drawing.colour(cell.teacher, teachers),
            "linestyle": DASHES[methods.index(cell.method) % len(DASHES)],
            "marker": MARKERS[students.index(cell.student) % len(MARKERS)],
        }
        for line, cell in cells.items()
    }


def _name_depths(block: pd.DataFrame, ax: Axes, students: Sequence[str]) -> None:
    """The depths above the axis, those that lie close together in one label; with the signs of the students."""
    low, high = np.log(ax.get_xlim())
    named: list[tuple[float, dict[str, set[str]]]] = []  # by the logarithm of the first number; each depth's signs
    for row in block.sort_values("num_trainable").itertuples():
        at = float(np.log(row.num_trainable))
        if not named or at - named[-1][0] > CLOSE * (high - low):
            named.append((at, {}))
        sign = SIGNS[students.index(str(row.student)) % len(SIGNS)] if len(students) > 1 else ""
        named[-1][1].setdefault(str(row.unfreeze), set()).add(sign)
    above = blended_transform_factory(ax.transData, ax.transAxes)
    for at, depths in named:
        lines = [" ".join(filter(None, ["".join(sorted(signs)), depth])) for depth, signs in depths.items()]
        ax.text(
            float(np.exp(at)), 1.01, "\n".join(lines), transform=above, rotation=90, ha="center", va="bottom",
            multialignment="left", fontsize=6, color=GREY,
        )  # fmt: skip


def _best(frame: pd.DataFrame) -> str:
    """The highest point of each line that may be ranked, in words."""
    ranked = frame[frame["is_ranked"]]
    if ranked.empty:
        return "Nothing is ranked: that takes three repeats or more."
    best = ranked.loc[ranked.groupby(["panel", "line"], sort=False)["auc"].idxmax()]
    listed = "; ".join(
        f"{row.line}, {row.panel}: {row.auc:.2f} ({row.unfreeze}, {row.num_trainable:,.0f} parameters)"
        for row in best.itertuples()
    )
    return f"The highest of each line, in percent: {listed}."
