"""Ctrl-C and `kill`: the same clean stop, at any moment of a command."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


def take_sigterm_as_ctrl_c() -> None:
    """Makes SIGTERM, by which `kill` and a cluster's scheduler stop a process, do what Ctrl-C does.

    Call it again after `ray.init`, which installs a handler of its own.
    """
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


def acknowledge_ctrl_c(message: str) -> None:
    """Prints `message` at once when SIGINT comes, before whatever handles it now."""
    handle = signal.getsignal(signal.SIGINT)

    def answer(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, handle)
        os.write(sys.stderr.fileno(), f"\n{message}\n".encode())  # print may be in the middle of a line
        if callable(handle):
            handle(number, frame)

    signal.signal(signal.SIGINT, answer)


@contextmanager
def clean_stops() -> Iterator[None]:
    """Within it, SIGINT and SIGTERM raise KeyboardInterrupt, even in a process that a shell started in the background
    and that would ignore SIGINT."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    take_sigterm_as_ctrl_c()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
