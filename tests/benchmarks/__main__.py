"""Every benchmark: `make bench` prints one table of all targets, each with the figure that is on record.

`make bench MINUTES=10` measures what is missing on this machine, or oldest, as much as fits, and adds each figure to
tests/benchmarks/recorded/figures.csv as it comes; the next call goes on from there. Figures are ratios of things that
were measured side by side in one run, wherever there is something to compare with.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from tests.benchmarks import choosing, figure_table, figures, running
from tests.benchmarks.machine import this_machine, versions
from tests.benchmarks.registry import PIECES, Piece


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, help="measure what is missing or oldest, as much as fits")
    parser.add_argument(
        "--only", action="append", choices=[piece.name for piece in PIECES], metavar="PIECE", help="repeat this piece"
    )
    parser.add_argument(
        "--record", type=Path, default=figures.RECORD, help="the CSV file to add to (default: %(default)s)"
    )
    parser.add_argument("--write", action="store_true", help="write the table of BENCHMARKS.md from the record")
    return parser


def main() -> int:
    """Prints the table, or measures first; 1 where a piece failed."""
    typed = parser().parse_args()
    machine = this_machine()
    failed = [] if typed.only is None and typed.minutes is None else _measure(typed)
    rows = figure_table.on_record(typed.record)
    print(f"{machine}; {versions()}\n")
    shown = [piece for piece in PIECES if typed.only is None or piece.name in typed.only]
    print("\n".join(figure_table.terminal(rows, machine, shown)))
    if typed.write:
        figure_table.write(rows)
    elif figure_table.is_behind(rows):
        print("`python -m tests.benchmarks --write` puts the newest figures into BENCHMARKS.md")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


def _measure(typed: argparse.Namespace) -> list[str]:
    """Runs the pieces that were asked for, or what fits into the minutes; the names of those that failed."""
    until_s = time.monotonic() + 60 * (typed.minutes or 0)
    machine, rows, failed = this_machine(), figures.read(typed.record), []

    def run(piece: Piece) -> None:
        print(f"## {piece.name}, about {expected_s(piece):.0f} s", flush=True)
        if not running.run(piece, lambda figure: figures.add(figure, typed.record)):
            failed.append(piece.name)

    def expected_s(piece: Piece) -> float:
        return choosing.expected_s(piece, rows, str(machine))

    if typed.only:
        for piece in (piece for piece in PIECES if piece.name in typed.only):
            run(piece)
        return failed
    possible = [piece for piece in PIECES if machine.has_gpu or not piece.wants_gpu]
    in_order = choosing.in_order(possible, rows, str(machine))
    left = choosing.run_what_fits(in_order, expected_s, lambda: until_s - time.monotonic(), run)
    if left:
        print("left for the next call:", ", ".join(f"{piece.name} ({expected_s(piece):.0f} s)" for piece in left))
    for piece in PIECES:
        if piece not in possible:
            print(f"{piece.name}: wants a GPU, and this machine has none")
    print(flush=True)
    return failed


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # a piece that runs is ended as well
    sys.exit(main())
