"""What every reader gives: the rows of a data set, and the rows that it left out, with the reason."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

# The codes of a label in `Listing.rows["labels"]` and in the store; a class's index takes their place for "multiclass".
POSITIVE, NEGATIVE, UNCERTAIN, NOT_MENTIONED = 1, 0, -1, -2
UNKNOWN = -128  # no code: a spelling that is refused

CODES = {
    "1.0": POSITIVE,
    "1": POSITIVE,
    "0.0": NEGATIVE,
    "0": NEGATIVE,
    "-1.0": UNCERTAIN,
    "-1": UNCERTAIN,
    "": NOT_MENTIONED,
}

PHANTOM_MARK = "PHANTOM.json"  # what the phantom writers put beside their images
EXTRA_TEST = "extra test"  # in official_split: images that only the official split uses, as its test set
ROW_COLUMNS = ("path", "patient", "view", "sex", "age_years", "official_split", "labels")
NOTHING = re.compile(r"(?:\.?/)*\.?")  # a path of no parts
MAX_LABELS = 127  # a class is an int8 in the store


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A data set as its provider ships it: paths and labels, no pixels yet.

    `rows` has the columns of `ROW_COLUMNS`: path (relative to `root`, POSIX), patient, view, sex ("F", "M" or ""),
    age_years (NaN where unknown), official_split ("" where the release has none) and labels (int8 array: the class's
    index alone for "multiclass", else one code per label).
    """

    dataset: str
    root: Path
    task: str  # "multiclass" or "multilabel"
    label_names: tuple[str, ...]  # in the release's order
    channels: int  # 3 for colour photographs, 1 for X-rays
    rows: pd.DataFrame
    left_out: pd.DataFrame  # path, reason
    notes: tuple[str, ...] = ()  # what is odd in the release and was put right, counted
    votes: pd.DataFrame | None = None  # what single readers made of the images: path, study, reader, role, labels

    def without_extra_test(self) -> Listing:
        """For a split drawn with the paper's counts, which know nothing of a test set that was published later."""
        is_extra = self.rows["official_split"] == EXTRA_TEST
        return replace(self, rows=self.rows[~is_extra].reset_index(drop=True)) if is_extra.any() else self

    @property
    def is_phantom(self) -> bool:
        """Whether the images are synthetic: their writers mark the folder."""
        return (self.root / PHANTOM_MARK).is_file()


def check_paths(paths: pd.Series, root: Path, table: Path) -> None:
    """Every path stays inside the data set's folder, and no two are of one file.

    `paths` has the rows' numbers in `table` as its index, as `csv_table.read` gives them.

    Raises:
        ValueError: a path is absolute, climbs out with ``..``, or appears twice, in whatever spelling.
    """
    plain = []
    for row, path in paths.items():
        # pathlib would take seconds for the 224,000 paths of CheXpert
        slashed = f"/{path}/"
        climbs_out = path.startswith("/") or "/../" in slashed
        if climbs_out or NOTHING.fullmatch(path) or "\\" in path or "\0" in path:
            raise ValueError(f"every image must lie inside {root}, but row {row} of {table} names {path!r}")
        plain.append(posixpath.normpath(path) if "//" in slashed or "/./" in slashed else path)
    doubled = pd.Series(plain, dtype=str).duplicated().to_numpy()
    if doubled.any():
        row = paths.index[doubled.argmax()]
        raise ValueError(f"every image must be listed once, but row {row} of {table} lists {paths[row]!r} again")


def label_codes(table: pd.DataFrame, labels: Sequence[str], path: Path, key: str) -> list[np.ndarray]:
    """One column per label (1 positive, 0 negative, -1 uncertain, empty not mentioned) as `Listing.rows["labels"]` is.

    Raises:
        ValueError: a value is none of these; `key` is the column that names the row in the message.
    """
    codes_NL = np.stack([_codes(table[label]) for label in labels], axis=1)
    unknown = np.argwhere(codes_NL == UNKNOWN)
    if len(unknown):
        row, column = unknown[0]
        raise ValueError(
            f"a label must be 1, 0, -1 or empty, but row {table.index[row]} of {path} has "
            f"{table[labels[column]].iloc[row]!r} for {labels[column]} of {key} {table[key].iloc[row]}"
        )
    return list(codes_NL)


def _codes(column: pd.Series) -> np.ndarray:
    """Of N cells, [N] int8, with `UNKNOWN` for a spelling that is none of `CODES`."""
    # Each spelling is looked up once: a column of CheXpert has 224,000 cells of four.
    places, spellings = pd.factorize(column, use_na_sentinel=False)
    return np.array([CODES.get(spelling, UNKNOWN) for spelling in spellings], np.int8)[places]


def nothing_left_out() -> pd.DataFrame:
    """An empty `Listing.left_out`."""
    return pd.DataFrame({"path": pd.Series(dtype=str), "reason": pd.Series(dtype=str)})


def class_labels(classes: pd.Series) -> list[np.ndarray]:
    """A column of class indices as `Listing.rows["labels"]` has it.

    Raises:
        ValueError: there are more classes than an int8 can tell apart.
    """
    if classes.max() >= MAX_LABELS:
        raise ValueError(f"there must be at most {MAX_LABELS} classes, but there are {classes.max() + 1}")
    return list(classes.to_numpy(np.int8)[:, None])
