"""What students answer to the images that radiologists read, and what single readers made of them.

The answers are what `platform.evaluate external` leaves with each confirming repeat: ``external/TARGET.parquet``, in
the form of ``predictions.parquet`` with the word ``external`` in the column ``split``. The readers' labels lie beside
the prepared images of the target (`trainables.data.votes`).

Shapes: N images, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.reading import artifacts, predictions
from analysis.reading.predictions import POSITIVE, UNCERTAIN, Predictions
from analysis.reading.trials import Runs
from trainables.data.catalogue import DATASETS, synonyms
from trainables.data.readers import chexpert_radiologists
from trainables.data.votes import kept_votes
from trainables.metrics import metric_name

TARGET = chexpert_radiologists.DATASET.name
FILE = f"external/{TARGET}.parquet"
SPLIT = "external"


@dataclass(frozen=True, kw_only=True)
class Read:
    """A cell's repeats on three sets of images, in the same order."""

    here: list[Predictions]  # the sweep's own test images
    there: list[Predictions]  # the images that radiologists read, labelled by their majority
    validated: list[Predictions]  # the repeats' validation images


def of_cells(runs: Runs) -> dict[str, Read]:
    """The cells with repeats that have answered to the radiologists' images; {} where none has.

    Raises:
        ValueError: a file of predictions is not in its form.
    """
    cells = {}
    for cell, confirming in runs.confirm.groupby("tags.cell", sort=False):
        sides = [of_run for _, run in confirming.iterrows() if (of_run := _of_run(runs.tracking_uri, run)) is not None]
        if sides:
            here, there, validated = (list(side) for side in zip(*sides, strict=True))
            cells[str(cell)] = Read(here=here, there=there, validated=validated)
    return cells


def _of_run(uri: str, run: pd.Series) -> tuple[Predictions, Predictions, Predictions] | None:
    path = artifacts.of_run(uri, run, FILE)
    here = predictions.load(uri, run) if path is not None else None
    validated = predictions.load(uri, run, predictions.VALIDATION) if here is not None else None
    if path is None or here is None or validated is None:
        return None
    there = predictions.from_frame(pd.read_parquet(path), str(run["params.uncertainty"]), split=SPLIT)
    return _with_labels(here, there.label_names), there, _with_labels(validated, there.label_names)


def _with_labels(repeat: Predictions, names: Sequence[str]) -> Predictions:
    """The same predictions for these labels alone, in this order."""
    columns = [repeat.label_names.index(name) for name in names]
    return replace(
        repeat,
        label_names=tuple(names),
        probabilities_NL=repeat.probabilities_NL[:, columns],
        positive_NL=repeat.positive_NL[:, columns],
        known_NL=repeat.known_NL[:, columns],
        averaged_L=repeat.averaged_L[columns],
    )


def votes(results: Path | None, there: Predictions) -> pd.DataFrame | None:
    """What single readers made of these images: image, study, reader, role, and ``label_NAME`` (codes), which has the
    name of the students' label; None where no reading is at hand. A label that the readers do not have is left out.
    """
    kept = kept_votes(results, TARGET, there.images["image"]) if results else None
    if kept is None:
        return None
    columns = {}
    for name in there.label_names:
        spelled = [name, *(metric_name(other) for plain in _plain(name) for other in synonyms(plain))]
        known = [f"label_{each}" for each in spelled if f"label_{each}" in kept]
        if known:
            columns[f"label_{name}"] = kept[known[0]]
    return kept[["image", "study", "reader", "role"]].assign(**columns)


def _plain(name: str) -> list[str]:
    """The labels of all data sets that are written like this in metrics and predictions."""
    labels = (label for record in DATASETS.values() for label in record.label_names)
    return list(dict.fromkeys(label for label in labels if metric_name(label) == name))


def labelled_by(there: Predictions, votes: pd.DataFrame, reader: str, uncertainty: str) -> Predictions:
    """The same predictions with the labels of one reader in the place of the majority's.

    Images that the reader has not labelled count for no label, nor do uncertain ones under the policy "ignore".
    """
    of_reader = votes[votes["reader"] == reader].drop_duplicates("image").set_index("image")
    is_read_N = there.images["image"].isin(of_reader.index).to_numpy()
    positive_NL, known_NL = np.zeros_like(there.positive_NL), np.zeros_like(there.known_NL)
    for column, name in enumerate(there.label_names):
        if f"label_{name}" in of_reader:
            codes_N = of_reader[f"label_{name}"].reindex(there.images["image"]).fillna(0).to_numpy()
            positive_NL[:, column] = np.isin(codes_N, [POSITIVE, UNCERTAIN] if uncertainty == "ones" else [POSITIVE])
            known_NL[:, column] = is_read_N & ((codes_N != UNCERTAIN) | (uncertainty != "ignore"))
    return replace(there, positive_NL=positive_NL & known_NL, known_NL=known_NL)
