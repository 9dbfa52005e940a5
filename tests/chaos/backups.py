"""Copies of MLflow's file while a sweep writes to it, as a nightly backup makes them, but every few seconds."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

EVERY_S = 5.0
AGE_S = 30.0
NUM_KEPT = 10


class Backups:
    """The last copies of the SQLite file `database`, in `folder`."""

    def __init__(self, database: Path, folder: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database, self._folder, self._clock = database, folder, clock
        self._made: list[tuple[float, Path]] = []

    def keep(self) -> None:
        """Makes a copy if the last one is some seconds old; none while the file is absent or locked."""
        now_s = self._clock()
        if (self._made and now_s - self._made[-1][0] < EVERY_S) or not self._database.exists():
            return
        self._folder.mkdir(exist_ok=True)
        copy = self._folder / f"{now_s:.1f}.db"
        try:
            with (
                closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, timeout=0.5)) as source,
                closing(sqlite3.connect(copy)) as target,
            ):
                source.backup(target)
        except sqlite3.Error:
            copy.unlink(missing_ok=True)
            return
        self._made.append((now_s, copy))
        for _, old in self._made[:-NUM_KEPT]:
            old.unlink()
        del self._made[:-NUM_KEPT]

    def of_half_a_minute_ago(self) -> Path | None:
        """The newest copy that is at least that old, or else the oldest; None where there is none yet."""
        old = [copy for made_s, copy in self._made if self._clock() - made_s >= AGE_S]
        return old[-1] if old else self._made[0][1] if self._made else None
