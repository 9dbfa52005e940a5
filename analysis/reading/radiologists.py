"""What single radiologists made of the images that several of them read.

What students answer to these images is read as that of any other hospital (`analysis.reading.other_hospital`). The
readers' labels lie beside the prepared images of the target (`trainables.data.votes`).

Shapes: N images, L labels.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.reading.predictions import POSITIVE, UNCERTAIN, Predictions
from trainables.data.catalogue import DATASETS, synonyms
from trainables.data.readers import chexpert_radiologists
from trainables.data.votes import kept_votes
from trainables.metrics import metric_name

TARGET = chexpert_radiologists.DATASET.name


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
