"""The paper's numbers, as CSV files and as frames.

Tables I to V show them beside ours, under the platform's own names for data sets, cells and depths. `README.md`
in this folder names their source. No number of ours is kept here.
Beside them lie the items of two reporting checklists.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

from trainables.data.catalogue import DATASETS, title

FOLDER = Path(__file__).parent
UNFREEZE = {"7.0m": "all", "2.7m": "last34", "1.4m": "all"}  # the paper names a depth by its number of parameters
CELL = ["method", "teacher", "student", "unfreeze"]


def datasets() -> pd.DataFrame:
    """Table I, from the data sets' records: a row per data set (dataset, labels, labeling, views, images, patients)."""
    rows = [
        (record.title, len(record.label_names), paper.labeling, paper.views, paper.num_images, paper.num_patients)
        for record in DATASETS.values()
        if (paper := record.published)
    ]
    return pd.DataFrame(rows, columns=["dataset", "labels", "labeling", "views", "images", "patients"])


def splits() -> pd.DataFrame:
    """Table II, from the data sets' records: images per split (dataset, train, validation, test)."""
    rows = [
        (row, num_train, paper.split_counts["validation"], paper.split_counts["test"])
        for record in DATASETS.values()
        if (paper := record.published)
        for row, num_train in paper.training_sets.items()
    ]
    return pd.DataFrame(rows, columns=["dataset", "train", "validation", "test"])


@cache
def betas() -> pd.DataFrame:
    """Table III: the best beta (dataset, student, teacher, beta)."""
    return _read("table_3_beta.csv")


@cache
def results() -> pd.DataFrame:
    """Tables IV and V: one row per number (table, dataset, metric, CELL's columns, mean, half_width), in percent."""
    frame = _read("tables_4_5_results.csv").rename(columns={"ci95": "half_width"})
    return frame.assign(unfreeze=frame["trainable"].map(UNFREEZE))


@cache
def checklist(name: str) -> pd.DataFrame:
    """The items of a reporting checklist, ``tripod_ai_2024`` or ``claim_2024``: item, section, topic, key (text)."""
    return pd.read_csv(FOLDER / f"{name}.csv", dtype=str, keep_default_na=False)


def cells() -> pd.DataFrame:
    """The seven columns of Tables IV and V from left to right: CELL's columns and `trainable`."""
    return results()[[*CELL, "trainable"]].drop_duplicates().reset_index(drop=True)


def rows_of(dataset: str) -> dict[str, float]:
    """The paper's rows for one of our data sets, as name -> fraction of the training images.

    CheXpert has three (5k, 50k and all), the other data sets one each, and a data set that is not in the paper none.
    """
    return DATASETS[dataset].fractions if dataset in DATASETS else {}


def row_name(dataset: str, data_fraction: float, uncertainty: str = "zeros") -> str:
    """What a table calls `data_fraction` of `dataset`: the paper's name where the fraction is the paper's within 5%.

    A policy on uncertain labels that differs from the paper's makes a row of its own.
    """
    policy = "" if uncertainty == "zeros" else f", U-{uncertainty}"
    for name, fraction in rows_of(dataset).items():
        if abs(data_fraction / fraction - 1) < 0.05:
            return name + policy
    return title(dataset) + ("" if data_fraction == 1 else f" @{data_fraction:g}") + policy


def _read(name: str) -> pd.DataFrame:
    return pd.read_csv(FOLDER / name, keep_default_na=False)
