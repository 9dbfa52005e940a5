"""Patients who have withdrawn their consent: their salted hashes, and the stores that held them.

The list lies in the results folder, beside the folder of the stores, and every machine that reads a store reads it: a
new store leaves these patients out, a store that still holds them is not opened, and copies of a store as it was
before, with the knowledge that teachers had of it, are deleted by the machine that finds them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trainables.atomic import write_bytes
from trainables.data.catalogue import share_patients
from trainables.pasting import command_line

FILE = "withdrawn.json"
NOT_NAMED = ["an image", "left out; not named, since patients have withdrawn"]


@dataclass(frozen=True, kw_only=True)
class Withdrawn:
    """The list.

    Attributes:
        salt: the fingerprint of the salt; "" in an empty list.
        patients: data set -> the hashes of its patients who have withdrawn.
        before: fingerprint of a store as it was -> its file's name ("" where it was gone already), and the patients
            who have left it since, each with its split there.
    """

    salt: str = ""
    patients: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    before: Mapping[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)

    def of(self, dataset: str) -> set[str]:
        """The hashes of a data set's patients who have withdrawn, from it or from one that shares its patients."""
        return {each for name, hashes in self.patients.items() if share_patients(name, dataset) for each in hashes}

    def left(self, fingerprint: str) -> Mapping[str, str]:
        """The patients who have left the store of that fingerprint since, each with its split there."""
        return self.before[fingerprint][1] if fingerprint in self.before else {}

    def check_salt(self, salt: str) -> None:
        """Refuses hashes of another salt.

        Raises:
            ValueError: the list was made with another one, so that nobody on it would be found.
        """
        if self.salt not in ("", salt):
            raise ValueError(
                f"the list of patients who have withdrawn must have the salt {salt}, but {FILE} was made with "
                f"{self.salt}; put the old file `salt` back, or delete {FILE} and withdraw these patients again"
            )

    def check(self, store: Path, dataset: str, patient_N: NDArray[np.str_]) -> None:
        """Refuses a store that still holds patients who have withdrawn.

        Raises:
            ValueError: it does.
        """
        if (gone := self.of(dataset)) and (num := len(gone & set(patient_N.tolist()))):
            again = command_line("platform.prepare", dataset, "--without", "FILE")
            raise ValueError(
                f"nobody who has withdrawn may be in a store, but {num} patients of {store} have; finish what was "
                f"interrupted: {again}, with the file of before"
            )

    def clear(self, local: Path | None, cache: Path | None) -> list[Path]:
        """Deletes from this machine what was made of stores as they were before: copies, and the knowledge of views.

        With them goes the knowledge of which an earlier version did not note the images.

        Args:
            local: the folder that `trainables.data.nearby` copies to; None for none.
            cache: the folder of the knowledge caches; None for none.

        Returns:
            What was deleted.
        """
        paths = self.stale(local, cache)
        for path in paths:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return paths

    def stale(self, local: Path | None, cache: Path | None) -> list[Path]:
        """What `clear` deletes."""
        paths: list[Path] = []
        for fingerprint in self.before:
            paths += sorted((local / "stores").glob(f"*-{fingerprint}.*")) if local else []
            paths += sorted(cache.glob(f"{fingerprint}-*")) if cache else []
        return paths + (_of_unknown_images(cache) if cache and self.before else [])


def check_before_reading(store: Path, fingerprint: str, *, local: str = "", cache: str = "") -> None:
    """Refuses a store as it was before patients withdrew, and deletes what this machine has of such stores.

    Args:
        fingerprint: of the images that are to be read.
        local, cache: as in `Withdrawn.clear`; "" for none.

    Raises:
        ValueError: patients have left the store of that fingerprint.
    """
    withdrawn = withdrawn_beside(store)
    withdrawn.clear(Path(local) if local else None, Path(cache) if cache else None)
    if left := withdrawn.left(fingerprint):
        raise ValueError(
            f"images of the fingerprint {fingerprint} must not be used any more, since {len(left)} patients have "
            "withdrawn from them: start the sweep under another --name"
        )


def withdrawn_beside(store: Path) -> Withdrawn:
    """The list that holds for a store of a results folder; raises what `withdrawn_in` raises."""
    return withdrawn_in(store.parent.parent)


def withdrawn_in(results: Path) -> Withdrawn:
    """The list of a results folder; an empty one where there is none.

    Raises:
        ValueError: it cannot be read.
    """
    path = results / FILE
    if not path.is_file():
        return Withdrawn()
    try:
        values = json.loads(path.read_text())
        patients = {name: tuple(hashes) for name, hashes in values["patients"].items()}
        before = {fingerprint: (str(name), dict(left)) for fingerprint, (name, left) in values["before"].items()}
        return Withdrawn(salt=values["salt"], patients=patients, before=before)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} must be the list of patients who have withdrawn, but cannot be read ({error!r}); take it from a "
            "backup, or delete it and withdraw them again"
        ) from error


def _of_unknown_images(cache: Path) -> list[Path]:
    """The knowledge caches of an earlier version, whose names do not say of which images they are.

    Nothing reads them any more, and any trial can compute them again. A folder of something else stays.
    """
    folders = (path.parent for pattern in ("shape.json", "epoch-*.knowledge") for path in cache.glob(f"*/{pattern}"))
    return sorted({folder for folder in folders if "-" not in folder.name})


def write_withdrawn(results: Path, withdrawn: Withdrawn) -> None:
    """Writes the list of a results folder in one step, in an order that depends on its content alone."""
    values: dict[str, Any] = asdict(withdrawn)
    write_bytes(results / FILE, json.dumps(values, indent=1, sort_keys=True).encode())


def kept_rows(rows: pd.DataFrame, withdrawn: Collection[str], dataset: str) -> pd.DataFrame:
    """The rows of all other patients, split as before; the nested order of training images closes its gaps.

    Args:
        rows: with patient (hashed) and train_rank.

    Raises:
        ValueError: no row is left.
    """
    if not len(withdrawn):
        return rows
    is_gone = rows["patient"].isin(list(withdrawn)).to_numpy()
    if is_gone.all():
        raise ValueError(f"a store must hold images, but every patient of {dataset} has withdrawn")
    return rows.assign(train_rank=closed_up(rows["train_rank"].to_numpy(), is_gone))[~is_gone].reset_index(drop=True)


def closed_up(train_rank_N: NDArray[np.int64], is_gone_N: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The ranks [N] once those that are gone leave no gap: each less the number of gone ones before it.

    >>> closed_up(np.array([3, -1, 0, 1, 2]), np.array([False, False, True, False, False])).tolist()
    [2, -1, 0, 0, 1]
    """
    gone = np.sort(train_rank_N[is_gone_N & (train_rank_N >= 0)])
    return np.where(train_rank_N < 0, train_rank_N, train_rank_N - np.searchsorted(gone, train_rank_N))


def unnamed(left_out: list[Any]) -> list[list[str]]:
    """As many images that were left out, without path and reason: they may be those of somebody who has withdrawn."""
    return [NOT_NAMED for _ in left_out]
