"""The process of one piece: `python -m tests.benchmarks.gpu.one_piece NAME FOLDER [--cpu]` prints a line per figure."""

from __future__ import annotations

import argparse
import json
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.benchmarks.gpu.card_pieces import CARD_PIECES, Reading

MARK = "=> "
NOT_HERE = 69  # the exit status where the machine lacks what the piece is about: EX_UNAVAILABLE


def line_of(reading: Reading) -> str:
    """A figure for the parent to read."""
    return MARK + json.dumps(reading._asdict())


def reading_in(line: str) -> Reading | None:
    """The figure that `line_of` wrote; None for any other line."""
    return Reading(**json.loads(line.removeprefix(MARK))) if line.startswith(MARK) else None


def main() -> int:
    """Measures the piece; `NOT_HERE` where its library is missing."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gpu.one_piece")
    parser.add_argument("piece", choices=[piece.name for piece in CARD_PIECES])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cpu", action="store_true")
    typed = parser.parse_args()
    (piece,) = (piece for piece in CARD_PIECES if piece.name == typed.piece)
    if piece.wants and find_spec(piece.wants) is None:
        print(f"{piece.name} is about {piece.wants}, which this Python does not have")
        return NOT_HERE
    from tests.benchmarks.gpu import bench_setup  # imports PyTorch

    setup = (bench_setup.on_a_cpu if typed.cpu else bench_setup.on_a_card)(typed.folder)
    for reading in piece.readings(setup):
        print(line_of(reading), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
