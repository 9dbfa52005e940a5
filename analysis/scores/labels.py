"""The predictions label by label: AUC, AUPRC, calibration, and which labels the sweep averages.

Shapes: N test images, L labels or classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from analysis.reading.predictions import Predictions
from analysis.stats.calibration import expected_calibration_error, reliability
from analysis.stats.intervals import shown_half_width, t_interval
from trainables.data.averaging import MIN_POSITIVES
from trainables.metrics import label_auc


def has_enough(predictions: Predictions, subset_N: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which labels have MIN_POSITIVES positives and as many negatives among the images of a subset, [L]."""
    known_NL = predictions.known_NL & subset_N[:, None]
    positives_L = (predictions.positive_NL & known_NL).sum(axis=0)
    return np.asarray(np.minimum(positives_L, known_NL.sum(axis=0) - positives_L) >= MIN_POSITIVES)


def label_rows(cell: str, repeats: Sequence[Predictions]) -> pd.DataFrame:
    """One row per label: cell, label, num_positives, num_images, is_averaged, and over the n repeats the mean of auc
    (with half_width, Student's t), auprc and ece (the expected calibration error of the probability). Fractions.

    An AUC of one class is not defined: NaN in the frame, with n = 0.
    """
    first = repeats[0]
    rows = []
    for column, label in enumerate(first.label_names):
        known_N = first.known_NL[:, column]
        positive_N = first.positive_NL[known_N, column]
        scores = [repeat.probabilities_NL[known_N, column] for repeat in repeats]
        areas = [area for score in scores if (area := label_auc(score, positive_N)) is not None]
        interval = t_interval(areas) if areas else None
        rows.append(
            {
                "cell": cell,
                "label": label,
                "num_positives": int(positive_N.sum()),
                "num_images": len(positive_N),
                "is_averaged": bool(first.averaged_L[column]),
                "n": len(areas),
                "auc": interval.mean if interval else np.nan,
                "half_width": shown_half_width(interval, 0, 1) if interval else np.nan,
                "auprc": _mean(average_precision_score(positive_N, score) for score in scores) if areas else np.nan,
                "ece": _mean(expected_calibration_error(reliability(score, positive_N)) for score in scores),
            }
        )
    return pd.DataFrame(rows)


def reliability_rows(cell: str, repeats: Sequence[Predictions]) -> pd.DataFrame:
    """The reliability diagram of a cell, labels and repeats together: cell, bin, confidence, frequency, num_images."""
    scores = np.concatenate([repeat.probabilities_NL[repeat.known_NL] for repeat in repeats])
    positives = np.concatenate([repeat.positive_NL[repeat.known_NL] for repeat in repeats])
    return reliability(scores, positives).assign(cell=cell)


def macro_auc(predictions: Predictions, averaged_L: NDArray[np.bool_], subset_N: NDArray[np.bool_]) -> float | None:
    """The mean AUC over these labels among the images of a subset; None where one is not defined, or there is none."""
    areas = []
    for column in np.flatnonzero(averaged_L):
        chosen_N = subset_N & predictions.known_NL[:, column]
        area = label_auc(predictions.probabilities_NL[chosen_N, column], predictions.positive_NL[chosen_N, column])
        if area is None:
            return None
        areas.append(area)
    return float(np.mean(areas)) if areas else None


def _mean(values: object) -> float:
    return float(np.mean(list(values)))  # type: ignore[call-overload]
