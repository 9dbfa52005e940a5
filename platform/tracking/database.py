"""MLflow's SQLite file, made in one step.

MLflow creates its tables in some fifty steps. A process that is killed between them leaves a file that nothing can
open, and the results folder is lost; so the file is made under another name and renamed once it is whole.

Nor does MLflow keep the file open between calls: what it writes to a file that a backup has been put in the place of
would be lost without a word.
"""

from __future__ import annotations

import os

from mlflow.tracking import MlflowClient

from analysis.reading.tracking_uri import SQLITE, sqlite_file
from trainables import atomic


def make_database(tracking_uri: str) -> None:
    """Makes the SQLite file of that address if there is none; of two processes at once, the first one's stays.

    To be called before MLflow opens it.

    Raises:
        sqlalchemy.exc.OperationalError, OSError: it cannot be written; no part of it is left.
    """
    path = sqlite_file(tracking_uri)
    if path is not None:
        os.environ.setdefault("MLFLOW_SQLALCHEMYSTORE_POOLCLASS", "NullPool")  # read when the file is opened first
    if path is None or path.exists():
        return
    with atomic.new_file(path, replace=False) as part:
        MlflowClient(f"{SQLITE}{part}")
