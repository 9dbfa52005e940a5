"""Ctrl-C and `kill`: one clean stop for both, at any moment of a verb."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


def take_sigterm_as_ctrl_c() -> None:
    """A cluster's scheduler and `kill` stop a process by SIGTERM: it gets what Ctrl-C gets.

    To be called again after `ray.init`, which has a handler of its own.
    """
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


@contextmanager
def clean_stops() -> Iterator[None]:
    """Within it, SIGINT and SIGTERM raise KeyboardInterrupt: also in a process that a shell started in the background,
    which would ignore SIGINT."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    take_sigterm_as_ctrl_c()
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
