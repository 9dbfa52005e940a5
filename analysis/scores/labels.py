"""The predictions label by label: AUC, AUPRC, calibration, and which labels the sweep averages.

Shapes: N test images, L labels or classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from analysis.reading.predictions import Predictions, in_parts, in_rounds
from analysis.reading.repeats import is_fold
from analysis.stats.calibration import expected_calibration_error, reliability
from analysis.stats.intervals import shown_half_width
from analysis.stats.resampled import by_part, mean_over
from trainables.data.averaging import MIN_POSITIVES
from trainables.metrics import label_auc


def has_enough(predictions: Predictions, subset_N: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which labels have MIN_POSITIVES positives and as many negatives among the images of a subset, [L]."""
    return np.asarray(counts_of(predictions, subset_N).min(axis=0) >= MIN_POSITIVES)


def counts_of(predictions: Predictions, subset_N: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many positives and how many negatives each label has among the images of a subset, [2, L]."""
    known_NL = predictions.known_NL & subset_N[:, None]
    positives_L = (predictions.positive_NL & known_NL).sum(axis=0)
    return np.stack([positives_L, known_NL.sum(axis=0) - positives_L])


def label_rows(cell: str, repeats: Sequence[Predictions]) -> pd.DataFrame:
    """One row per label: cell, label, num_positives, num_images, is_averaged, and over the n repeats the mean of auc
    (with half_width, Student's t), auprc and ece (the expected calibration error of the probability). Fractions.

    An AUC of one class is not defined: NaN in the frame, with n = 0.

    Where repeats are tested on different parts, half_width is the corrected resampled t's, and n counts parts. Counts
    are those of all folds together, or the mean of the splits, rounded. AUC and AUPRC are taken within a part, since
    the probabilities of two students have no common order (G. Forman and M. Scholz, SIGKDD Explorations 12, 2010); an
    ECE needs no order, and is that of all folds together, because a fold's few images would fill its bins with noise.
    """
    parts = in_parts(repeats)
    is_folded = is_fold(repeats[0].test_part)
    pooled = in_rounds(repeats) if is_folded else [[repeat] for repeat in repeats]
    rows = []
    for column, label in enumerate(repeats[0].label_names):
        counts = [_known(of_part[0], column)[1] for of_part in parts.values()]
        scored = [(repeat.test_part, *_known(repeat, column)) for repeat in repeats]
        areas = [
            (part, score, positive_N) for part, score, positive_N in scored if 0 < positive_N.sum() < len(positive_N)
        ]
        names = [part for part, *_ in areas]
        interval = mean_over(
            [label_auc(score, positive_N) or 0.0 for _, score, positive_N in areas], names, repeats[0].test_to_train
        )
        share = 1 if is_folded else len(counts)
        auprc = by_part([average_precision_score(positive_N, score) for _, score, positive_N in areas], names)
        rows.append(
            {
                "cell": cell,
                "label": label,
                "num_positives": round(sum(positive_N.sum() for positive_N in counts) / share),
                "num_images": round(sum(map(len, counts)) / share),
                "is_averaged": bool(repeats[0].averaged_L[column]),
                "n": interval.n if interval else 0,
                "auc": interval.mean if interval else np.nan,
                "half_width": shown_half_width(interval, 0, 1) if interval else np.nan,
                "auprc": _mean(auprc.values()) if areas else np.nan,
                "ece": _mean(_ece(together, column) for together in pooled),
            }
        )
    return pd.DataFrame(rows)


def _known(repeat: Predictions, column: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The probabilities of a label, and whether it is positive, where that is known."""
    known_N = repeat.known_NL[:, column]
    return repeat.probabilities_NL[known_N, column], repeat.positive_NL[known_N, column]


def _ece(repeats: Sequence[Predictions], column: int) -> float:
    scores, positives = zip(*(_known(repeat, column) for repeat in repeats), strict=True)
    return expected_calibration_error(reliability(np.concatenate(scores), np.concatenate(positives)))


def reliability_rows(cell: str, repeats: Sequence[Predictions]) -> pd.DataFrame:
    """The reliability diagram of a cell, labels and repeats together: cell, bin, confidence, frequency, num_images.

    Bins take probabilities by their value and not by their order, so that those of several students may be pooled.
    """
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
