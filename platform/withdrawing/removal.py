"""Takes out what a survey has found. Each step can be interrupted and done again; the list of patients comes first."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from platform.sources.copied_images import NOT_SEARCHED
from platform.sources.places import Places
from platform.withdrawing.survey import Survey, beside, parts_in
from trainables import atomic
from trainables.data.store import Store
from trainables.data.store_without import rewrite_without
from trainables.data.withdrawn import Withdrawn, write_withdrawn


def remove(survey: Survey, places: Places) -> None:
    """Does all of it; the caller keeps sweeps out and holds the locks of the stores.

    Once the list is written, no store that still holds these patients is opened by anything else, and no sweep on it
    goes on.

    Raises:
        OSError: the disk is full, or cannot be written; doing it again finishes it.
    """
    write_withdrawn(places.results, survey.withdrawn)
    survey.runs.set_tags(survey.runs.tags(survey.withdrawn))
    for file, _ in survey.files.values():
        file.rewrite_without(survey.withdrawn)
    for path in survey.stale:
        _delete(path)
    for store in survey.stores:
        _rewrite(store, survey.withdrawn)
    for name, num_patients in survey.sweeps.items():
        _end_sweep(places, name, num_patients)
    for path in parts_in(places):
        _delete(path)


def _rewrite(store: Store, withdrawn: Withdrawn) -> None:
    """What lies beside a store first: which images are meant, the store alone says."""
    gone = withdrawn.of(store.dataset)
    copies, votes = beside(store)
    is_gone = np.isin(store.patient, list(gone))
    if is_gone.all():
        copies.unlink(missing_ok=True)
        votes.unlink(missing_ok=True)
    if copies.exists() and not copies.read_text().startswith(NOT_SEARCHED):
        pairs = pd.read_csv(copies, dtype=str, keep_default_na=False)
        kept = pairs[~pairs["first_patient"].isin(gone) & ~pairs["second_patient"].isin(gone)]
        atomic.write_bytes(copies, kept.to_csv(index=False, lineterminator="\n").encode())
    if votes.exists():
        table = pd.read_parquet(votes)
        with atomic.new_file(votes) as part:
            table[~table["image"].isin(store.image_id[is_gone])].to_parquet(part, index=False)
    rewrite_without(store, gone)


def _end_sweep(places: Places, name: str, num_patients: int) -> None:
    """What only resuming the sweep would need is deleted, and its standing says that it cannot be resumed."""
    _delete(places.sweep(name) / "trials")
    standing = places.standing(name)
    if standing.is_file():
        content = {**json.loads(standing.read_text()), "withdrawn": num_patients}
        atomic.write_bytes(standing, json.dumps(content).encode())


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
