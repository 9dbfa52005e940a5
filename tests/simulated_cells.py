"""Cells with simulated predictions, for tests of the differences between them."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from analysis.reading.predictions import Predictions
from analysis.scores.cell_repeats import CellRepeats
from trainables.data.store import salted_hashes

SPREAD = 0.2  # of a repeat's own noise, beside the images' noise of 1


def confirm(
    scores: Sequence[float] = (), averaged: Sequence[str] = ("A",), metric: str = "auc", split: str = "s"
) -> pd.DataFrame:
    tags = {
        "tags.data_fingerprint": "d",
        "tags.split_fingerprint": split,
        "tags.cell": "transfer/none/densenet40/all",
        "tags.averaged_labels": json.dumps(list(averaged)),
        "tags.average_rule": "frequent",
        "tags.average_min_positives": "10",
        "tags.average_is_reliable": "true",
    }
    return pd.DataFrame({"metrics.test_auc": list(scores) or [np.nan]}).assign(**tags)


def cell(
    strength: float, *, images: int = 0, seed: int = 0, num_repeats: int = 3, size: int = 200, salt: bytes = b""
) -> CellRepeats:
    """A cell on the test set number `images`, whose truth and noise all cells tested on it share."""
    generator = np.random.default_rng(images)
    truth, shared = generator.random(size) < 0.3, generator.normal(size=size)
    names = pd.DataFrame({"image": [f"{images} i{i}" for i in range(size)]})
    names["patient"] = [f"{images} p{i // 2}" for i in range(size)]
    names = names.apply(lambda of: salted_hashes(list(of), salt))
    repeats = []
    for repeat in range(num_repeats):
        own = np.random.default_rng([seed, repeat, images]).normal(size=size)
        score = stats.norm.cdf(strength * truth + shared + SPREAD * own)
        repeats.append(
            Predictions(
                label_names=("A",),
                probabilities_NL=score.astype(np.float32)[:, None],
                positive_NL=truth[:, None],
                known_NL=np.ones((size, 1), dtype=bool),
                averaged_L=np.ones(1, dtype=bool),
                is_multiclass=False,
                images=names.assign(view="", sex="", age_years=np.nan),
            )
        )
    return CellRepeats(confirm=confirm(), repeats=repeats)
