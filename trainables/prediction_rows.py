"""What a student answers to the images of a split, as rows of a file: `predictions.parquet`.

Shapes: N images of the split, L labels or classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainables.data.store import Store
from trainables.metrics import metric_name

PREDICTIONS_FILE = "predictions.parquet"


def predictions(store: Store, split: str, probabilities_NL: NDArray[np.float32]) -> pa.Table:
    """One row per image of a split, in the store's order; images and patients by their salted hashes.

    Columns: ``split``, ``image``, ``patient``, ``view``, ``sex``, ``age_years``; ``grade`` of a multiclass set; and of
    each label ``label_NAME`` (1, 0, or -1 for uncertain) and ``probability_NAME``.
    """
    return prediction_rows(store, store.rows(split), split, probabilities_NL)


def prediction_rows(
    store: Store, rows: NDArray[np.int64], split: str, probabilities_NL: NDArray[np.float32]
) -> pa.Table:
    """As `predictions`, of any images of the store; `split` is the word that stands in the column of that name."""
    columns: dict[str, Any] = {
        "split": np.full(len(rows), split),
        "image": store.image_id[rows],
        "patient": store.patient[rows],
        "view": store.view[rows],
        "sex": store.sex[rows],
        "age_years": store.age_years[rows],
    }
    if store.task == "multiclass":
        columns["grade"] = store.labels[rows, 0]
    for column, name in enumerate(store.label_names):
        labels = store.labels[rows, 0] == column if store.task == "multiclass" else store.labels[rows, column]
        columns[f"label_{metric_name(name)}"] = labels.astype("int8")
        columns[f"probability_{metric_name(name)}"] = probabilities_NL[:, column]
    return pa.table(columns)
