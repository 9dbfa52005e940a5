"""The progress of a long step: a bar in a terminal; in a log a line when it starts, once a minute, and when it ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from tqdm import tqdm

DELAY_S = 1.0  # a step that is over by then shows no bar
EVERY_S = 60.0  # how often a log gets a line


class Steps:
    """Counts what is done of a step; see `steps`."""

    def __init__(self, title: str, total: int, unit: str, stream: TextIO, clock: Callable[[], float]) -> None:
        self._title, self._total, self._unit, self._stream, self._clock = title, total, unit, stream, clock
        self._done, self._started_s = 0, clock()
        self._said_s = self._started_s
        is_terminal = stream.isatty()
        self._bar = tqdm(total=total, desc=title, unit=unit, file=stream, delay=DELAY_S) if is_terminal else None
        if not self._bar:
            self._say(f"{self._counted} ...")

    def advance(self, number: int = 1, note: str = "") -> None:
        """`number` more are done; `note` says something of the last one."""
        self._done += number
        if self._bar is not None:
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(number)
        elif note or self._clock() - self._said_s >= EVERY_S:
            self._said_s = self._clock()
            self._say(f"{self._done} of {self._counted}" + f", {note}" * bool(note))

    def close(self) -> None:
        """The step has ended."""
        if self._bar is not None:
            self._bar.close()
        elif (seconds := self._clock() - self._started_s) >= DELAY_S:
            self._say(f"{self._done} of {self._counted} in {seconds:.0f} s")

    @property
    def _counted(self) -> str:
        return f"{self._total} {self._unit}{'s' * (self._total != 1)}"

    def _say(self, what: str) -> None:
        print(f"{self._title}: {what}", file=self._stream, flush=True)


@contextmanager
def steps(
    title: str,
    total: int,
    unit: str,
    *,
    shown: bool = True,
    stream: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Callable[..., None]]:
    """Shows the progress of what runs within it, on standard error unless `stream` says otherwise.

    Yields `Steps.advance`, to be called as parts are done; with ``shown=False`` that does nothing.

    >>> with steps("reading", 2, "image", stream=sys.stdout) as advance:
    ...     advance(1)
    ...     advance(1)
    reading: 2 images ...
    """
    if not shown:
        yield lambda number=1, note="": None
        return
    progress = Steps(title, total, unit, stream or sys.stderr, clock)
    try:
        yield progress.advance
    finally:
        progress.close()
