"""Predictions of a student that never was, for tests of the chapters: labels or grades, drawn from a seed.

Shapes: N images, L labels, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.reading.predictions import Predictions

GRADES = ("No_DR", "Mild", "Moderate", "Severe", "Proliferative_DR")


def made(
    probabilities_NL: NDArray[np.floating],
    positive_NL: NDArray[np.bool_],
    label_names: Sequence[str],
    *,
    is_multiclass: bool = False,
    known_NL: NDArray[np.bool_] | None = None,
    prefix: str = "i",
) -> Predictions:
    """Predictions of these numbers, all labels averaged; every two images in a row are one patient's."""
    num_images, num_labels = probabilities_NL.shape
    images = pd.DataFrame({"image": [f"{prefix}{n}" for n in range(num_images)]})
    images = images.assign(patient=[f"{prefix}{n // 2}" for n in range(num_images)], view="PA", sex="F")
    return Predictions(
        label_names=tuple(label_names),
        probabilities_NL=probabilities_NL.astype(np.float32),
        positive_NL=positive_NL,
        known_NL=np.ones_like(positive_NL) if known_NL is None else known_NL,
        averaged_L=np.ones(num_labels, dtype=bool),
        is_multiclass=is_multiclass,
        images=images.assign(age_years=np.nan),
    )


def of_labels(
    seed: int,
    size: int = 120,
    names: Sequence[str] = ("Edema", "Mass"),
    *,
    images_seed: int = 99,
    unknown: float = 0.0,
    prefix: str = "i",
) -> Predictions:
    """Labels of which a third is positive. The images are those of `images_seed`, and the student is that of `seed`."""
    truth = np.random.default_rng(images_seed)
    positive_NL = truth.random((size, len(names))) < 1 / 3
    known_NL = truth.random((size, len(names))) >= unknown
    noise_NL = np.random.default_rng(seed).normal(size=(size, len(names)))
    score_NL = 1 / (1 + np.exp(-(1.6 * positive_NL - 0.8 + noise_NL)))
    return made(score_NL, positive_NL, names, known_NL=known_NL, prefix=prefix)


def of_grades(seed: int, size: int = 150, *, images_seed: int = 99, prefix: str = "i") -> Predictions:
    """Five grades, equally often, of which neighbours are mixed up most."""
    grade_N = np.random.default_rng(images_seed).permutation(np.arange(size) % len(GRADES))
    noise_N = np.random.default_rng(seed).normal(size=size)
    distance_NC = np.abs(np.arange(len(GRADES)) - (grade_N + noise_N)[:, None])
    shares_NC = np.exp(-1.5 * distance_NC)
    shares_NC /= shares_NC.sum(axis=1, keepdims=True)
    positive_NC = np.eye(len(GRADES), dtype=bool)[grade_N]
    return made(shares_NC, positive_NC, GRADES, is_multiclass=True, prefix=prefix)
