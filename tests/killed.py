"""Processes for tests to kill: `python -m tests.killed lock FOLDER` holds the lock of a sweep's folder until then, and
`python -m tests.killed database URI` makes MLflow's file.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from platform.sweeping.conduct_sweep import alone
from platform.tracking.database import make_database


def hold(folder: Path) -> None:
    """Holds the lock; the file `held` says from when on."""
    with alone(folder):
        (folder / "held").touch()
        signal.pause()


if __name__ == "__main__":
    what, where = sys.argv[1:]
    if what == "lock":
        hold(Path(where))
    else:
        make_database(where)
