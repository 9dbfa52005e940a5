"""One piece of `make bench`: its command runs, and each figure that it prints is kept as it comes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from tests.benchmarks.figures import CONTINUED, DONE, FAILED, Figure
from tests.benchmarks.machine import this_machine, versions
from tests.benchmarks.registry import ROOT, Piece
from tests.benchmarks.targets import parsed

TIDYING_UP_S = 90  # a sweep's processes are given a minute


def run(piece: Piece, keep: Callable[[Figure], None]) -> bool:
    """Runs the piece, prints what it prints, and hands each figure and then its end to `keep`; whether it did not fail.

    On phantoms, unless both sides of a comparison see the same photographs: figures on the real images of whoever has
    some could not be compared with others. A piece that ends with 0 must have printed its targets; a figure that the
    registry does not have is kept, but in no table.
    """
    began_s = time.monotonic()

    def row(what: str, target: str, figure: str, verdict: str, n: str = "") -> Figure:
        return Figure(
            piece=piece.name,
            what=what,
            target=target,
            figure=figure,
            verdict=verdict,
            n=n,
            machine=str(this_machine()),
            versions=versions(),
            date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S"),
            seconds=f"{time.monotonic() - began_s:.0f}",
        )

    printed = []
    hidden = () if piece.takes_photographs else ("TRANSFER_DATA",)
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    with _started(piece.command, environment) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            if words := parsed(line):
                printed.append(words[:2])
                keep(row(*words))
    outcome, why = _outcome(piece, process.returncode, printed)
    keep(row("", "", why, outcome))
    print(f"{piece.name}: {outcome}{': ' * bool(why)}{why}, {time.monotonic() - began_s:.0f} s\n", flush=True)
    return outcome != FAILED


@contextmanager
def _started(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The command while it runs; where this one is cut off meanwhile, it is interrupted too, and may tidy up."""
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        except BaseException:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(TIDYING_UP_S)
            process.kill()
            raise


def _outcome(piece: Piece, status: int, printed: list[tuple[str, str]]) -> tuple[str, str]:
    """How the piece ended, and what is odd about it."""
    if status == os.EX_TEMPFAIL:
        return CONTINUED, ""
    if status:
        return FAILED, f"exit status {status}"
    promised = set() if piece.has_own_record else {(target.what, target.text) for target in piece.targets}
    if missing := promised - set(printed):
        return FAILED, f"it did not print {'; '.join(sorted(what for what, _ in missing))}"
    if others := set(printed) - promised:
        return DONE, f"the registry does not have {'; '.join(sorted(f'{each[0]}, {each[1]}' for each in others))}"
    return DONE, ""
