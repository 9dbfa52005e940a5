"""Whether a file of prepared images is still the one that a sweep began with."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from trainables.data.store import facts_in


class ReplacedStoreError(ValueError):
    """The file holds other images than those that a trial is to read."""

    def __init__(self, path: Path, expected: str, actual: str) -> None:
        super().__init__(
            f"the prepared images must stay as they were when the sweep began, but {path} has the fingerprint {actual} "
            f"where {expected} is expected: put that file back, or delete this one, so that the same images are "
            "prepared again, and run the same command again"
        )


def check_same(path: Path, fingerprint: str) -> None:
    """Reads what the file says of itself, and no image; where there is no file, opening it says so.

    Raises:
        ReplacedStoreError: it is not the store of that fingerprint.
    """
    if not path.is_file():
        return
    actual = str(facts_in(pa.ipc.open_file(pa.memory_map(str(path))), path)["fingerprint"])
    if actual != fingerprint:
        raise ReplacedStoreError(path, fingerprint, actual)
