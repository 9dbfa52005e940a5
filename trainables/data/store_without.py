"""A store without some of its patients: rewritten in one step, every other image in its split."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray

from trainables import atomic
from trainables.data import store_writing
from trainables.data.store import COLUMNS, Store
from trainables.data.store_writing import Row
from trainables.data.withdrawn import closed_up, unnamed


def rewrite_without(store: Store, patients: Collection[str]) -> None:
    """Puts a store without these patients (hashes) in the file's place, or deletes the file where none is left.

    The outcome has the fingerprint of a store that `trainables.data.store_making.prepare` makes without them, unless
    images of them could not be read then. Processes that have the old file open keep it; the caller has its lock.

    Raises:
        OSError: the disk is full; the old file is untouched.
    """
    is_gone = np.isin(store.patient, list(patients))
    if is_gone.all():
        store.path.unlink()
        return atomic.sync_folder(store.path.parent)
    columns = {name: getattr(store, name).tolist() for name in COLUMNS if name not in ("labels", "train_rank")}
    columns["labels"] = list(store.labels)
    columns["train_rank"] = closed_up(store.train_rank, is_gone).tolist()
    facts = {**store.facts, "left_out": unnamed(store.left_out)}
    with atomic.new_file(store.path, locked=True) as part:
        store_writing.write(
            part,
            columns,
            _images(store, np.flatnonzero(~is_gone)),
            lambda: facts,
            shape=(store.image_size_px, store.image_size_px, store.channels),
            held_out=store.held_out,
        )


def _images(store: Store, rows: NDArray[np.int64]) -> Iterator[Row]:
    for row in rows:
        (image,) = store.gather(np.array([row]))
        yield int(row), image, hashlib.blake2b(image.data).digest()
