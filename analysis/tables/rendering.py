"""A table, and its forms: plain text, Markdown, LaTeX and CSV."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pandas as pd

from analysis.reading.origins import notice

MISSING = "-"
TOO_SMALL = "†"  # behind a number from too few repeats
CONSTANT = "‡"  # behind a number from a student that gives every image the same answer
OPENED_AGAIN = "§"  # behind a number of a cell that has opened the test set for more than one configuration
MARKS_NOTE = "best: {best}, second best: {second}{apart}"
APART = "; the paper's numbers and ours are each ranked by themselves"
LATEX_SIGNS = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$",
    TOO_SMALL: r"\textdagger{}", CONSTANT: r"\textdaggerdbl{}",
    OPENED_AGAIN: r"\S{}",
    "<": r"$<$", ">": r"$>$",
}  # fmt: skip


class Cell(NamedTuple):
    """One field of a table."""

    text: str
    mark: str = ""  # "best", "second" or ""
    run_ids: tuple[str, ...] = ()  # the runs that the number rests on
    title: str = ""  # what people call it, where `text` is a cell's name; shown where there is room
    anchor: str = ""  # of the place on the page that the field names, behind the data set's

    def beside(self, quoted: str = "{}") -> str:
        """The title with the name behind it, as `quoted` writes that; without a title, the text."""
        return f"{self.title} ({quoted.format(self.text)})" if self.title else self.text


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table ready to be written: the frame behind it is its CSV form."""

    name: str  # for example "table_5"
    title: str
    head: list[list[str]]  # one list or more, each as long as a row
    body: list[list[Cell]]
    frame: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    titled_head: list[list[str]] = field(default_factory=list)  # the head in people's words, for where there is room
    has_paper: bool = True  # whether numbers of the paper's may stand beside ours
    phantom: str = ""  # which parts of any number in it are phantoms (`analysis.reading.origins`)
    is_sortable: bool = True  # False where a row belongs to the one above it
    is_prose: bool = False  # whether its fields are texts, which begin at the left and may be long

    @property
    def all_notes(self) -> list[str]:
        """The notes, the notice of phantoms first."""
        return [line for line in [notice(self.phantom)] if line] + self.notes

    @property
    def has_marks(self) -> bool:
        """Whether a best and a second best are marked."""
        return any(cell.mark for row in self.body for cell in row)


def number(mean: float | None, half_width: float | None = None, digits: int = 2) -> str:
    """``84.46±0.52``; ``84.46`` where there is no interval, ``-`` where there is no number."""
    if mean is None or not math.isfinite(mean):
        return MISSING
    text = f"{mean:.{digits}f}"
    return text if half_width is None or not math.isfinite(half_width) else f"{text}±{half_width:.{digits}f}"


def percent(fraction: float | None) -> str:
    """``84.46``, of a fraction; ``-`` where there is no number."""
    return number(None if fraction is None else 100 * fraction)


def p_value(p: float | None) -> str:
    """``0.043``; ``-`` where there is no test."""
    return number(p, digits=3)


def ranks(values: Sequence[float], eligible: Sequence[bool]) -> list[str]:
    """Marks the highest eligible value "best" and the next lower one "second"; equal values share a mark, NaN has none.

    Args:
        values: one per cell.
        eligible: whether each cell may be ranked; one that may not has no mark, and does not affect the others.
    """
    judged = [value if may and math.isfinite(value) else None for value, may in zip(values, eligible, strict=True)]
    ordered = sorted({value for value in judged if value is not None}, reverse=True)
    if len(ordered) < 2:
        return [""] * len(judged)
    names = {ordered[0]: "best", ordered[1]: "second"}
    return ["" if value is None else names.get(value, "") for value in judged]


def text(table: Table) -> str:
    """Aligned columns for a terminal; ``*`` is best, ``+`` second best."""
    signs = {"best": "*", "second": "+", "": ""}
    body = [[cell.text + signs[cell.mark] for cell in row] for row in table.body]
    widths = [max(len(row[column]) for row in [*table.head, *body]) for column in range(len(table.head[0]))]

    def line(row: Sequence[str]) -> str:
        first, *others = zip(row, widths, strict=True)
        return "  ".join([first[0].ljust(first[1]), *(field.rjust(width) for field, width in others)]).rstrip()

    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    marks = _marks(table, "*", "+")
    parts = [
        table.title,
        *([warning] if (warning := notice(table.phantom)) else []),
        rule,
        *map(line, table.head),
        rule,
    ]
    return "\n".join([*parts, *map(line, body), rule, *table.notes, *marks])


def markdown(table: Table) -> str:
    """A pipe table; the best is bold, the second best underlined."""
    signs = {"best": "**{}**", "second": "<u>{}</u>", "": "{}"}
    head = ["<br>".join(filter(None, column)) for column in zip(*table.head, strict=True)]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    lines += [[signs[cell.mark].format(cell.beside("`{}`")) for cell in row] for row in table.body]
    grid = ["| " + " | ".join(field.replace("|", "\\|") for field in line) + " |" for line in lines]
    marks = _marks(table, "bold", "underlined")
    announced = [f"**{warning}**", ""] if (warning := notice(table.phantom)) else []
    return "\n".join(
        [f"**{table.title}**", "", *announced, *grid, "", *[f"- {note}" for note in [*table.notes, *marks]]]
    )


def latex(table: Table) -> str:
    """A `table` environment (needs booktabs); the best is bold, the second best underlined."""
    signs = {"best": r"\textbf{%s}", "second": r"\underline{%s}", "": "%s"}
    head = [" & ".join(map(latex_escaped, row)) + r" \\" for row in table.head]
    body = [
        " & ".join(signs[cell.mark] % latex_escaped(cell.title or cell.text) for cell in row) + r" \\"
        for row in table.body
    ]
    marks = _marks(table, "bold", "underlined")
    announced = rf"\textbf{{{warning}}} " if (warning := notice(table.phantom)) else ""
    notes = " ".join(latex_escaped(note) + "." for note in [*table.notes, *marks])
    num_others = len(table.head[0]) - 1
    wide = rf"p{{{0.9 / max(num_others, 1):.2f}\textwidth}}" if table.is_prose else "r"
    columns = "l" + wide * num_others
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{announced}{latex_escaped(table.title)}}}"]
    lines += [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", *head, r"\midrule", *body, r"\bottomrule"]
    return "\n".join([*lines, r"\end{tabular}", "", rf"\footnotesize {notes}", r"\end{table}"])


def _marks(table: Table, best: str, second: str) -> list[str]:
    """What the marks mean, where there are any."""
    return [MARKS_NOTE.format(best=best, second=second, apart=APART if table.has_paper else "")] * table.has_marks


def csv(table: Table) -> str:
    """The frame behind the table, one row per number; its columns `data` and `phantom` say what the number rests on."""
    return table.frame.to_csv(index=False, lineterminator="\n").rstrip("\n")


FORMATS: dict[str, Callable[[Table], str]] = {"text": text, "markdown": markdown, "latex": latex, "csv": csv}


def latex_escaped(plain: str) -> str:
    """`plain` with TeX's own signs escaped."""
    return "".join(LATEX_SIGNS.get(sign, sign) for sign in plain)
