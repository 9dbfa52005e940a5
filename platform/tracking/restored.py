"""MLflow's records that are replaced under a running sweep, as by a backup that is restored: noticed, and named.

An open connection to an SQLite file goes on writing to the file that it has opened, although that has no name any more
and is lost with the process. So `platform.tracking.database` has MLflow open the file anew for every call, and here it
is seen whether that is still the same file. A file whose content was replaced, and a server over an older database,
show in what they lack: a run that was made, or at the end the epochs and the end of a trial.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from platform.sweeping.records import TrialRecord

WHOLE = ("FINISHED", "FAILED")


class LostRecordsError(ConnectionError):
    """MLflow lacks what it had been sent; the same command sends it again, or trains it again."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"MLflow's records must stay while a sweep adds to them, but {what}, as after a restored backup; "
            "run the same command again: what MLflow lacks is sent from the checkpoints, or trained, again"
        )


class SameFile:
    """Remembers which file an SQLite store is; a store of another kind (None) is always the same."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known = self._identity()

    def check(self) -> None:
        """Must come before MLflow opens the file, since that would make an empty one where there is none.

        Raises:
            LostRecordsError: there is another file in its place, or none.
        """
        if self._path is not None and self._identity() != self._known:
            state = "was replaced by another file" if self._path.exists() else "is gone"
            raise LostRecordsError(f"{self._path} {state}")

    def _identity(self) -> tuple[int, int] | None:
        try:
            facts = self._path.stat() if self._path else None
        except FileNotFoundError:
            return None
        return (facts.st_dev, facts.st_ino) if facts else None


def check_whole(known: Iterable[TrialRecord], recorded: Iterable[TrialRecord]) -> None:
    """Compares what this process knows of trials that have ended with what MLflow holds.

    Raises:
        LostRecordsError: MLflow lacks a trial, its end, or an epoch of it.
    """
    ended = [record for record in known if record.status in WHOLE]
    held = {record.spec.key: record for record in recorded}
    lost = [record for record in ended if not _holds(held.get(record.spec.key), record)]
    if lost:
        names = f"{lost[0].spec.cell.name} {lost[0].title}" + (f" and {len(lost) - 1} more" if len(lost) > 1 else "")
        raise LostRecordsError(f"it lacks parts of {len(lost)} of {len(ended)} trials that have ended ({names})")


def _holds(held: TrialRecord | None, record: TrialRecord) -> bool:
    return held is not None and held.status == record.status and len(held.best_scores) >= len(record.best_scores)
