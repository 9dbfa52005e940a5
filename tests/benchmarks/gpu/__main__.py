"""What one GPU gives: `python -m tests.benchmarks.gpu --minutes 8` measures what is missing, the next call the rest.

DenseNet-121, 256 px, batch 32. Each figure is added to tests/benchmarks/recorded/gpu.csv as it comes, with the card,
its driver and the versions; only figures of one card and its software are put together. No piece begins that may not
fit, and one that hangs is ended.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks import choosing
from tests.benchmarks.gpu import card_record, card_running, card_table
from tests.benchmarks.gpu.card_facts import this_card
from tests.benchmarks.gpu.card_pieces import CARD_PIECES, CardPiece
from tests.benchmarks.gpu.card_record import FAILED, Card, CardFigure
from tests.benchmarks.gpu.judged import on_card

NO_CARD = Card(card="no card", card_gib="0", driver="", torch="", cuda="", python="")


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gpu", description=(__doc__ or "").splitlines()[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--minutes", type=float, help="measure what this card has no figure of, as much as fits")
    what.add_argument("--show", action="store_true", help="print the table of what is on record")
    what.add_argument("--cpu", action="store_true", help="try the code on a CPU, as small as can be; record nothing")
    names = [piece.name for piece in CARD_PIECES]
    parser.add_argument("--only", action="append", choices=names, metavar="PIECE", help=f"one of: {', '.join(names)}")
    parser.add_argument(
        "--record", type=Path, default=card_record.RECORD, help="the CSV file to add to (default: %(default)s)"
    )
    return parser


def main() -> int:
    """Measures, or prints the table: 2 without a GPU, 1 where a piece failed, EX_TEMPFAIL where pieces are left."""
    typed = parser().parse_args()
    if typed.show:
        print("\n".join(card_table.lines(card_record.read(typed.record))))
        return 0
    pieces = [piece for piece in CARD_PIECES if typed.only is None or piece.name in typed.only]
    if typed.cpu:
        return int(bool(_measure(pieces, NO_CARD, cpu=True)[1]))
    if (card := this_card()) is None:
        print("there must be a GPU, but PyTorch sees none; --cpu tries the code alone", file=sys.stderr)
        return 2
    print(on_card(card), flush=True)
    left, failed = _measure(pieces, card, minutes=typed.minutes, record=typed.record, again=typed.only is not None)
    print("\n".join(card_table.lines(card_record.read(typed.record))))
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
        return 1
    return os.EX_TEMPFAIL if left else 0


def _measure(
    pieces: Sequence[CardPiece],
    card: Card,
    *,
    minutes: float = 0,
    record: Path | None = None,
    cpu: bool = False,
    again: bool = False,
) -> tuple[list[str], list[str]]:
    """Runs what fits; the names of the pieces that are left, and of those that failed."""
    until_s, rows = time.monotonic() + 60 * minutes, card_record.read(record) if record else []
    failed: list[str] = []

    def keep(row: CardFigure) -> None:
        if row.what:
            print(f"{row.what}: {row.value} {row.unit} {row.note}", flush=True)
        if record:
            card_record.add(row, record)

    def run(piece: CardPiece) -> None:
        print(f"## {piece.name}, about {expected_s(piece):.0f} s", flush=True)
        outcome = card_running.run(piece, card, folder, keep, cpu=cpu)
        print(f"{piece.name}: {outcome}\n", flush=True)
        if outcome.startswith(FAILED):
            failed.append(piece.name)

    def expected_s(piece: CardPiece) -> float:
        return card_running.expected_s(piece, rows, card)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if cpu:
            for piece in pieces:
                run(piece)
            return [], failed
        wanted = list(pieces) if again else card_running.missing(pieces, rows, card)
        left = choosing.run_what_fits(wanted, expected_s, lambda: until_s - time.monotonic(), run)
    if left:
        print("left for the next call:", ", ".join(f"{piece.name} ({expected_s(piece):.0f} s)" for piece in left))
    return [piece.name for piece in left], failed


if __name__ == "__main__":
    sys.exit(main())
