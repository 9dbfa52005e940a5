"""What of a results folder is of patients who withdraw, found without changing anything."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.reading import bundles, other_hospital
from analysis.reading.tracking_uri import of_bundle
from platform.sources.copied_images import LIST_SUFFIX, NOT_SEARCHED
from platform.sources.places import Places
from platform.withdrawing.recorded_runs import PredictionFile, RecordedRuns
from trainables.data.store import Store
from trainables.data.votes import SUFFIX
from trainables.data.withdrawn import Withdrawn

BUNDLES = Path("reports") / "bundles"  # where `analysis.bundle` puts them, in the working folder


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What is left to do.

    Attributes:
        withdrawn: the list as it will be.
        stores: that hold patients who have withdrawn.
        files: of predictions that have rows of them -> how many.
        sweeps: whose own images they have left -> how many patients.
        stale: copies of stores, and folders of caches, on this machine.
        bundles: archives of these sweeps.
    """

    dataset: str
    withdrawn: Withdrawn
    runs: RecordedRuns
    stores: tuple[Store, ...]
    files: Mapping[Path, tuple[PredictionFile, int]]
    sweeps: Mapping[str, int]
    stale: tuple[Path, ...]
    bundles: tuple[Path, ...]


def survey(dataset: str, patients: Iterable[str], before: Withdrawn, places: Places) -> Survey:
    """Looks through the results.

    Args:
        patients: hashes of those who withdraw from `dataset`.
        before: the list as it is.

    Raises:
        ValueError: a store cannot be read.
        ConnectionError: MLflow's file is locked.
    """
    known = {*before.patients.get(dataset, ()), *patients}
    withdrawn = replace(
        before, salt=places.salt_fingerprint(), patients={**before.patients, dataset: tuple(sorted(known))}
    )
    stores = tuple(store for store in _stores(places) if withdrawn.of(store.dataset) & set(store.patient.tolist()))
    runs = RecordedRuns(places, dataset)
    numbers = {file.path: (file, int(file.is_gone(withdrawn).sum())) for file in runs.files()}
    files = {path: (file, num_rows) for path, (file, num_rows) in numbers.items() if num_rows}
    withdrawn = replace(withdrawn, before=_left(withdrawn, stores, [file for file, _ in files.values()]))
    sweeps = {
        str(name): max(len(withdrawn.left(str(each))) for each in of_sweep["tags.data_fingerprint"])
        for name, of_sweep in runs.affected(withdrawn).groupby("tags.sweep")
    }
    stale = tuple(path for local, cache in _own_folders(places) for path in withdrawn.stale(local, cache))
    return Survey(
        dataset=dataset, withdrawn=withdrawn, runs=runs, stores=stores, files=files, sweeps=sweeps,
        stale=tuple(dict.fromkeys(stale)), bundles=tuple(_bundles(places, sweeps)),
    )  # fmt: skip


def beside(store: Store) -> tuple[Path, Path]:
    """The list of copies and the table of single readings that belong to a store; either may be absent."""
    return store.path.with_suffix(LIST_SUFFIX), store.path.with_suffix(SUFFIX)


def parts_in(places: Places) -> list[Path]:
    """What killed processes left of files: no process writes any while all locks are held."""
    folders = [places.results / name for name in ("stores", "artifacts", "sweeps")]
    return [path for folder in folders for path in sorted(folder.rglob(".*.part"))]


def _stores(places: Places) -> list[Store]:
    return [Store.open(path, even_withdrawn=True) for path in sorted((places.results / "stores").glob("*.arrow"))]


def _left(
    withdrawn: Withdrawn, stores: Iterable[Store], files: Iterable[PredictionFile]
) -> dict[str, tuple[str, dict[str, str]]]:
    """`Withdrawn.before` with those who leave now: earlier states of a store's file lose the same patients."""
    before = {fingerprint: (name, dict(left)) for fingerprint, (name, left) in withdrawn.before.items()}
    for store in stores:
        leaving = np.isin(store.patient, list(withdrawn.of(store.dataset)))
        splits = dict(zip(store.patient[leaving].tolist(), store.split[leaving].tolist(), strict=True))
        before.setdefault(store.fingerprint, (store.path.name, {}))
        for name, left in before.values():
            if name == store.path.name:
                left.update(splits)
    for file in files:
        gone = file.columns[file.is_gone(withdrawn)]
        is_other = gone["split"] == other_hospital.SPLIT
        for fingerprint, rows in ((file.fingerprint, gone[~is_other]), (file.target_fingerprint, gone[is_other])):
            if fingerprint and len(rows):
                left = before.setdefault(fingerprint, ("", {}))[1]
                for patient, split in rows.itertuples(index=False):
                    left.setdefault(patient, split)
    return before


def _own_folders(places: Places) -> list[tuple[Path | None, Path | None]]:
    """The folders of copies, and of caches, that sweeps of this machine were given, and the usual cache."""
    folders: list[tuple[Path | None, Path | None]] = [(None, places.cache)]
    for path in places.standings():
        words = json.loads(path.read_text()).get("words", [])
        named = {flag: Path(words[words.index(flag) + 1]) for flag in ("--local", "--cache") if flag in words[:-1]}
        if local := named.get("--local"):
            folders.append((local, local / "cache"))
        if cache := named.get("--cache"):
            folders.append((None, cache))
    return folders


def _bundles(places: Places, sweeps: Mapping[str, int]) -> list[Path]:
    found = []
    for path in [*sorted(places.results.rglob("*.zip")), *sorted(BUNDLES.glob("*.zip"))]:
        try:
            is_affected = bundles.about(of_bundle(path)).get("sweep") in sweeps
        except (ValueError, OSError):  # another program's archive
            continue
        if is_affected:
            found.append(path)
    return found


def num_images(store: Store, withdrawn: Withdrawn) -> int:
    """How many images of a store are of patients who have withdrawn."""
    return int(pd.Series(store.patient).isin(withdrawn.of(store.dataset)).sum())


def copies_that_stay(store: Store, withdrawn: Withdrawn) -> int:
    """How many pairs of copies have one image of patients who have withdrawn, and one of somebody who has not."""
    path, _ = beside(store)
    if not path.is_file() or path.read_text().startswith(NOT_SEARCHED):
        return 0
    pairs = pd.read_csv(path, dtype=str, keep_default_na=False)
    first, second = (pairs[name].isin(withdrawn.of(store.dataset)) for name in ("first_patient", "second_patient"))
    return int((first != second).sum())
