"""The record of what GPUs gave: a CSV file with a row per figure, added as it comes, and a row per piece's end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import figures

RECORD = figures.RECORD.with_name("gpu.csv")
DONE, FAILED, ABSENT = "done", "failed", "not here"  # of a piece's end; the last: the machine lacks what it is about


@dataclass(frozen=True, kw_only=True)
class Card:
    """A GPU with its software: figures of two that differ in one of these are never put together."""

    card: str  # as its maker calls it
    card_gib: str
    driver: str
    torch: str
    cuda: str
    python: str


@dataclass(frozen=True, kw_only=True)
class CardFigure(Card):
    """A figure, or, where `what` is "", how a piece ended, in `note`."""

    piece: str
    what: str
    value: str
    unit: str
    n: str  # rounds or the like
    note: str
    date: str  # UTC, to the second
    seconds: str  # since the piece began

    @property
    def on(self) -> Card:
        """Where it was measured."""
        return Card(**{name: getattr(self, name) for name in Card.__dataclass_fields__})


def read(path: Path = RECORD) -> list[CardFigure]:
    """All rows in the order of their coming; none where there is no file."""
    return figures.read_rows(CardFigure, path)


def add(row: CardFigure, path: Path = RECORD) -> None:
    """Adds a row, as `figures.add` does."""
    figures.add(row, path)


def newest(rows: Iterable[CardFigure], card: Card) -> dict[str, CardFigure]:
    """By what was measured its last figure on that card."""
    return {row.what: row for row in sorted(rows, key=lambda row: row.date) if row.what and row.on == card}


def ends(rows: Iterable[CardFigure], card: Card) -> dict[str, CardFigure]:
    """By piece how it last ended on that card."""
    return {row.piece: row for row in sorted(rows, key=lambda row: row.date) if not row.what and row.on == card}


def cards(rows: Iterable[CardFigure]) -> list[Card]:
    """The cards of the record, the one that was used last at the end."""
    return list(dict.fromkeys(row.on for row in sorted(rows, key=lambda row: row.date, reverse=True)))[::-1]
