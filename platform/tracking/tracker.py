"""From Ray Tune's events to the ledger, off the training path: a journal on the disk, a queue, one thread.

A tracking server that does not answer costs no training and no record: the thread retries until it does, and says so
once; records that are left when the process ends wait in the journal until the same command is run again. A record
whose content MLflow refuses is reported and left out, so that those behind it are written.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from platform.sweeping.records import TrialRecord
from platform.tracking.data_inputs import Facts
from platform.tracking.journal import Entry, Journal
from platform.tracking.ledger import Ledger
from platform.tracking.mlflow_answers import is_gone, masked, may_pass, reason
from platform.tracking.restored import LostRecordsError
from trainables.trial import TrialSpec

RETRY_S = 2.0
PATIENCE_S = 30.0  # how long the end of a sweep waits for a server that is away


class Tracker:
    """Writes to the ledger in the order of the calls, from a thread of its own, after what the journal still holds.

    Args:
        ledger: where the records go.
        journal: holds what has not been sent yet.
        forget: called from that thread with the key and the run's id of each finished trial, after its last record.

    Raises:
        OSError: from any call, if the journal's disk stays full.
        LostRecordsError: from any call after MLflow's records were replaced by older ones.
    """

    def __init__(
        self, ledger: Ledger, journal: Journal, forget: Callable[[str, str], object] = lambda key, run_id: None
    ) -> None:
        self._ledger, self._journal, self._forget = ledger, journal, forget
        self._run_ids: dict[str, str] = {}
        self._waiting: queue.Queue[Entry | None] = queue.Queue()
        self._lock = threading.Lock()  # the journal holds whatever the queue holds
        self._may_have_run = {entry["trial"] for entry in journal.pending() if entry["do"] == "open"}
        self._flushed_s = float("inf")  # when the end began
        self._lost: LostRecordsError | None = None
        for entry in journal.pending():
            self._waiting.put(entry)
        self._thread = threading.Thread(target=self._work, name="tracker", daemon=True)
        self._thread.start()

    def open(self, record: TrialRecord, tags: Mapping[str, str], inputs: Sequence[Facts] = ()) -> None:
        """Queues the beginning of a trial's run; `inputs` are the images that it reads."""
        if record.run_id:
            self._run_ids[record.spec.key] = record.run_id
        facts = {"spec": asdict(record.spec), "study": record.study, "number": record.number, "tags": dict(tags)}
        facts["drawn"] = record.drawn
        self._put("open", record.spec.key, **facts, inputs=list(inputs))

    def log(self, record: TrialRecord, metrics: dict[str, float], epoch: int) -> None:
        """Queues the metrics of one epoch."""
        self._put("log", record.spec.key, metrics=metrics, epoch=epoch)

    def close(self, record: TrialRecord, files: list[tuple[Path, str]], outcome: Mapping[str, str]) -> None:
        """Queues the end of a trial's run, after all that was queued for it before."""
        listed = [(os.path.relpath(path, self._journal.path.parent), folder) for path, folder in files]
        self._put("close", record.spec.key, status=record.status, files=listed, outcome=dict(outcome))

    def progress(self, metrics: Mapping[str, float], step: int) -> None:
        """Queues metrics of the sweep as a whole."""
        self._put("progress", "", metrics=dict(metrics), step=step)

    def flush(self) -> None:
        """Waits until everything queued is written, and ends the thread.

        Raises:
            ConnectionError: the server stays away, or lacks what it was sent; the records wait in the journal.
        """
        self._flushed_s = time.monotonic()
        self._waiting.put(None)
        self._thread.join()
        if self._lost:
            self._journal.clear()  # see `send_rest`
        self.check()
        if left := len(self._journal.pending()):
            raise ConnectionError(
                f"MLflow does not answer: {left} records wait in {self._journal.path}; nothing is lost, "
                "run the same command again to send them and resume"
            )

    def check(self) -> None:
        """Nothing, as long as MLflow has what it was sent; raises as any other call where it does not."""
        if self._lost:
            raise self._lost

    def _put(self, do: str, key: str, **facts: object) -> None:
        self.check()
        entry = {"do": do, "trial": key, "at_ms": int(time.time() * 1000), **facts}
        with self._lock:
            self._journal.append(entry)
            self._waiting.put(entry)

    def _work(self) -> None:
        while (entry := self._waiting.get()) is not None:
            if not self._sent(entry):
                return
            with self._lock:
                if self._waiting.empty() or self._waiting.queue[0] is None:
                    self._journal.clear()

    def _sent(self, entry: Entry) -> bool:
        """Sends one record, however long that takes; False if that is over: the sweep has ended and the server stays
        away, or MLflow's records were replaced."""
        has_warned = False
        while True:
            try:
                self._ledger.file.check()
                self._send(entry)
                return True
            except LostRecordsError as error:
                self._lost = error
                return False
            except Exception as error:  # whatever it is, the thread must live: the records behind would be lost
                if is_gone(error):
                    self._lost = LostRecordsError(f"a run that it had is gone ({reason(error)})")
                    return False
                if not may_pass(error):
                    print(f"MLflow refused a record ({masked(error)}); leaving it out", file=sys.stderr)
                    return True
                if not has_warned:
                    print(
                        f"MLflow does not accept records ({masked(error)}); retrying while training continues",
                        file=sys.stderr,
                    )
                    has_warned = True
                self._may_have_run.add(entry["trial"])  # the run may exist although the answer was lost
                if time.monotonic() - self._flushed_s > PATIENCE_S:
                    return False
                time.sleep(RETRY_S)

    def _send(self, entry: Entry) -> None:
        key = entry["trial"]
        if entry["do"] == "progress":
            self._ledger.log(self._ledger.parent_id, entry["metrics"], entry["step"], entry["at_ms"])
            return
        if entry["do"] == "open":
            record = TrialRecord(
                spec=TrialSpec.from_dict(entry["spec"]),
                study=entry["study"],
                number=entry["number"],
                drawn=entry.get("drawn", ""),  # a journal of an earlier version does not have it
            )
            record.run_id = self._run_ids.get(key, "")
            if not record.run_id and key in self._may_have_run:
                record.run_id = self._ledger.run_id_of(key)
            self._ledger.open(record, entry["tags"], entry["at_ms"], entry["inputs"])
            self._run_ids[key] = record.run_id
            return
        if key not in self._run_ids:
            self._run_ids[key] = self._ledger.run_id_of(key)
        if not self._run_ids[key]:  # MLflow was restored from a backup of before: the trial's checkpoints have it all
            return
        if entry["do"] == "log":
            self._ledger.log(self._run_ids[key], entry["metrics"], entry["epoch"], entry["at_ms"])
        else:
            files = [(self._journal.path.parent / path, folder) for path, folder in entry["files"]]
            self._ledger.close(self._run_ids[key], entry["status"], files, entry["outcome"], entry["at_ms"])
            if entry["status"] == "FINISHED":
                self._forget(key, self._run_ids[key])


def send_rest(ledger: Ledger, journal: Journal) -> None:
    """Sends what an earlier process could not.

    If MLflow was restored from a backup meanwhile, nothing is sent, and all is taken from the checkpoints when the
    trials have their turn again: a trial that MLflow lacks would otherwise come after those that it came before.

    Raises:
        ConnectionError: the server does not answer.
    """
    pending = journal.pending()
    opened = {entry["trial"] for entry in pending if entry["do"] == "open"}
    others = {entry["trial"] for entry in pending if entry["do"] in ("log", "close")} - opened
    if all(ledger.run_id_of(key) for key in sorted(others)):
        if pending:
            Tracker(ledger, journal).flush()
        return
    print("MLflow lacks trials that it had, as after a restored backup: they are taken up again", file=sys.stderr)
    journal.clear()
