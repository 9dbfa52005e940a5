"""The predictions of networks with averaged weights, which `platform.evaluate weight-average` leaves in MLflow."""

from __future__ import annotations

import pandas as pd

from analysis.reading import predictions
from analysis.reading.predictions import Predictions
from analysis.reading.trials import Runs

FILE = "weight_average.parquet"  # among the files of a cell's first repeat; as `predictions.parquet`
NUM_MEMBERS = "weight_average_of"  # a tag of that repeat: how many repeats were averaged
OPENED = "weight_averages"  # a tag of a sweep: the cells whose averaged weights have opened the test set


def members_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The repeats of a cell in the order of their seeds: the first keeps what was made of all."""
    return rows.sort_values("params.seed", key=lambda seeds: seeds.astype(int), kind="stable")


def num_averaged(rows: pd.DataFrame) -> int:
    """Of how many of a cell's repeats the averaged weights are; 0 where there are none."""
    tag = members_of(rows).iloc[0].get(f"tags.{NUM_MEMBERS}")
    return int(str(tag)) if tag is not None and pd.notna(tag) else 0


def load(runs: Runs) -> tuple[dict[str, Predictions], list[str]]:
    """The answers to the test images by cell, and what to know of them: which cells opened the test set once more, and
    which have got further repeats since and are not shown."""
    loaded, outgrown = {}, []
    for cell, rows in runs.trained.groupby("tags.cell", sort=False):
        number = num_averaged(rows)
        if number and number != len(rows):
            outgrown.append(f"{cell} ({number} of its {len(rows)} repeats)")
        elif number and (found := predictions.load(runs.tracking_uri, members_of(rows).iloc[0], file=FILE)):
            loaded[str(cell)] = found
    return loaded, [*openings(runs.sweeps), *_outgrown(outgrown, runs.dataset)]


def openings(sweeps: pd.DataFrame) -> list[str]:
    """For which cells these sweeps opened the test set once more, in a sentence; [] where for none."""
    tags = sweeps.reindex(columns=[f"tags.{OPENED}"]).squeeze(axis=1).dropna()
    cells = sorted({cell for tag in tags for cell in str(tag).split(", ") if cell})
    if not cells:
        return []
    return [f"The test set was opened once more for the averaged weights of {', '.join(cells)}; it chose nothing."]


def _outgrown(cells: list[str], dataset: str) -> list[str]:
    if not cells:
        return []
    return [
        f"Averaged weights are not shown of {', '.join(cells)}: the cell has grown since. Average them anew with "
        f"python -m platform.evaluate weight-average --dataset {dataset}."
    ]
