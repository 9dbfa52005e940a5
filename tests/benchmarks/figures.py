"""The record of `make bench`: a CSV file with a row per figure, added as the figure comes, and a row per piece's end.

A piece that is cut off keeps the figures that it had, and has no row of its end: only one that ended with 0 is done.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from trainables.atomic import write_bytes

Row = TypeVar("Row")

RECORD = Path(__file__).parent / "recorded" / "figures.csv"
DONE, FAILED, CONTINUED = "done", "failed", "to be continued"  # verdicts of a piece's end


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure of a piece, or, where `what` is "", how the piece ended."""

    piece: str
    what: str
    target: str
    figure: str
    verdict: str
    n: str  # rounds, seeds or the like; "" where that is not known
    machine: str
    versions: str
    date: str  # UTC, to the second
    seconds: str  # since the piece began

    @property
    def is_end(self) -> bool:
        return not self.what


def read(path: Path = RECORD) -> list[Figure]:
    """All rows in the order of their coming; none where there is no file."""
    return read_rows(Figure, path)


def read_rows(kind: type[Row], path: Path) -> list[Row]:
    """The same of another record, whose rows are dataclasses of texts."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [kind(**row) for row in csv.DictReader(file)]


def add(row: Any, path: Path = RECORD) -> None:
    """Adds a row of texts: a process that is killed meanwhile leaves the file as it was, or with all of it."""
    values, text = asdict(row), io.StringIO()
    writer = csv.DictWriter(text, values.keys(), lineterminator="\n")
    if not path.exists():
        writer.writeheader()
    writer.writerow(values)
    before = path.read_bytes() if path.exists() else b""
    write_bytes(path, before + text.getvalue().encode())


def newest(rows: Iterable[Figure], machine: str = "") -> dict[str, Figure]:
    """By what was measured its last figure; the last one of `machine`, where that has one."""
    found: dict[str, Figure] = {}
    for row in sorted(rows, key=lambda row: (row.machine == machine, row.date)):
        if not row.is_end:
            found[row.what] = row
    return found


def last_ends(rows: Iterable[Figure], machine: str) -> dict[str, Figure]:
    """By piece how it last ended on `machine`."""
    return {row.piece: row for row in sorted(rows, key=lambda row: row.date) if row.is_end and row.machine == machine}
