"""One change at a time, as a table per column and metric: the baseline first, then the largest effect."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from analysis.reading import origins
from analysis.scores import differences
from analysis.scores.drawn_metrics import IN_WORDS
from analysis.scores.one_change import BASELINE, SIDES
from analysis.tables.differing import p_value, points, points_between, score_of, side_by_side
from analysis.tables.rendering import MISSING, Cell, Table
from trainables import titles

HEAD = ["knob", "value", "score", "difference", "95% interval", "p, patients", "p, seeds", "p, Holm", "basis", "n"]


def tables(frame: pd.DataFrame) -> list[Table]:
    """One table per column and metric of the frame of `analysis.scores.one_change.rows`."""
    blocks = frame.groupby(["column", "metric"], sort=False)
    numbers = {column: number for number, column in enumerate(frame["column"].drop_duplicates(), 1)}
    return [
        _table(block.reset_index(drop=True), str(metric), f"one_at_a_time_{numbers[column]}_{metric}")
        for (column, metric), block in blocks
    ]


def _table(frame: pd.DataFrame, metric: str, name: str) -> Table:
    in_words = IN_WORDS[metric]
    baseline = frame["cell"].iloc[0]
    notes = [
        f"baseline: {titles.of_name(baseline)} ({baseline}), with every knob as the sweep has it; each row below "
        "changes what it names and nothing else, and was searched and confirmed as the baseline was",
        f"score: {in_words} on the test set, in percent, with its 95% interval; difference to the baseline in points",
        *differences.notes(frame, SIDES),
        *differences.notes_on_p(frame),
    ]
    return Table(
        name=name,
        title=f"One change at a time: {frame['column'].iloc[0]}, {in_words}",
        head=[HEAD],
        body=[_line(row) for row in frame.to_dict("records")],
        frame=frame,
        notes=notes,
        phantom=origins.union(frame["phantom"]),
        has_paper=False,
        is_sortable=False,  # the baseline stays above its changes
    )


def _line(row: Mapping[str, object]) -> list[Cell]:
    is_baseline = row["knob"] == BASELINE
    return [
        Cell(str(row["knob"])),
        Cell(str(row["value"]) or MISSING),
        Cell(score_of(row, "first"), "", tuple(str(row["run_ids"]).split())),
        Cell(points(row["difference"])),
        Cell(points_between(row["low"], row["high"])),
        *(Cell(p_value(row[name])) for name in ("p_patients", "p_seeds", "p_holm")),
        Cell(str(row["basis"]) or MISSING),
        Cell(side_by_side(row, "first_n", "first_n" if is_baseline else "second_n")),
    ]
