"""Faults of time and room: a step that hangs, and a machine that comes back with a wrong clock and a full disk."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from tests.chaos.faults import Target, fill_disk, kill_driver, workers

NO_JUMP = 100_000  # bytes of the file by which the saboteur is told of a jump, in seconds beyond these
HOUR_S = 3600
LASTS_S = 20.0
FREE_S = 40.0  # for a worker that trains to be there
NAMED_WITHIN_S = 15.0
HANGS_S = 300  # a step, unless it is ended


def hang_worker(target: Target) -> None:
    """A step hangs: the trial must be named, and its worker ended by --step-timeout."""
    hung = target.orders / "hung"
    hung.unlink(missing_ok=True)
    (target.orders / "hang").write_text(str(HANGS_S))
    until_s, asked = time.monotonic() + FREE_S, 0
    while not hung.exists() and time.monotonic() < until_s and target.process.poll() is None:
        for asked in workers(target.process.pid)[:1]:
            with suppress(ProcessLookupError):
                os.kill(asked, signal.SIGUSR2)  # the saboteur hangs if a step is under way
        time.sleep(0.02)
    (target.orders / "hang").unlink()
    if not hung.exists():
        return  # nothing was trained in this time
    pid = int(hung.read_text())
    until_s = time.monotonic() + 90
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < until_s, "a step hangs, and --step-timeout does not end its worker"
        assert target.process.poll() is None, f"a step hung, and the driver ended: exit {target.process.poll()}"
        time.sleep(0.1)
    until_s = time.monotonic() + NAMED_WITHIN_S
    while "a step has taken" not in target.said.read_text():
        assert time.monotonic() < until_s, "a step hung, and its trial was not named"
        time.sleep(0.1)


def clock_and_disk(target: Target) -> None:
    """Two at once: the driver is killed, the clock has gone back an hour and the disk of results is full."""
    clock = target.orders / "clock"
    clock.touch()
    os.truncate(clock, NO_JUMP - HOUR_S)
    filler = fill_disk(target.results)
    kill_driver(target)
    target.lift_after(LASTS_S, clock.unlink)
    target.lift_after(LASTS_S, filler.unlink)
