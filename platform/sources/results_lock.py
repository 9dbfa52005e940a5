"""While patients are taken out of the results, no other command makes anything of their images, and the other way
round: what begins in between would be missed by the search for what is of them, and would keep it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

RESULTS_LOCK = "withdrawn.lock"


@contextmanager
def in_use(results: Path) -> Iterator[None]:
    """Nobody is taken out of the results in this block; any number of commands may be in one at once.

    Where the folder cannot be written, nothing can be put into it, and nothing is held.

    Raises:
        BlockingIOError: patients are just being taken out.
    """
    refusal = f"patients who have withdrawn are just being taken out of {results}: try again when that is finished"
    with _held(results / RESULTS_LOCK, fcntl.LOCK_SH, refusal) if os.access(results, os.W_OK) else nullcontext():
        yield


@contextmanager
def in_use_by_nobody_else(results: Path, what: str) -> Iterator[None]:
    """No command that prepares, trains or evaluates is at work on the results in this block, and none begins.

    Args:
        what: can be done only meanwhile, for the message.

    Raises:
        BlockingIOError: one is at work.
    """
    refusal = (
        f"{what} only while no other command prepares images, trains or evaluates in {results}, but one does: "
        "wait until it is finished, or stop it"
    )
    with _held(results / RESULTS_LOCK, fcntl.LOCK_EX, refusal):
        yield


@contextmanager
def _held(lock: Path, kind: int, refusal: str) -> Iterator[None]:
    """The lock is released when the process ends, in whatever way."""
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)  # writable, which NFS wants of whoever holds it alone
    try:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(refusal) from None
        yield
    finally:
        os.close(handle)
