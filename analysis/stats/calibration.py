"""Whether probabilities are calibrated: reliability, and the expected calibration error."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

NUM_BINS = 10


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
