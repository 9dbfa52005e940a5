"""MLflow's SQLite file, made in one step.

MLflow creates its tables in some fifty steps. A process that is killed between them leaves a file that nothing can
open, and the results folder is lost; so the file is made under another name and renamed once it is whole.
"""

from __future__ import annotations

from mlflow.tracking import MlflowClient

from analysis.reading.tracking_uri import SQLITE, sqlite_file
from trainables import atomic


def make_database(tracking_uri: str) -> None:
    """Makes the SQLite file of that address if there is none; of two processes at once, the first one's stays.

    Raises:
        sqlalchemy.exc.OperationalError, OSError: it cannot be written; no part of it is left.
    """
    path = sqlite_file(tracking_uri)
    if path is None or path.exists():
        return
    with atomic.new_file(path, replace=False) as part:
        MlflowClient(f"{SQLITE}{part}")
