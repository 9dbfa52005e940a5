"""The sizes of our trainings, shown beside the paper's numbers: training images, their width in pixels, and epochs."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from analysis import published
from analysis.reading.facts import from_sweeps
from analysis.reading.trials import Runs

COLUMNS = ["num_train", "image_size_px", "max_epochs"]


def sizes(runs: Runs) -> pd.DataFrame:
    """One row per cell of the confirming repeats, with the cell as index: COLUMNS.

    The number of training images is the sweep's own (its tag ``table_2``), which other splits than the prepared one
    share. For a fraction that the tag does not count, it is that fraction of all images, rounded; NaN where no sweep
    has the tag. In a cross-validation, where the tag counts the first fold's images, it is the mean of the folds.
    """
    first = runs.confirm.drop_duplicates("tags.cell").set_index("tags.cell")
    rows = {name: row for source in from_sweeps([runs], "table_2") for name, row in source.facts.items()}
    counts = {name: _of_a_fold(row, runs.design.num_folds) for name, row in rows.items()}
    fractions = first["params.data_fraction"].astype(float)
    numbers = first[["params.image_size_px", "params.max_epochs"]].astype(float)
    frame = numbers.set_axis(COLUMNS[1:], axis=1)
    return frame.assign(num_train=[_num_train(runs.dataset, fraction, counts) for fraction in fractions])[COLUMNS]


def _of_a_fold(row: dict[str, int], num_folds: int) -> int:
    """The training images: those counted, or the mean of the folds, which all divide the rest in one proportion."""
    if not num_folds:
        return row["train"]
    seen = row["train"] + row["validation"]
    return round(row["train"] / seen * (seen + row["test"]) * (1 - 1 / num_folds))


def _num_train(dataset: str, fraction: float, counts: dict[str, int]) -> float:
    for name, papers in published.rows_of(dataset).items():
        if name in counts and math.isclose(fraction, papers, rel_tol=1e-4):
            return float(counts[name])
    return float(round(fraction * max(counts.values()))) if counts else np.nan


def words(dataset: str, num_train: float, image_size_px: float, max_epochs: float) -> str:
    """``160 of 3,589 training images, 64 px, 2 epochs``, beside the paper's number for its row `dataset`.

    Without "of" where the paper has no such row.
    """
    paper = published.splits().set_index("dataset")["train"].get(dataset.partition(", U-")[0])
    images = "an unknown number" if pd.isna(num_train) else f"{num_train:,.0f}"
    of_paper = "" if paper is None else f" of {paper:,.0f}"
    epochs = f"{max_epochs:g} epoch" + ("" if max_epochs == 1 else "s")
    return f"{images}{of_paper} training images, {image_size_px:g} px, {epochs}"
