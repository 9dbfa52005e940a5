"""From Ray Tune's events to the ledger, off the training path: a queue, one thread, one call an epoch.

A tracking server that does not answer costs no training: the thread tries again until it does, and says so once. A
record that MLflow refuses for what is in it is named and left out, so that those behind it are written.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from mlflow.exceptions import MlflowException

from platform.ledger import Ledger, TrialRecord

RETRY_S = 2.0
REFUSALS = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS")


class Tracker:
    """Writes to the ledger in the order of the calls, from a thread of its own."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="tracker", daemon=True)
        self._thread.start()

    def log(self, run_id: str, metrics: dict[str, float], epoch: int) -> None:
        """Queues the metrics of one epoch."""
        now_ms = int(time.time() * 1000)
        self._waiting.put(lambda: self._ledger.log(run_id, metrics, epoch, now_ms))

    def close(self, record: TrialRecord, files: list[tuple[Path, str]], error: str) -> None:
        """Queues the end of a trial's run, after all that was queued for it before."""
        self._waiting.put(lambda: self._ledger.close(record, files, error))

    def flush(self) -> None:
        """Waits until everything queued is written, and ends the thread."""
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (write := self._waiting.get()) is not None:
            told = False
            while True:
                try:
                    write()
                    break
                except Exception as error:  # whatever it is, the thread must go on: the records behind would be lost
                    if not _may_pass(error):
                        print(f"MLflow refused a record ({error}); it is left out", file=sys.stderr)
                        break
                    if not told:
                        print(f"MLflow does not take records ({error}); trying on, training goes on", file=sys.stderr)
                        told = True
                    time.sleep(RETRY_S)


def _may_pass(error: Exception) -> bool:
    """Whether trying again can help: a server that is away or busy, not a record that is wrong."""
    if isinstance(error, MlflowException):
        return error.error_code not in REFUSALS
    return isinstance(error, OSError) and not isinstance(error, FileNotFoundError)
