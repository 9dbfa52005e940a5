"""Whether probabilities are calibrated: reliability, the expected calibration error, and the two numbers of a weak
calibration (B. Van Calster et al., BMC Medicine 17, 2019): calibration in the large, and the calibration slope.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special

NUM_BINS = 10
SMALLEST = 1e-6  # a probability is taken to be this far from 0 and 1, or more, so that it has a logit


def reliability(
    probability_N: NDArray[np.floating], positive_N: NDArray[np.bool_], num_bins: int = NUM_BINS
) -> pd.DataFrame:
    """One row per bin of equal width that holds an image: bin, confidence (mean probability), frequency, num_images.

    Raises:
        ValueError: a probability is outside [0, 1], or `num_bins` is less than 1.
    """
    probability = np.asarray(probability_N, dtype=np.float64)
    wrong = probability[~((probability >= 0) & (probability <= 1))]
    if len(wrong):
        raise ValueError(f"0 <= probability <= 1 must hold, but got {wrong[0]}")
    if num_bins < 1:
        raise ValueError(f"num_bins >= 1 must hold, but got num_bins={num_bins}")
    bins = np.minimum((probability * num_bins).astype(int), num_bins - 1)
    frame = pd.DataFrame({"bin": bins, "confidence": probability, "frequency": np.asarray(positive_N, dtype=float)})
    grouped = frame.groupby("bin")
    return grouped.mean().assign(num_images=grouped.size()).reset_index()


def expected_calibration_error(bins: pd.DataFrame) -> float:
    """The mean distance between confidence and frequency over the bins of `reliability`, weighted by their images."""
    gaps = (bins["confidence"] - bins["frequency"]).abs()
    return float((gaps * bins["num_images"]).sum() / bins["num_images"].sum())


def calibration_in_the_large(probability_N: NDArray[np.floating], positive_N: NDArray[np.bool_]) -> float:
    """The mean probability less the share of positives: above 0, too many positives are expected.

    >>> round(calibration_in_the_large(np.array([0.2, 0.4]), np.array([False, True])), 3)
    -0.2
    """
    return float(np.asarray(probability_N, dtype=np.float64).mean() - np.asarray(positive_N, dtype=bool).mean())


def calibration_slope(probability_N: NDArray[np.floating], positive_N: NDArray[np.bool_]) -> float:
    """The slope b of the logistic regression logit P(positive) = a + b logit(probability), fitted with SciPy.

    1 is calibrated; below 1, the probabilities are too extreme. NaN where it is not defined: all images of one class or
    with one probability, or the classes separated without an overlap, where b grows without end.
    """
    probability = np.clip(np.asarray(probability_N, dtype=np.float64), SMALLEST, 1 - SMALLEST)
    positive = np.asarray(positive_N, dtype=bool)
    logit_N = special.logit(probability)
    if positive.all() or not positive.any() or np.ptp(logit_N) == 0 or _are_apart(logit_N, positive):
        return float("nan")
    sign_N = np.where(positive, 1.0, -1.0)
    scale = logit_N.std()
    planes_N2 = np.stack([np.ones_like(logit_N), (logit_N - logit_N.mean()) / scale], axis=1) * sign_N[:, None]

    def loss(weights_2: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin_N = planes_N2 @ weights_2
        return -special.log_expit(margin_N).mean(), -(special.expit(-margin_N)[:, None] * planes_N2).mean(axis=0)

    fitted = optimize.minimize(loss, np.zeros(2), jac=True, method="BFGS", options={"gtol": 1e-9})
    return float(fitted.x[1] / scale)


def _are_apart(score_N: NDArray[np.float64], positive_N: NDArray[np.bool_]) -> bool:
    """Whether a threshold separates the classes without an error, whichever of them is above it."""
    above, below = score_N[positive_N], score_N[~positive_N]
    return bool(above.min() >= below.max() or above.max() <= below.min())
