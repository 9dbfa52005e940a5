"""Files and folders that are whole or absent: written beside their place, flushed to the disk, then renamed into it."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

FULL_DISK_PATIENCE_S = 1800.0  # for somebody to make room after the warning; a night is lost, but no epoch
FULL_DISK_RETRY_S = 2.0
FULL_DISK_REMINDER_S = 300.0
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
FULL = "disk-full"  # an empty file, for which there mostly is room, in the folder of a writer that waits
MANY_FILES = 64  # above these, one flush of all disks is quicker than one per file


def patiently(write: Callable[[], None], what: str, folder: Path) -> None:
    """Writes; where the disk is full, says so and tries again: room can be made, but a trial's hours cannot.

    Args:
        what: what is written, for the warning.
        folder: where it is written: the disk that needs room.

    Raises:
        OSError: the disk stays full for `FULL_DISK_PATIENCE_S`, or it is not for want of room that writing fails.
    """
    started_s = time.monotonic()
    reminder_s = 0.0
    while True:
        try:
            write()
        except OSError as error:
            waited_s = time.monotonic() - started_s
            if error.errno not in NO_ROOM or waited_s > FULL_DISK_PATIENCE_S:
                raise
            if waited_s >= reminder_s:
                reminder_s = waited_s + FULL_DISK_REMINDER_S
                left_min = (FULL_DISK_PATIENCE_S - waited_s) / 60
                logger.warning("%s (trying again for %.0f minutes)", no_room(what, folder, error.errno), left_min)
                with suppress(OSError):
                    (folder / FULL).touch()
            time.sleep(FULL_DISK_RETRY_S)
        else:
            (folder / FULL).unlink(missing_ok=True)
            if reminder_s:
                logger.warning("there is room for %s again", what)
            return


def no_room(what: str, folder: Path, code: int = errno.ENOSPC) -> str:
    """What is said of a full disk. What did not fit is removed again, so that `df` shows some room, but too little."""
    if code == errno.EDQUOT:
        room = f"your quota of the disk that holds {folder} is used up"
    else:
        there = next(path for path in (folder, *folder.parents) if path.exists())
        room = f"{shutil.disk_usage(there).free / 1e6:.0f} MB are free in {folder}, which is too little"
    return f"no room on the disk for {what}: {room}; free some space and this goes on by itself"


def write_bytes(path: Path, *data: bytes | memoryview) -> None:
    """Puts `data`, one after the other, at `path` in one step: a reader, or a crash, sees the old file or the new one.

    Raises:
        OSError: the disk is full or the folder cannot be written; the old file is untouched and no part is left.
    """
    with new_file(path) as part, part.open("wb") as file:
        file.writelines(data)


@contextmanager
def new_file(path: Path, *, replace: bool = True, locked: bool = False, mode: int = 0o666) -> Iterator[Path]:
    """An empty file beside `path`, to be filled in the block; it takes that name at the end, or is removed.

    Args:
        replace: False keeps a file that another process has put at `path` first.
        locked: the caller alone writes `path` at this time. The part then has one name, so that what a killed process
            left is removed; otherwise a name of its own.
        mode: the file's permissions, of which the umask takes its share.

    Raises:
        OSError: the disk is full or the folder cannot be written; the old file is untouched and no part is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _locked_part(path) if locked else _own_part(path)
    try:
        if locked:
            part.unlink(missing_ok=True)  # of a process that was killed
            part.touch()
        part.chmod(mode & ~umask())  # mkstemp's files are for their owner alone
        yield part
        _flush(part)
        if replace:
            os.replace(part, path)
        else:
            with suppress(FileExistsError):
                os.link(part, path)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextmanager
def new_folder(folder: Path, *, locked: bool = False) -> Iterator[Path]:
    """An empty folder beside `folder`, to be filled in the block; it takes that place at the end, or is removed.

    Args:
        locked: as in `new_file`.

    Raises:
        OSError: as `new_file`; a `folder` that existed is untouched.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = _locked_part(folder) if locked else Path(tempfile.mkdtemp(**_names(folder)))
    try:
        if locked:
            shutil.rmtree(part, ignore_errors=True)  # of a process that was killed
            part.mkdir()
        part.chmod(0o777 & ~umask())  # mkdtemp's folders are for their owner alone
        yield part
        files = [path for path in part.rglob("*") if path.is_file()]
        if len(files) > MANY_FILES:
            os.sync()
        else:
            for path in files:
                _flush(path)
        _swap(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    sync_folder(folder.parent)


def _swap(part: Path, folder: Path) -> None:
    """Renames `part` to `folder`, whose present content is removed only after the new one has its name."""
    replaced = Path(tempfile.mkdtemp(**_names(folder)))
    try:
        if folder.exists():
            folder.rename(replaced / folder.name)
        part.rename(folder)
    except BaseException:
        if not folder.exists() and (replaced / folder.name).exists():
            (replaced / folder.name).rename(folder)
        raise
    finally:
        shutil.rmtree(replaced, ignore_errors=True)


def _locked_part(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _own_part(path: Path) -> Path:
    handle, part = tempfile.mkstemp(**_names(path))
    os.close(handle)
    return Path(part)


def _names(path: Path) -> dict[str, Any]:
    return {"dir": path.parent, "prefix": f".{path.name}.", "suffix": ".part"}


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def umask() -> int:
    """The permissions that this process's new files do not get."""
    mask = os.umask(0)  # it can only be read by setting it
    os.umask(mask)
    return mask


def sync_folder(folder: Path) -> None:
    """Makes a rename in `folder` outlast a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
