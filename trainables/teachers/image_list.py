"""The patients behind a list of training images, which some makers publish beside a model (RAD-DINO, say).

The list is a CSV whose columns may be called anything: every cell is looked at, and a patient is found in whatever is
the path of an image in its provider's layout. So only names decide which data set a row is of.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from trainables.data import csv_table
from trainables.data.catalogue import DATASETS


@dataclass(frozen=True, kw_only=True)
class Listed:
    """What a list says of the data sets that the catalogue knows."""

    patients: dict[str, set[str]]  # by data set, as its reader calls them; only sets of which there are some
    num_rows: int
    num_unknown: int  # rows that are of none of these sets

    def report(self) -> str:
        """How many patients of which data set, for a person."""
        counts = ", ".join(f"{len(patients):,} of {name}" for name, patients in self.patients.items())
        return f"{self.num_rows:,} training images: patients {counts}; {self.num_unknown:,} images of other data sets"


def read(path: Path) -> Listed:
    """The patients that a list of training images names.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no CSV, or no row is an image of a data set that the catalogue knows.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no list of training images at {path}")
    table = csv_table.read(path, (), "a list of training images")
    patients: dict[str, set[str]] = {}
    is_known = pd.Series(False, index=table.index)
    for name, found in _found(table).items():
        patients[name] = set(found.dropna())
        is_known |= found.notna()
    num_rows, num_unknown = len(table), int((~is_known).sum())
    patients = {name: found for name, found in patients.items() if found}
    if not patients:
        known = ", ".join(name for name, record in DATASETS.items() if record.patient_in_path)
        raise ValueError(f"{path} must list images of {known} by their paths, but none of its {num_rows} rows does")
    return Listed(patients=patients, num_rows=num_rows, num_unknown=num_unknown)


def _found(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """By data set, each row's patient, missing where it is of another set."""
    patients = {}
    for name, record in DATASETS.items():
        if record.patient_in_path:
            by_column = [rows[column].str.extract(record.patient_in_path, expand=False) for column in rows]
            patients[name] = pd.concat(by_column, axis=1).bfill(axis=1).iloc[:, 0]
    return patients
