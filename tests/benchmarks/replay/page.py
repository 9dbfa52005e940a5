"""What the command prints and docs/search.md holds: tables of simulated searches, and their figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from tests.benchmarks.replay import figure, summary
from tests.benchmarks.replay.ranks import ranks_table
from tests.benchmarks.replay.searchers import DEFAULT, DRAWN, SEARCHERS
from tests.benchmarks.replay.simulated import Simulated
from tests.benchmarks.targets import SEARCH

DOCS = Path(__file__).parents[3] / "docs"
PAGE, PICTURE = DOCS / "search.md", DOCS / "search.png"
BEGIN = "<!-- tables: written by `python -m tests.benchmarks.search --write` -->"
END = "<!-- end of the tables -->"
PNG_DPI = 150
PICTURE_LINE = (
    f"![Points below the best validation score of the cell, against epochs spent, a line per search]({PICTURE.name})"
)
OF_ERRORS = (
    "*Error left out*: root mean square, in points, of the last epoch's validation score without what its seed added, "
    "each configuration predicted from the others; beside it the standard deviation of that score over seeds."
)
OF_RANKS = (
    "Spearman's correlation, over the configurations of a cell, of the best validation score after this part of a "
    "training with that after all of it."
)
CHOOSING, HELD_OUT = "cells used for choosing", "cells held out"


@dataclass(frozen=True)
class Written:
    """The results of simulated searches, as people read them.

    Args:
        rows: as `tests.benchmarks.replay.measures.measured` makes them.
        cells: that were searched.
        held_out: the (setting, cell) pairs on which nothing was chosen.
        recording: the curves.
    """

    rows: pd.DataFrame
    cells: Sequence[Simulated]
    held_out: frozenset[tuple[str, str]]
    recording: pd.DataFrame

    @cached_property
    def groups(self) -> dict[str, pd.DataFrame]:
        """The searches of cells that have a grid, by whether they were held out; a group without any is not there."""
        with_grid = {(cell.setting, cell.cell) for cell in self.cells if cell.has_grid}
        parts = {CHOOSING: with_grid - self.held_out, HELD_OUT: with_grid & self.held_out}
        index = pd.MultiIndex.from_frame(self.rows[["setting", "cell"]])
        groups = {title: self.rows[index.isin(list(part))] for title, part in parts.items()}
        return {title: part for title, part in groups.items() if len(part)}

    def lines(self) -> list[str]:
        """All tables, in Markdown."""
        titles = {name: each.title for name, each in SEARCHERS.items()}
        lines, frames = [PICTURE_LINE, "", *self._of_targets(), ""], {}
        for title, rows in self.groups.items():
            frames[title] = summary.summary(rows)
            in_order = [name for name in SEARCHERS if name in frames[title].index]
            cells = rows[["setting", "cell"]].drop_duplicates()
            lines += [f"### All searchers, {len(cells)} {title}", ""]
            lines += [*summary.table(frames[title].loc[in_order], titles), ""]
        lines += ["### Which configuration to confirm", "", *summary.rules_table(frames, DEFAULT), ""]
        lines += ["### Each cell, and the error of its model", "", f"{self._of_models()} {OF_ERRORS}", ""]
        lines += [*summary.cells_table(self.rows, self.cells, self.held_out, DEFAULT), ""]
        lines += ["### How early a ranking tells", "", OF_RANKS, ""]
        return [*lines, *ranks_table(self.recording, self.held_out)]

    def targets(self) -> list[tuple[str, str, str, bool]]:
        """How the default stands to its targets where nothing was chosen: what, target, figure, and whether it is met.

        Empty without such cells.
        """
        if HELD_OUT not in self.groups:
            return []
        rows = self.groups[HELD_OUT]
        row = summary.summary(rows[rows["searcher"] == DEFAULT]).loc[DEFAULT]
        test = f"{row.test_best:+.2f} ± {row.test_best_half:.2f} points"
        values = (row.reached_50, row.reached_90, row.test_best)
        figures = (summary.percent(row.reached_50), summary.percent(row.reached_90), test)
        return [
            (target.what, target.text, figure, bool(target.is_met(value)))
            for target, value, figure in zip(SEARCH, values, figures, strict=True)
        ]

    def _of_targets(self) -> list[str]:
        lines = [
            f"| {what} | {target} | {figure} | {'met' if met else 'not met'} |"
            for what, target, figure, met in self.targets()
        ]
        return ["| the default | target | here | |", "|" + " --- |" * 4, *lines] if lines else []

    def _of_models(self) -> str:
        noise = self.cells[0].model.noise
        return (
            f"What a seed adds is known from {noise.num_seeds} seeds; trials with another learning rate or weight "
            f"decay share it with a correlation of {noise.shared:.2f}."
        )

    def figure(self) -> Figure:
        """Curves of regret."""
        played = set(self.rows["searcher"])
        return figure.drawn(self.groups, {name: label for name, label in DRAWN.items() if name in played})

    def into_the_docs(self) -> None:
        """Writes the tables between their marks in docs/search.md, and the figure beside it."""
        PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), self.lines()), encoding="utf-8")
        self.figure().savefig(PICTURE, dpi=PNG_DPI, metadata={"Software": None})


def with_tables(text: str, lines: Sequence[str]) -> str:
    """The page with these lines between its marks.

    Raises:
        ValueError: the page lacks the marks.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} must have the lines {BEGIN!r} and {END!r}, one after the other")
    return "\n".join([before + begin, "", *lines, "", end + after])
