"""The journal: records on their way to MLflow, kept on disk so that no outage or crash loses one.

One line per record: the first 16 hexadecimal digits of the SHA-256 of the rest, then JSON. A record begins with a
line break, so that a record that a crash cut short does not spoil the next one. The file is emptied whenever MLflow
has everything; a process that starts first sends what it finds in the file. Sending a record twice does no harm.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from trainables.atomic import patiently

Entry = dict[str, Any]


class Journal:
    """The journal in the file `path`, which one process at a time writes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def pending(self) -> list[Entry]:
        """The whole records in the file, in order; a last one that a crash cut short was never promised."""
        if not self.path.exists():
            return []
        lines = self.path.read_bytes().split(b"\n")
        return [json.loads(line[17:]) for line in lines if line[:16] == _digest(line[17:])]

    def append(self, entry: Entry) -> None:
        """Appends a record, which is safe on the disk when this returns; waits while the disk is full.

        Raises:
            OSError: the disk stays full (`trainables.atomic.patiently`), or cannot be written.
        """
        patiently(lambda: self._append(json.dumps(entry).encode()), "the journal", self.path.parent)

    def clear(self) -> None:
        """Everything has been sent."""
        os.truncate(self.path, 0)

    def _append(self, payload: bytes) -> None:
        with self.path.open("ab") as file:
            size = file.tell()
            try:
                file.write(b"\n" + _digest(payload) + b" " + payload)
                file.flush()
                os.fsync(file.fileno())
            except BaseException:  # a full disk, or Ctrl-C
                os.truncate(self.path, size)
                raise


def _digest(payload: bytes) -> bytes:
    return hashlib.sha256(payload).hexdigest()[:16].encode()
