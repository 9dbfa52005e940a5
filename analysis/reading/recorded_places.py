"""Where MLflow's file says that the files of its runs lie: no longer beside it, once the results folder was moved.

MLflow records absolute addresses of the folder ``results/artifacts/RUN/artifacts``. Those files belong to the database
that lists them, so readers look beside it first, whatever it says; what writes must have the record put right before
(`platform.tracking.adopting`). Imports nothing large, so that a command can ask this before anything else.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from analysis.reading.tracking_uri import no_answer

ARTIFACTS = "artifacts"  # the folder of all runs' files, within the results
_RECORDED = """
    select artifact_location from experiments
    union select substr(artifact_uri, 1, instr(artifact_uri, '/' || run_uuid || '/') - 1) from runs
"""


def elsewhere(database: Path) -> dict[str, Path]:
    """The other results folders that MLflow's file names, by the recorded address of their artifacts.

    Empty where all is recorded as it is, or the file is absent or not MLflow's. One folder under two names, such as a
    mount's, is the same folder.

    Raises:
        ConnectionError: another process has locked the file.
    """
    if not database.is_file():
        return {}
    try:
        # Not read-only: after a crash, the first to open the file has to roll it back.
        with closing(sqlite3.connect(database)) as connection:
            addresses = [str(address) for (address,) in connection.execute(_RECORDED) if address]
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            raise ConnectionError(no_answer(str(database), str(error))) from error
        return {}
    folders = {
        address: path.parent for address in addresses if (path := local_path(address)) and path.name == ARTIFACTS
    }
    return {
        address: folder for address, folder in sorted(folders.items()) if not _is_same_folder(folder, database.parent)
    }


def beside(database: Path, recorded: Path) -> Path:
    """Where the files of a run lie that are recorded at `recorded`: beside MLflow's file, if there are any."""
    if len(recorded.parents) < 3 or recorded.parents[1].name != ARTIFACTS:
        return recorded
    here = database.parent / recorded.relative_to(recorded.parents[2])
    return here if here.exists() else recorded


def local_path(address: str) -> Path | None:
    """The path of a recorded address; None where it is not one of a file system."""
    parts = urlsplit(address)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return None if parts.scheme else Path(address)


def _is_same_folder(folder: Path, other: Path) -> bool:
    try:
        return folder == other or os.path.samefile(folder, other)
    except OSError:  # gone, or not ours to look into
        return False
