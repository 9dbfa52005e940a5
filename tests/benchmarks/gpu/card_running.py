"""One piece after the other: what this card has no figure of, in the order of worth, as far as the time goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.gpu.card_pieces import CardPiece, Reading
from tests.benchmarks.gpu.card_record import ABSENT, DONE, FAILED, Card, CardFigure, ends
from tests.benchmarks.gpu.one_piece import NOT_HERE, reading_in
from tests.benchmarks.registry import ROOT

TOO_LONG = 3  # times what a piece was expected to take, after which it is ended

Keep = Callable[[CardFigure], None]


def missing(pieces: Sequence[CardPiece], rows: Iterable[CardFigure], card: Card) -> list[CardPiece]:
    """The pieces that have not run to their end on `card`, in their order; those that failed there come last."""
    outcomes = {name: row.note for name, row in ends(rows, card).items()}
    left = [piece for piece in pieces if outcomes.get(piece.name, "") not in (DONE, ABSENT)]
    return sorted(left, key=lambda piece: piece.name in outcomes)


def expected_s(piece: CardPiece, rows: Iterable[CardFigure], card: Card) -> float:
    """As long as it last took on `card`, else as declared."""
    end = ends(rows, card).get(piece.name)
    return float(end.seconds) if end and end.note == DONE else piece.about_s


def run(piece: CardPiece, card: Card, folder: Path, keep: Keep, *, cpu: bool = False) -> str:
    """Measures a piece in a process of its own; hands each figure and then its end to `keep`, and returns its outcome.

    A piece that takes `TOO_LONG` times as long as declared is ended, with all processes that it has begun.
    """
    began_s = time.monotonic()

    def row(reading: Reading) -> CardFigure:
        return CardFigure(
            piece=piece.name,
            what=reading.what,
            value=f"{reading.value:.6g}" if reading.what else "",
            unit=reading.unit,
            n=str(reading.n or ""),
            note=reading.note,
            date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S"),
            seconds=f"{time.monotonic() - began_s:.0f}",
            **asdict(card),
        )

    command = [sys.executable, "-u", "-m", "tests.benchmarks.gpu.one_piece", piece.name, str(folder)]
    with _started([*command, *(["--cpu"] if cpu else [])], TOO_LONG * piece.about_s) as process:
        for line in process.stdout or ():
            if reading := reading_in(line):
                keep(row(reading))
            else:
                print(line, end="", flush=True)
    outcome = {0: DONE, NOT_HERE: ABSENT}.get(process.returncode, f"{FAILED}: exit status {process.returncode}")
    keep(row(Reading("", 0, "", note=outcome)))
    return outcome


@contextmanager
def _started(command: list[str], most_s: float) -> Iterator[subprocess.Popen[str]]:
    """The command while it runs; it and its own processes end with the block, and after `most_s` at the latest."""
    started = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)

    def end() -> None:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)

    timer = threading.Timer(most_s, end)
    timer.start()
    try:
        yield started
        started.wait()
    finally:
        timer.cancel()
        end()
        started.wait()
