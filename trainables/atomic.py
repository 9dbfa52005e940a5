"""Files that are whole or absent: written beside their place, flushed to the disk, then renamed into it."""

from __future__ import annotations

import errno
import logging
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

logger = logging.getLogger(__name__)

FULL_DISK_PATIENCE_S = 1800.0  # a person who is told needs so long to make room; a night is lost, no epoch
FULL_DISK_RETRY_S = 2.0


def patiently(write: Callable[[], None], what: str) -> None:
    """Writes; where the disk is full, says so and tries again: room can be made, a trial's hours can not.

    Raises:
        OSError: the disk stays full for `FULL_DISK_PATIENCE_S`, or it is not for want of room that writing fails.
    """
    started_s = time.monotonic()
    while True:
        try:
            return write()
        except OSError as error:
            waited_s = time.monotonic() - started_s
            if error.errno not in (errno.ENOSPC, errno.EDQUOT) or waited_s > FULL_DISK_PATIENCE_S:
                raise
            logger.warning("no room on the disk for %s: waiting, trying again", what)
            time.sleep(FULL_DISK_RETRY_S)


def write_bytes(path: Path, data: bytes) -> None:
    """Puts `data` at `path` in one step: a reader, or a crash, sees the old file or the new one, never a part.

    Raises:
        OSError: the disk is full or the folder cannot be written; the old file is untouched and no part is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), 0o666 & ~umask())  # mkstemp's files are for their owner alone
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def umask() -> int:
    """What this process's new files are not allowed."""
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
