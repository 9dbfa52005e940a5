"""Grades: which are taken for which, and how well students agree with the graders.

The answer is the grade with the highest probability; no threshold is chosen.

Shapes: C grades, S repeats.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.reading.predictions import Predictions, in_parts, in_rounds
from analysis.reading.repeats import is_fold
from analysis.scores.drawn_intervals import estimate, is_untrained
from analysis.stats.decisions import Counts, accuracy, confusion_draws, f1_weighted, kappa

AGREEMENT = {"kappa": (kappa, -1.0), "accuracy": (accuracy, 0.0), "f1_weighted": (f1_weighted, 0.0)}  # and lowest value


def confusion_rows(cell: str, tested: Sequence[Predictions]) -> pd.DataFrame:
    """One row per true grade and answer: cell, true, predicted, num_images, share (of the images of the true grade).

    `num_images` is the mean over repeats, of folds over rounds in which every patient is tested once.

    Args:
        cell: its name.
        tested: the repeats' test images, with all their grades.
    """
    rounds = in_rounds(tested) if is_fold(tested[0].test_part) else [[repeat] for repeat in tested]
    mean_CC = np.mean([np.sum([_confusion(repeat)[0] for repeat in each], axis=0) for each in rounds], axis=0)
    totals_C = mean_CC.sum(axis=1)
    names = tested[0].label_names
    rows = [
        {
            "cell": cell,
            "true": names[true],
            "predicted": names[answer],
            "num_images": float(mean_CC[true, answer]),
            "share": float(mean_CC[true, answer] / totals_C[true]) if totals_C[true] else np.nan,
        }
        for true in range(len(names))
        for answer in range(len(names))
    ]
    return pd.DataFrame(rows)


def agreement_rows(cell: str, tested: Sequence[Predictions], weights_BN: NDArray[np.float32] | None) -> pd.DataFrame:
    """One row: cell, n, num_images, and kappa (Cohen's, quadratic weights), accuracy and f1_weighted with ``_low`` and
    ``_high``. Fractions.

    Args:
        cell: its name.
        tested: the repeats' test images, with all their grades.
        weights_BN: of `analysis.scores.drawn_intervals.shared_weights`.
    """
    points = [_confusion(repeat) for repeat in tested]
    draws = points if weights_BN is None else [_confusion(repeat, weights_BN) for repeat in tested]
    sizes = [len(of_part[0].images) for of_part in in_parts(tested).values()]
    total = sum(sizes) if is_fold(tested[0].test_part) else round(sum(sizes) / len(sizes))
    row: dict[str, object] = {"cell": cell, "n": len(tested), "num_images": total}
    for name, (of, lowest) in AGREEMENT.items():
        points_S, draws_SB = (np.stack([of(counts) for counts in each]) for each in (points, draws))
        untrained = is_untrained(cell)
        within = (lowest, 1.0)
        row |= estimate(points_S[:, 0], draws_SB, tested, is_untrained=untrained, within=within).columns(name)
    return pd.DataFrame([row])


def _confusion(repeat: Predictions, weights_BN: NDArray[np.float32] | None = None) -> Counts:
    weights = np.ones((1, len(repeat.images)), dtype=np.float32) if weights_BN is None else weights_BN
    true_N, predicted_N = repeat.positive_NL.argmax(axis=1), repeat.probabilities_NL.argmax(axis=1)
    return confusion_draws(true_N, predicted_N, len(repeat.label_names), weights)
