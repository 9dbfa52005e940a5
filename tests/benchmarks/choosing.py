"""Which pieces run next, and how long each is going to take: what is missing on this machine first, then the oldest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from tests.benchmarks.figures import CONTINUED, DONE, Figure, last_ends
from tests.benchmarks.registry import Piece

AnyPiece = TypeVar("AnyPiece")  # of any benchmark that is run in pieces


def in_order(pieces: Sequence[Piece], rows: Sequence[Figure], machine: str) -> list[Piece]:
    """The pieces as they run on `machine`: never tried, tried and not done, then those done longest ago.

    What failed comes after what was never tried, so that a broken piece does not keep the others waiting.
    """
    ends = last_ends(rows, machine)
    tried = {row.piece: row.date for row in rows if row.machine == machine}

    def key(piece: Piece) -> tuple[int, str]:
        if piece.name in ends and ends[piece.name].verdict == DONE:
            return 2, ends[piece.name].date
        return (1, tried[piece.name]) if piece.name in tried else (0, "")

    return sorted(pieces, key=key)


def expected_s(piece: Piece, rows: Iterable[Figure], machine: str) -> float:
    """As long as it last took here; else on another machine; else as the registry has it."""
    ends = [row for row in rows if row.is_end and row.piece == piece.name and row.verdict in (DONE, CONTINUED)]
    ends.sort(key=lambda row: (row.machine == machine, row.date))
    return float(ends[-1].seconds) if ends else piece.about_s


def run_what_fits(
    pieces: Sequence[AnyPiece],
    expected: Callable[[AnyPiece], float],
    left_s: Callable[[], float],
    run: Callable[[AnyPiece], object],
) -> list[AnyPiece]:
    """Runs the pieces that are expected to end in the time that is left, in order; returns those that it leaves."""
    left = []
    for piece in pieces:
        if expected(piece) <= left_s():
            run(piece)
        else:
            left.append(piece)
    return left
