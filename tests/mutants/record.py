"""What is known of each change: a row when its tests have run, in a file that is committed."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from tests.mutants.changes import Change

RECORD = Path(__file__).with_name("recorded.csv")
EXPLAINED = Path(__file__).with_name("explained.csv")


@dataclass(frozen=True)
class Row:
    """A change, and what came of it: "killed" by `test`, "too long" (killed as well) or "survived"."""

    area: str
    mark: str
    file: str
    line: int
    operator: str
    before: str
    after: str
    outcome: str
    seconds: float
    test: str
    date: str

    @property
    def is_killed(self) -> bool:
        return self.outcome != "survived"


def read(place: Path = RECORD) -> dict[tuple[str, str], Row]:
    """The rows by area and mark; of two about the same change, the later."""
    if not place.exists():
        return {}
    with open(place, newline="") as file:
        rows = [_row(row) for row in csv.DictReader(file)]
    return {(row.area, row.mark): row for row in rows}


def _row(words: dict[str, Any]) -> Row:
    return Row(**{**words, "line": int(words["line"]), "seconds": float(words["seconds"])})


def append(row: Row, place: Path = RECORD) -> None:
    """Adds a row, at once on the disk."""
    is_new = not place.exists()
    with open(place, "a", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow({**asdict(row), "seconds": f"{row.seconds:.1f}"})


def tidy(samples: dict[str, list[Change]], place: Path = RECORD) -> None:
    """Leaves one row per change of today's samples, in their order, with today's lines."""
    known = read(place)
    rows = [
        known[area, change.mark]
        for area, changes in samples.items()
        for change in changes
        if (area, change.mark) in known
    ]
    lines = {change.mark: change.line for changes in samples.values() for change in changes}
    place.unlink(missing_ok=True)
    for row in rows:
        append(replace(row, line=lines[row.mark]), place)


def explanations(place: Path = EXPLAINED) -> dict[str, str]:
    """Why a change that survives does no harm, by its mark."""
    if not place.exists():
        return {}
    with open(place, newline="") as file:
        return {row["mark"]: row["why"] for row in csv.DictReader(file)}
