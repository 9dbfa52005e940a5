"""Predictions made by hand for a hospital in which one group is missed more often than the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.reading.predictions import Predictions

PLAIN, TAUGHT = "transfer/none/densenet40/all", "attention/mimic-cxr/densenet40/all"
TEACHER = "itself/mimic-cxr/none/none"
SIGNS = {"Edema": -1, "Effusion": -1, "No_Finding": 1}  # of a bias: findings are scored too low
LABELS = tuple(SIGNS)


def predicted(
    split: str, bias: float = 0.0, repeat: int = 0, labels: Sequence[str] = LABELS, num_patients: int = 300
) -> Predictions:
    """A student on two images of each patient.

    Args:
        split: "test" or "validation": other patients.
        bias: by how much the scores of findings are too low, and those of no finding too high, in women under 40.
        repeat: its own noise; the images' noise is that of all repeats.
        labels: some of `LABELS`.
        num_patients: of the split.
    """
    rng = np.random.default_rng({"test": 1, "validation": 2}[split])
    index = np.repeat(np.arange(num_patients), 2)
    sex, age = rng.choice(["F", "M"], num_patients)[index], rng.choice([30.0, 50.0, 70.0], num_patients)[index]
    edema, effusion = rng.random(len(index)) < 0.4, rng.random(len(index)) < 0.3
    truth = {"Edema": edema, "Effusion": effusion, "No_Finding": ~(edema | effusion)}
    own, young = np.random.default_rng(100 + repeat), (sex == "F") & (age < 40)
    score = {
        name: 2.0 * positive
        + rng.normal(size=len(index))
        + 0.3 * own.normal(size=len(index))
        + bias * young * SIGNS[name]
        for name, positive in truth.items()
    }
    view = rng.choice(["AP", "PA"], len(index))
    images = pd.DataFrame({"image": [f"{split}{number}" for number in range(len(index))]})
    images = images.assign(patient=[f"{split}-p{number}" for number in index], view=view, sex=sex, age_years=age)
    return Predictions(
        label_names=tuple(labels),
        probabilities_NL=np.column_stack([1 / (1 + np.exp(1 - score[name])) for name in labels]).astype(np.float32),
        positive_NL=np.column_stack([truth[name] for name in labels]),
        known_NL=np.ones((len(index), len(labels)), dtype=bool),
        averaged_L=np.ones(len(labels), dtype=bool),
        is_multiclass=False,
        images=images,
    )


def repeats(
    bias: float = 0.0, num: int = 3, seed: int = 0, labels: Sequence[str] = LABELS
) -> tuple[list[Predictions], list[Predictions]]:
    """The test images and the validation images of several repeats."""
    tested, validated = (
        [predicted(split, bias, seed + number, labels) for number in range(num)] for split in ("test", "validation")
    )
    return tested, validated
