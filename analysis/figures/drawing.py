"""What all figures share: colours that colour-blind readers can tell apart, and files that are the same each time."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.reading.origins import marked, notice, union
from trainables import titles
from trainables.cell import NO_STUDENT, NO_TEACHER, Cell
from trainables.models.freezing import rank
from trainables.models.stages import ALL

# Okabe and Ito's palette, https://jfly.uni-koeln.de/color/ ; yellow is left out: it vanishes on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
BLACK = "#000000"
LINES = {("densenet121", "all"): "-", ("densenet40", "all"): "--", ("densenet121", "last34"): ":"}
MARKERS = {("densenet121", "all"): "o", ("densenet40", "all"): "s", ("densenet121", "last34"): "^"}
# The same of cells whose first weights, or whose policy on uncertain labels, are not the paper's.
DEPARTING_LINES = {"-": (0, (9, 2, 1, 2)), "--": (0, (4, 2, 1, 2)), ":": (0, (1, 3)), "-.": (0, (4, 2, 1, 2, 1, 2))}
DEPARTING_MARKERS = {"o": "h", "s": "p", "^": "v", "D": "d", "P": "+", "X": "x", "*": "1", "<": "2", ">": "3", "8": "4"}
# Other depths, from few layers to all.
DEPTH_LINES: Sequence[Any] = (
    (0, (8, 1, 1, 1)), (0, (6, 2)), (0, (5, 1, 1, 1, 1, 1)), (0, (3, 5)), (0, (2, 2)), (0, (10, 2, 3, 2)),
)  # fmt: skip
DEPTH_MARKERS = "PX*<>8"
PNG_DPI = 150
LEGEND_CHARS = 64  # of a line of a legend: two columns of these fit into a figure
LEGEND_LINES, LEGEND_LINE_IN = 9, 0.17  # a longer legend makes its figure higher, by this per line
MAX_VECTORS = 500  # more marks than these are pixels within an SVG: thousands of paths would choke a browser
BLANK: Any = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}  # behind a text that lies over lines
SETTINGS: Any = {"svg.hashsalt": "analysis", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A drawn figure with its text alternative and the frame behind it."""

    name: str  # for example "figure_4"
    title: str
    alternative: str  # what the figure shows, in a sentence or two, for those who cannot see it
    figure: Figure
    frame: pd.DataFrame
    caption: str = ""  # below the figure, for those who can see it; without one, `alternative`


def empty_figure(
    num_columns: int = 1,
    height_in: float = 3.6,
    num_rows: int = 1,
    sharey: bool = False,
    *,
    width_in: float = 8.0,
) -> tuple[Figure, list[Axes]]:
    """A blank figure, each row of it `height_in` inches high, and its axes from left to right and top to bottom."""
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(width_in, height_in * num_rows), layout="constrained")
        axes = figure.subplots(num_rows, num_columns, squeeze=False, sharey=sharey)
    return figure, list(axes.flat)


def key(name: str, phantom: object = "", more: str = "") -> str:
    """How a legend calls a cell: its title, and below that its name.

    Args:
        name: a cell's; of anything else, the name is the title.
        phantom: which of its parts are phantoms; any are marked.
        more: what stands behind the title.
    """
    title = titles.of_name(name)
    lines = textwrap.wrap(marked(title + more, phantom), LEGEND_CHARS)
    return "\n".join([*lines, *([name] if title != name else [])])


def line_keys(phantom: Mapping[str, str]) -> dict[str, str]:
    """How a legend calls lines over amounts of training data: `key` of each, by `Cell.short`.

    Args:
        phantom: by the name of each cell, which of its parts are phantoms; any at one amount marks the whole line.
    """
    parts: dict[Cell, list[str]] = {}
    for name, of_cell in phantom.items():
        parts.setdefault(replace(Cell.parse(name), data_fraction=1.0), []).append(of_cell)
    return {cell.short: key(cell.name, union(of_line)) for cell, of_line in parts.items()}


def legend(figure: Figure, axes: list[Axes], num_columns: int = 2) -> None:
    """One legend below the axes for all of them: beside the lines it would hide some."""
    entries = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    if entries:
        num_lines = sum(max(map(_num_lines, row)) for row in _rows(list(entries), num_columns))
        figure.set_figheight(figure.get_figheight() + LEGEND_LINE_IN * max(0, num_lines - LEGEND_LINES))
        figure.legend(
            entries.values(), entries.keys(), loc="outside lower center", ncols=num_columns, fontsize=7, frameon=False
        )


def _rows(labels: Sequence[str], num_columns: int) -> list[list[str]]:
    """A legend's rows: it fills one column after the other."""
    num_rows = -(-len(labels) // num_columns)
    return [list(labels[row::num_rows]) for row in range(num_rows)]


def _num_lines(label: str) -> int:
    return label.count("\n") + 1


def announce_phantom(figure: Figure, phantom: str) -> None:
    """Writes the notice of these phantom parts across the head of the figure; nothing where there are none."""
    if phantom:
        figure.suptitle(notice(phantom), fontsize=8, color=PALETTE[1], fontweight="bold", wrap=True)


def image(ax: Axes, image_HWC: NDArray[np.uint8], map_hw: NDArray[np.floating] | None = None) -> None:
    """An image with H x W pixels, grey or in colour, and over it a map of h x w cells, each in its true size."""
    height, width, channels = image_HWC.shape
    ax.imshow(image_HWC[..., 0] if channels == 1 else image_HWC, cmap="gray", vmin=0, vmax=255)
    if map_hw is not None:
        ax.imshow(map_hw, cmap="viridis", alpha=0.6, extent=(0, width, height, 0))
    ax.axis("off")


def png(figure: Figure) -> bytes:
    """The figure as PNG, without a date or the version of a program in it."""
    buffer = io.BytesIO()
    with mpl.rc_context(SETTINGS):
        figure.savefig(buffer, format="png", dpi=PNG_DPI, metadata={"Software": None})
    return buffer.getvalue()


def svg(figure: Figure) -> bytes:
    """The figure as SVG, without a date or the version of a program in it."""
    buffer = io.BytesIO()
    with mpl.rc_context(SETTINGS):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def style(name: str, teachers: list[str]) -> dict[str, Any]:
    """The line of the cell with this name: the `look` of its parts, paler with a part of the training data.

    Dash and marker are others where the first weights or the policy on uncertain labels are not the paper's.

    Args:
        name: a cell's.
        teachers: those of the whole figure, so that one teacher has one colour.
    """
    cell = Cell.parse(name)
    line = look(cell.student, cell.unfreeze, colour(cell.teacher, teachers))
    if cell.departures:
        line |= {"linestyle": _departing(line["linestyle"]), "marker": DEPARTING_MARKERS[line["marker"]]}
    return {**line, "alpha": 0.5 if cell.has_less_data else 1.0}


def look(student: str, unfreeze: str, line_colour: str) -> dict[str, Any]:
    """A line in this colour; dash and marker are the student's and its depth's."""
    kind, line, marker = (student, unfreeze), "-.", "D"
    if unfreeze not in (ALL, NO_STUDENT):
        place = rank(student, unfreeze) % len(DEPTH_LINES)
        line, marker = DEPTH_LINES[place], DEPTH_MARKERS[place]
    return {"color": line_colour, "linestyle": LINES.get(kind, line), "marker": MARKERS.get(kind, marker)}


def _departing(line: Any) -> Any:
    """The dash of cells that depart from the paper: of another depth's, the same with a dot more."""
    return DEPARTING_LINES[line] if line in DEPARTING_LINES else (0, (*line[1], 1, 4))


def colour(teacher: str, teachers: list[str]) -> str:
    """The colour of a teacher among all of the figure; black for none."""
    return BLACK if teacher == NO_TEACHER else PALETTE[teachers.index(teacher) % len(PALETTE)]


def teachers_of(names: list[str]) -> list[str]:
    """The teachers of the cells with these names, sorted, without "none"."""
    return sorted({Cell.parse(name).teacher for name in names} - {NO_TEACHER})
