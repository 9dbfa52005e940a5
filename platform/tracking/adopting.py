"""A results folder that was moved or copied: found out before anything is written, and put right by `--adopt`.

MLflow's file names the folder that its runs' files are in. Where that is no longer the folder that the file itself is
in, a sweep would write into the old one, or make it anew. Nothing else in a results folder depends on where it is.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path

from filelock import FileLock, Timeout

from analysis.reading import tracking_uri
from analysis.reading.recorded_places import ARTIFACTS, elsewhere
from platform.sources.places import Places
from trainables import atomic
from trainables.pasting import command_line

BACKUP = "mlflow.db.before-adopt"  # MLflow's file as it was, beside it
PATIENCE_S = 5.0  # for another process that writes to MLflow's file
# Where MLflow keeps addresses of files; a newer one may have others, an older one lacks some.
ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("trace_tags", "value"),
)


def check_place(places: Places) -> None:
    """Refuses to write into a results folder whose MLflow file names another one.

    Raises:
        ValueError: it does; the message has both places, and the command that puts it right.
        ConnectionError: another process has locked MLflow's file.
    """
    database = tracking_uri.sqlite_file(places.tracking_uri)
    others = sorted(set(elsewhere(database).values())) if database else []
    if not others:
        return
    old = " and ".join(f"{other} ({'still there' if os.path.exists(other) else 'gone'})" for other in others)
    raise ValueError(
        f"the results must be where MLflow's file says that they are, but {places.results} was moved or copied from "
        f"{old}, and new files would be written there; "
        f"`{command_line('platform.sweep', '--adopt', '--results', str(places.results))}` records the new place"
    )


def adopt(results: Path) -> str:
    """Makes MLflow's file name the folder that it is in; returns what was done, in words.

    Files that finished runs have in the old folder alone are copied into the new one; the old folder stays as it is.

    Raises:
        FileNotFoundError: there is no MLflow file.
        BlockingIOError: a sweep runs in this folder, or another process writes to MLflow's file; nothing was changed.
        OSError: the disk is full, or cannot be written; MLflow's file is unchanged.
    """
    results = results.resolve()
    uri = tracking_uri.default(results)
    database = tracking_uri.sqlite_file(uri)
    if database is None:
        return f"nothing to adopt: MLflow is at {tracking_uri.without_password(uri)}, which decides where files are"
    if not database.is_file():
        raise FileNotFoundError(f"--results must name the folder that was moved or copied, but there is no {database}")
    with ExitStack() as held:
        keep_sweeps_out(results, held, "results can be adopted")
        old = elsewhere(database)
        if not old:
            return f"nothing to adopt: {database} names {database.parent} already"
        num_copied = sum(_bring(database, address, folder) for address, folder in old.items())
        num_changed = _rewrite(database, old)
    names = " and ".join(map(str, sorted(set(old.values()))))
    copied = f"; {num_copied} files that were only there were copied" if num_copied else ""
    return (
        f"{database} now names {database.parent} instead of {names}: {num_changed} addresses changed{copied}; "
        f"as it was before: {database.with_name(BACKUP)}"
    )


def keep_sweeps_out(results: Path, held: ExitStack, what: str) -> None:
    """Holds the lock of every sweep, so that none is resumed.

    Args:
        what: can be done only meanwhile, for the message.

    Raises:
        BlockingIOError: one runs.
    """
    for lock in sorted(results.glob("sweeps/*/lock")):
        try:
            held.enter_context(FileLock(lock, timeout=0, fallback_to_soft=False))
        except Timeout:
            raise BlockingIOError(
                f"{what} only while no sweep runs in them, but {lock.parent.name} does: stop it first"
            ) from None


def _bring(database: Path, address: str, old: Path) -> int:
    """Copies what finished runs have in the old folder alone; returns the number of files."""
    with closing(sqlite3.connect(database)) as connection:
        finished = "select run_uuid, artifact_uri from runs where status = 'FINISHED'"
        runs = [run for run, recorded in connection.execute(finished) if recorded.startswith(f"{address}/")]
    num_copied = 0
    for run in runs:
        source = old / ARTIFACTS / run
        for path in sorted(source.rglob("*")) if os.path.isdir(source) else ():
            place = database.parent / ARTIFACTS / run / path.relative_to(source)
            if path.is_file() and not place.exists():
                with atomic.new_file(place) as part:
                    shutil.copyfile(path, part)
                num_copied += 1
    return num_copied


def _rewrite(database: Path, old: Mapping[str, Path]) -> int:
    """Changes every address below those of `old`, in one transaction, after a copy of the file; returns how many."""
    new = (database.parent / ARTIFACTS).as_uri()
    with closing(sqlite3.connect(database, isolation_level=None, timeout=PATIENCE_S)) as connection:
        try:
            connection.execute("begin immediate")  # from here on nobody else writes, but anybody may read
            _back_up(database)
            before = connection.total_changes
            for table, column in ADDRESSES:
                if column not in _columns(connection, table):
                    continue
                for address in old:
                    connection.execute(
                        f"update {table} set {column} = :new || substr({column}, length(:old) + 1) "
                        f"where {column} = :old or substr({column}, 1, length(:old) + 1) = :old || '/'",
                        {"new": new, "old": address},
                    )
            connection.execute("commit")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise OSError(
                    f"{database} must be on a disk that can be written and has room for a copy of it, but: {error}; "
                    "MLflow's file is unchanged"
                ) from error
            raise BlockingIOError(
                f"{database} must be free to be written, but: {error}; stop the process that has it open, try again"
            ) from error
        return connection.total_changes - before


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in connection.execute(f"pragma table_info({table})")}


def _back_up(database: Path) -> None:
    """A copy made by SQLite: if this process opened and closed the file itself, it would give up its locks on it."""
    with (
        atomic.new_file(database.with_name(BACKUP)) as part,
        closing(sqlite3.connect(database)) as source,
        closing(sqlite3.connect(part)) as copy,
    ):
        source.backup(copy)
