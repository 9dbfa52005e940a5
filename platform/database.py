"""MLflow's file, made in one step.

MLflow makes its tables in some fifty steps. A process that is killed among them leaves a file that no later one can
open, and with it a results folder that is lost; so the file is made under another name, and gets its own when it is
whole.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from mlflow.tracking import MlflowClient

from trainables.atomic import umask

SQLITE = "sqlite:///"


def make_database(tracking_uri: str) -> None:
    """Makes the SQLite file of that address where there is none; of two processes at once, the first one's stays.

    Raises:
        sqlalchemy.exc.OperationalError, OSError: it cannot be written; no part of it is left.
    """
    path = Path(tracking_uri.removeprefix(SQLITE))
    if not tracking_uri.startswith(SQLITE) or path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    try:
        os.chmod(part, 0o666 & ~umask())  # mkstemp's files are for their owner alone
        MlflowClient(f"{SQLITE}{part}")
        with suppress(FileExistsError):
            os.link(part, path)
    finally:
        Path(part).unlink()
