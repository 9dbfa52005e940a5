"""Steps that hang: a worker that neither works nor dies is noticed, named, and ended where the user allows it.

A disk or a GPU that stops answering leaves a worker waiting for ever; Ray sees a process that lives. So a thread beside
the training compares the step under way with the usual one. What it finds is a sentence in the trial's folder, which
the driver reads out. Past a limit the process ends, and the trial goes on elsewhere from its last epoch.

Only what happens within a step counts. Between steps a trial may have to wait, for room on a full disk for instance.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import TypeVar

Item = TypeVar("Item")
logger = logging.getLogger(__name__)

SLOWER_BY = 100  # than the usual step
LEAST_S = 30.0  # below which a slow step is nobody's concern
FEWEST_STEPS = 10  # before which none is usual: the first ones compile, tune and fill caches
KEPT_STEPS = 200  # of which the usual one is the median
LOOK_EVERY_S = 5.0
NOTE = "stuck.txt"  # in the trial's folder, while a step is stuck
STDERR = 2  # the descriptor, which Ray points to the worker's log
EXIT_STATUS = 70  # of a worker that is ended: EX_SOFTWARE


class Watch:
    """What is known of the steps of one training. Its own thread only reads; the training begins and ends steps.

    Args:
        name: of the trial, for people.
        folder: the trial's own. Both may be set anew, where another trial goes on in this one's place.
        timeout_s: a step that takes longer ends the process; None for never.
    """

    def __init__(self, name: str, folder: Path, timeout_s: float | None = None) -> None:
        self.name, self.folder, self._timeout_s = name, folder, timeout_s
        self._begun_s: float | None = None
        self._took_s: deque[float] = deque(maxlen=KEPT_STEPS)

    def begin(self) -> None:
        """A step begins."""
        self._begun_s = time.monotonic()

    def end(self) -> None:
        """It has ended."""
        if self._begun_s is not None:
            self._took_s.append(time.monotonic() - self._begun_s)
        self._begun_s = None

    def look(self, now_s: float) -> str:
        """A sentence on the step under way where it is stuck at `now_s` (of `time.monotonic`), else ""."""
        begun_s = self._begun_s
        if begun_s is None:
            return ""
        took_s, steps = now_s - begun_s, list(self._took_s)
        usual_s = median(steps) if len(steps) >= FEWEST_STEPS else None
        if self._is_over(took_s):
            return f"a step has taken more than --step-timeout {self._timeout_s:g} s: its worker ends here"
        if usual_s is None or took_s < max(LEAST_S, SLOWER_BY * usual_s):
            return ""
        return (
            f"a step has taken {took_s:.0f} s so far, where one takes {usual_s:.3g} s (process {os.getpid()} on "
            f"{socket.gethostname()}); --step-timeout SECONDS ends such a worker, and its trial goes on from its last "
            "epoch"
        )

    def arm(self) -> None:
        """Should the interpreter itself be stuck, with all of its threads, the process ends when this was long ago."""
        if self._timeout_s:
            faulthandler.dump_traceback_later(self._timeout_s + 2 * LOOK_EVERY_S, exit=True, file=STDERR)

    def keep_looking(self, stopped: threading.Event) -> None:
        """Looks every few seconds until `stopped`; logs and notes what is first said of a step, and its end."""
        self._note("")  # of a process that ended in a step
        told_of: tuple[float, bool] | None = None
        while not stopped.wait(LOOK_EVERY_S):
            self.arm()
            now_s, begun_s = time.monotonic(), self._begun_s
            sentence = self.look(now_s)
            if not sentence or begun_s is None:
                if told_of is not None:
                    told_of = None
                    self._note("")
                continue
            is_over = self._is_over(now_s - begun_s)
            if told_of != (begun_s, is_over):
                told_of = (begun_s, is_over)
                logger.warning("%s: %s", self.name, sentence)
                self._note(sentence)
            if is_over:
                faulthandler.dump_traceback(file=STDERR)
                os._exit(EXIT_STATUS)

    def _is_over(self, took_s: float) -> bool:
        return self._timeout_s is not None and took_s > self._timeout_s

    def _note(self, sentence: str) -> None:
        with suppress(OSError):  # the disk may be what hangs
            if sentence:
                self.folder.mkdir(parents=True, exist_ok=True)  # it is made with the first epoch's checkpoint
                (self.folder / NOTE).write_text(sentence)
            else:
                (self.folder / NOTE).unlink(missing_ok=True)


_current: Watch | None = None  # of this process, which trains one trial at a time


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Every step within the block is watched."""
    global _current
    stopped = threading.Event()
    thread = threading.Thread(target=watch.keep_looking, args=[stopped], name="stuck-steps", daemon=True)
    _current = watch
    watch.arm()
    thread.start()
    try:
        yield
    finally:
        _current = None if _current is watch else _current
        stopped.set()
        thread.join()
        faulthandler.cancel_dump_traceback_later()


def watched(batches: Iterable[Item]) -> Iterator[Item]:
    """The same batches; what is done with each, until the next is asked for, is a step."""
    for batch in batches:
        watch = _current
        if watch is None:
            yield batch
            continue
        watch.begin()
        try:
            yield batch
        finally:
            watch.end()
