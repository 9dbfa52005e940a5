"""The record of the chaos suite: a CSV file with a row per fault, to which each sweep adds its rows in one step."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from trainables.atomic import write_bytes

UNDISTURBED = "as undisturbed"
REFUSED = "refused with the right sentence"
FAILED = "FAILED: "  # then why
SHADOWED = "unknown: the sweep failed at a later fault"


@dataclass(kw_only=True)
class FaultRow:
    """One fault, and what became of the sweep."""

    date: str  # UTC, to the minute
    machine: str
    seed: int  # of the sweep: the same one draws the same faults and moments
    kind: str
    moment: str  # how far the sweep was, and where it wrote its runs to
    seen: str = "ran on"  # or the exit status of each driver that ended before the next fault
    recovery_s: str = ""  # until the next epoch was saved, or the sweep had ended; "" where the next fault came first
    outcome: str = ""


COLUMNS = tuple(field.name for field in fields(FaultRow))


def read(path: Path) -> list[FaultRow]:
    """The rows of the record, in order; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [FaultRow(seed=int(row.pop("seed")), **row) for row in csv.DictReader(file)]


def add(path: Path, rows: Iterable[FaultRow]) -> None:
    """Adds the rows of a sweep: a process that is killed meanwhile leaves the file as it was, or with all of them."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in [*read(path), *rows])
    write_bytes(path, text.getvalue().encode())


def next_seed(path: Path) -> int:
    """The first seed after those of the record, from 1."""
    return max((row.seed for row in read(path)), default=0) + 1
