"""A user's own data set: a CSV beside its images.

    image,patient,label                     one `label` column: classes, one per image
    image,patient,COVID-19,Pneumonia        or one column per label: 1, 0, -1 (uncertain) or empty (not mentioned)

`image` is a path relative to the CSV's folder, or to another that the user names. Columns view, sex (F, M) and age
(years) are optional. The data set's name is the CSV's; it is split 80 / 10 / 10 by patient.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from trainables.data import csv_table
from trainables.data.csv_table import first
from trainables.data.dataset import DEFAULT_METRICS, Dataset
from trainables.data.decode import FORMATS, UnreadableImageError, located
from trainables.data.listing import (
    MAX_LABELS,
    ROW_COLUMNS,
    Listing,
    check_paths,
    class_labels,
    label_codes,
    nothing_left_out,
)
from trainables.data.person_columns import NOTHING, ages, check_patients, plain, sexes
from trainables.metrics import metric_name

REQUIRED = ("image", "patient")
OPTIONAL = ("view", "sex", "age")
LAYOUT = "a data set of your own: image, patient, and either label or one column per label"
MAX_NAME_CHARS = 100  # a label's; with what stands before it, it is a metric's name
MAX_NAMES_CHARS = 4000  # of all labels together, which MLflow keeps in one tag
NUM_LOOKED_AT = 8  # images that tell whether the set is grey
GREY_MODES = ("1", "L", "I", "I;16", "I;16B", "F")


def read(table_path: Path, images: Path | None = None) -> Listing:
    """The listing of the images that the CSV names.

    Args:
        images: the folder that their paths are relative to; None for the CSV's own.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column is missing, an image is named twice or without a patient, or a label is no label.
    """
    root = images or table_path.parent
    table = _images(table_path, root)
    names = [name for name in table.columns if name not in (*REQUIRED, *OPTIONAL)]
    if names == ["label"]:
        task, label_names, labels = "multiclass", *_classes(table, table_path)
    else:
        task, label_names, labels = "multilabel", tuple(names), _labels(table, names, table_path)
    _check_names(label_names, table_path)
    rows = pd.DataFrame(
        {
            "path": table["image"],
            "patient": table["patient"],
            "view": table.get("view", ""),
            "sex": sexes(table, "sex", table_path) if "sex" in table else "",
            "age_years": ages(table, "age", table_path) if "age" in table else float("nan"),
            "official_split": "",
            "labels": labels,
        }
    )
    return Listing(
        dataset=table_path.stem,
        root=root,
        task=task,
        label_names=label_names,
        channels=_channels(root, table["image"]),
        rows=rows[list(ROW_COLUMNS)].reset_index(drop=True),
        left_out=nothing_left_out(),
    )


def dataset(table_path: Path) -> Dataset:
    """The record of the data set that the CSV makes; raises what `read` raises."""
    listing = read(table_path)
    return Dataset(
        name=listing.dataset,
        title=listing.dataset,
        task=listing.task,
        selection_metric=DEFAULT_METRICS[listing.task],
        label_names=listing.label_names,
        read=read,
        folders=(table_path.name,),
    )


def _images(table_path: Path, root: Path) -> pd.DataFrame:
    """The CSV as text, after the checks that need no labels."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", table_path.stem):
        raise ValueError(
            f"a data set is named after its CSV, which must be letters, digits, dots, dashes and underscores, "
            f"but got {table_path.stem!r}"
        )
    table = csv_table.read(table_path, REQUIRED, LAYOUT, all_named=True)
    check_paths(table["image"], root, table_path)
    nobody = table["patient"] == ""
    if nobody.any():
        at, where = first(table, nobody, table_path)
        raise ValueError(f"every image must have a patient, but {table['image'].iloc[at]} in {where} has none")
    check_patients(table, "patient", table_path)
    return table


def _check_names(names: Sequence[str], path: Path) -> None:
    """A label's name is part of its metrics' names, where odd characters become underscores."""
    for name in names:
        if len(name) > MAX_NAME_CHARS or not re.search(r"\w", name):
            raise ValueError(
                f"a label's name must have 1 to {MAX_NAME_CHARS} characters, letters or digits among them, "
                f"but {path} has {name[:MAX_NAME_CHARS]!r}"
            )
        if metric_name(name) == "defined":
            raise ValueError(f"auc_defined is the name of a mean, so no label of {path} can be called {name!r}")
    if sum(map(len, names)) > MAX_NAMES_CHARS:
        raise ValueError(
            f"the names of all labels must have at most {MAX_NAMES_CHARS} characters, "
            f"but those of {path} have {sum(map(len, names))}"
        )
    named: dict[str, str] = {}
    for name in names:
        other = named.setdefault(metric_name(name), name)
        if other != name:
            raise ValueError(f"labels must differ in letters or digits, but {path} has {other!r} and {name!r}")


def _classes(table: pd.DataFrame, path: Path) -> tuple[tuple[str, ...], list[np.ndarray]]:
    """The classes' names in alphabetical order, and the class of each image."""
    absent = table["label"].str.lower().isin(["", *NOTHING])
    if absent.any():
        at, where = first(table, absent, path)
        value = f"{table['label'].iloc[at]!r}" if table["label"].iloc[at] else "none"
        raise ValueError(f"every image must have a label, but {table['image'].iloc[at]} has {value} in {where}")
    names = sorted(set(table["label"]))
    named: dict[str, str] = {}
    for name in table["label"].unique():
        other = named.setdefault(plain(name), name)
        if other != name:
            where = first(table, table["label"] == name, path)[1]
            raise ValueError(f"a class must have one spelling, but {where} has {name!r} where another has {other!r}")
    if not 2 <= len(names) <= MAX_LABELS:
        raise ValueError(f"there must be 2 to {MAX_LABELS} classes, but {path} has {len(names)}")
    return tuple(names), class_labels(table["label"].map({name: number for number, name in enumerate(names)}))


def _labels(table: pd.DataFrame, names: list[str], path: Path) -> list[np.ndarray]:
    if not 1 <= len(names) <= MAX_LABELS or "label" in names:
        raise ValueError(
            f"{path} must have either one column called label or one column per label, "
            f"but has {', '.join(names) or 'none'}"
        )
    return label_codes(table, names, path, "image")


def _channels(root: Path, paths: pd.Series) -> int:
    """1 where the first images that are there are all grey, else 3; what is damaged is named when the store is made."""
    modes = []
    for path in paths[:NUM_LOOKED_AT]:
        try:
            file = located(root, path)
        except UnreadableImageError:  # not there, since the patient has withdrawn, say: it tells nothing
            continue
        try:
            with Image.open(file, formats=FORMATS) as image:
                modes.append(image.mode)
        except Exception:  # whatever is wrong with the file
            modes.append("L" if path.lower().endswith((".dcm", ".dicom")) else "RGB")
    return 1 if modes and all(mode in GREY_MODES for mode in modes) else 3
