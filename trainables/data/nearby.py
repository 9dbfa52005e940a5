"""The prepared data set on a machine's own disk: copied there once, checked, and then mapped by all trials of it.

Trials gather images at random places of the file, a whole pass per epoch. Over a network file system that takes as many
requests as there are images; a file on the machine's own disk is in its memory after the first pass.
"""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

from filelock import FileLock

from trainables import atomic
from trainables.data.store import Store

logger = logging.getLogger(__name__)


def nearby(store: Path, fingerprint: str, folder: Path) -> Path:
    """Where a trial of this machine reads the data set: the copy under `folder`, made at the first call.

    Of several processes that ask at once, one copies and the others wait. A copy is whole or absent; it gets its name
    once its own pixels, labels and splits give `fingerprint` again. Any copy may be deleted at any time: a process that
    has it open keeps it. A disk without room costs time and never a trial: then `store` itself is read.

    Args:
        store: the file that all machines see.
        fingerprint: its `Store.fingerprint`.
        folder: on this machine's own disk; made where it is absent.

    Raises:
        FileNotFoundError: there is no `store`.
        ValueError: what was copied is not what `fingerprint` says.
    """
    place = folder / "stores" / f"{store.stem}-{fingerprint}.arrow"
    if place.exists():
        return place
    if not store.is_file():
        raise FileNotFoundError(
            f"every machine must see the prepared data, but there is no {store} on {os.uname().nodename}; "
            "put --results on storage that all machines have mounted at the same place"
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(place.with_suffix(".lock"), fallback_to_soft=False):
        if not place.exists():
            try:
                _copy(store, place, fingerprint)
            except OSError as error:
                if error.errno not in atomic.NO_ROOM:
                    raise
                logger.warning("no room for the images in %s: read from %s instead, which is slower", folder, store)
                return store
    return place


def _copy(store: Path, place: Path, fingerprint: str) -> None:
    with atomic.new_file(place, locked=True) as part:
        shutil.copyfile(store, part)
        actual = Store.open(part).recomputed_fingerprint()
        if actual != fingerprint:
            raise ValueError(
                f"a copied store must have the fingerprint {fingerprint}, but the copy of {store} has {actual}: file "
                "or a disk is damaged; delete it and prepare anew"
            )
