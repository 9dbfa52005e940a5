"""Bootstrap over test patients and over seeds, two sources of variance kept apart.

Patients are drawn, each with all of their images. A draw is a row of weights (how often each image is in it)
that all cells and seeds share: differences between cells are paired by construction, and a score is sorted only once.

Shapes: B draws, N images, S seeds (repeats), L labels or classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Percentiles:
    """A percentile interval; `num_undefined` draws had no value (one class only) and are left out of it."""

    low: float
    high: float
    p_value: float  # two-sided, of the value 0
    num_undefined: int


def patient_weights(patient_N: NDArray[np.object_], num_draws: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """How often each image is in each draw, [B, N]: as many patients as there are, drawn with replacement.

    Patients are numbered by the row in which each comes first, so that their hashes have no influence.

    Raises:
        ValueError: there is no image, or `num_draws` is less than 1.
    """
    if len(patient_N) == 0 or num_draws < 1:
        raise ValueError(f"a bootstrap needs images and draws, but got {len(patient_N)} images, num_draws={num_draws}")
    index_N, patients = pd.factorize(np.asarray(patient_N, dtype=object))
    counts_BP = rng.multinomial(len(patients), np.full(len(patients), 1 / len(patients)), size=num_draws)
    return counts_BP.T.astype(np.float32)[index_N].T


def auc_draws(score_N: Floats, positive_N: Booleans, weights_BN: NDArray[np.float32]) -> NDArray[np.float64]:
    """The area under the ROC curve in each draw, [B]; a tie counts one half; NaN where a draw has one class only."""
    order_N = np.argsort(score_N, kind="stable")
    sorted_N, is_positive_N = np.asarray(score_N)[order_N], np.asarray(positive_N, dtype=bool)[order_N]
    # By image first: whole rows are copied and added, several times faster. Sums of counts are exact in float32.
    weights_NB = weights_BN.T[order_N]
    negatives_NB = np.where(is_positive_N[:, None], np.float32(0), weights_NB).cumsum(axis=0, dtype=np.float32)
    negatives_NB = np.concatenate([np.zeros_like(negatives_NB[:1]), negatives_NB])
    positives_PB = weights_NB[is_positive_N].astype(np.float64)
    first_P = np.searchsorted(sorted_N, sorted_N[is_positive_N], side="left")
    after_P = np.searchsorted(sorted_N, sorted_N[is_positive_N], side="right")
    below_PB = (negatives_NB[first_P].astype(np.float64) + negatives_NB[after_P]) / 2
    pairs_B = positives_PB.sum(axis=0) * negatives_NB[-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(pairs_B > 0, (positives_PB * below_PB).sum(axis=0) / pairs_B, np.nan))


def over_seeds(draws_SB: Floats, rng: np.random.Generator) -> NDArray[np.float64]:
    """The hierarchical bootstrap, [B]: in each draw of patients, the mean over as many seeds, drawn with replacement.

    With few seeds the spread that this adds is too small, by the factor sqrt((S - 1) / S): read it with the t-interval.
    """
    num_seeds, num_draws = draws_SB.shape
    seed_SB = rng.integers(num_seeds, size=(num_seeds, num_draws))
    return np.asarray(np.take_along_axis(draws_SB, seed_SB, axis=0).mean(axis=0))


def percentiles(draws_B: Floats, level: float = 0.95) -> Percentiles:
    """The percentile interval of the draws, and the p-value of the value 0, which is at least 1 / (B + 1) on each side.

    Raises:
        ValueError: no draw has a value, or 0 < level < 1 does not hold.
    """
    if not 0 < level < 1:
        raise ValueError(f"0 < level < 1 must hold, but got level={level}")
    defined = np.asarray(draws_B)[np.isfinite(draws_B)]
    if not len(defined):
        raise ValueError(f"one draw or more must have a value, but all {len(draws_B)} are undefined")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    side = min((defined <= 0).sum(), (defined >= 0).sum())
    p_value = min(1.0, 2 * (int(side) + 1) / (len(defined) + 1))
    num_undefined = len(draws_B) - len(defined)
    return Percentiles(low=float(low), high=float(high), p_value=p_value, num_undefined=num_undefined)
