"""What the gaps between groups support, in sentences: no gap is named without its interval."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from analysis.reading.origins import PHANTOM
from analysis.scores.comparisons import LEVEL
from analysis.scores.harm_gaps import TEACHER
from analysis.scores.missed import UNDERDIAGNOSIS
from trainables import titles
from trainables.cell import Cell

MAX_CELLS = 8  # with a sentence of their own


def gap_sentences(gaps: pd.DataFrame, phantom: Mapping[str, str]) -> list[str]:
    """One sentence per cell: its surest gap with interval, and how many others can be told from chance.

    Args:
        gaps: from `analysis.scores.harm_gaps.gap_rows`.
        phantom: each cell's parts that are phantoms.
    """
    cells = list(gaps.groupby("cell", sort=False))
    sentences = [_of_cell(str(cell), rows, phantom.get(str(cell), "")) for cell, rows in cells[:MAX_CELLS]]
    if len(cells) > MAX_CELLS:
        sentences.append(f"The gaps of the other {len(cells) - MAX_CELLS} cells are in the table.")
    return sentences


def _of_cell(cell: str, rows: pd.DataFrame, phantom: str) -> str:
    row = _surest(rows)
    num_told = int(rows["p_holm"].lt(LEVEL).sum())
    name, rates = titles.of_name(cell), f"{_percent(row['rate_worst'])} against {_percent(row['rate_best'])}"
    more = "more underdiagnosis" if row["measure"] == UNDERDIAGNOSIS else "less sensitivity"
    numbers = f"{_points(row['gap'])} points{_interval(row['low'], row['high'])}{_p(row['p_holm'])}"
    groups = f"{row['worst']} and {row['best']}"
    out_of = f"{num_told} of {len(rows)} gaps can be told from chance"
    if num_told and row["p_holm"] < LEVEL:
        sign = "" if row["gap"] > 0 else " (the other way round than on the validation images)"
        first = f"{name}: {more} for {row['worst']} than for {row['best']}, {rates}, a gap of {numbers}{sign}"
        return f"{first}; {out_of}.{_marked(phantom)}"
    one = "the only gap cannot be told from chance; it is"
    several = f"none of {len(rows)} gaps can be told from chance; the surest is"
    untold = f"{name}: {one if len(rows) == 1 else several} between {groups}"
    return f"{untold}, {rates} ({row['measure']}), {numbers}.{_marked(phantom)}"


def carried_sentences(carried: pd.DataFrame, phantom: Mapping[str, str]) -> list[str]:
    """One sentence per student with a teacher: does the teacher's gap come over with the knowledge?

    Args:
        carried: from `analysis.scores.harm_gaps.carried_rows`.
        phantom: each cell's parts that are phantoms.
    """
    cells = list(carried.groupby("cell", sort=False))
    sentences = [_of_student(str(cell), rows, phantom.get(str(cell), "")) for cell, rows in cells[:MAX_CELLS]]
    if len(cells) > MAX_CELLS:
        sentences.append(f"What comes over in the other {len(cells) - MAX_CELLS} cells is in the table.")
    return sentences


def _of_student(cell: str, rows: pd.DataFrame, phantom: str) -> str:
    row, name, teacher = _surest(rows), titles.of_name(cell), titles.teacher(Cell.parse(cell).teacher)
    whose = f"of the {teacher} itself" if row["named_by"] == TEACHER else "of this student and plain transfer together"
    between = f"between {row['worst']} and {row['best']} (worst and best on validation images {whose})"
    own = f"{name}: its gap in {row['measure']} {between} is {_points(row['gap'])} points"
    beyond = ""
    if pd.notna(row["teacher"]):
        beyond = (
            f"; the teacher's own gap is {_points(row['teacher'])}, from which the student's differs by "
            f"{_points(row['beyond_teacher'])}{_interval(row['beyond_low'], row['beyond_high'])}"
        )
    if pd.isna(row["difference"]):
        why = "plain transfer of the same student is not among the cells, so that nothing says whether it came over"
        return f"{own}{beyond}; {why}.{_marked(phantom)}"
    beside = f"that of plain transfer {_points(row['plain'])}: a difference of {_points(row['difference'])}"
    numbers = f"{beside}{_interval(row['low'], row['high'])}{_p(row['p_holm'])}"
    verdict = "no difference to plain transfer can be shown"
    if row["p_holm"] < LEVEL:
        verdict = "the gap grows with this teacher" if row["difference"] > 0 else "the gap shrinks with this teacher"
    num_told = int(rows["p_holm"].lt(LEVEL).sum())
    return f"{own}, {numbers}; {verdict} ({num_told} of {len(rows)} can be told from chance){beyond}.{_marked(phantom)}"


def _surest(rows: pd.DataFrame) -> pd.Series:
    """The row with the least p; of equal ones, and without any, that with the greatest gap or difference."""
    size = rows["difference"] if "difference" in rows and rows["difference"].notna().any() else rows["gap"]
    order = pd.DataFrame({"p": rows["p_holm"].fillna(2.0), "size": -size.abs().fillna(0.0)})
    return rows.loc[order.sort_values(["p", "size"], kind="stable").index[0]]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def _interval(low: float, high: float) -> str:
    if pd.isna(low):
        return " (without an interval: no draw of patients changes it)"
    return f" (95% interval {_points(low)} to {_points(high)})"


def _p(p: float) -> str:
    return (
        f", Holm-corrected p = {p:.3f}"
        if pd.notna(p)
        else ", without a test over repeats, which are too few or all alike"
    )


def _marked(phantom: str) -> str:
    return f" {PHANTOM} {phantom}: it says nothing about medicine." if phantom else ""
