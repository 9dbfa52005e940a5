"""Scores of decisions (the class with the highest probability) in every draw of a bootstrap, from confusion matrices.

Weighted F1 and accuracy are scikit-learn's `f1_score(average="weighted", zero_division=0)` and `accuracy_score`; kappa
is Cohen's with quadratic weights (J. Cohen, Psychological Bulletin 70, 1968).

Shapes: B draws, N images, C classes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]  # [B, C, C], true class by predicted class


def confusion_draws(
    true_N: NDArray[np.integer], predicted_N: NDArray[np.integer], num_classes: int, weights_BN: NDArray[np.float32]
) -> Counts:
    """How often each draw has an image of one class that is predicted to be of another, [B, C, C].

    Raises:
        ValueError: a class is outside 0..C-1.
    """
    for classes in (true_N, predicted_N):
        if len(classes) and (classes.min() < 0 or classes.max() >= num_classes):
            raise ValueError(f"0 <= class < {num_classes} must hold, but got {classes.min()} to {classes.max()}")
    pair_N = np.asarray(true_N) * num_classes + np.asarray(predicted_N)
    counts_BP = np.stack([weights_BN[:, pair_N == pair].sum(axis=1) for pair in range(num_classes**2)], axis=1)
    return counts_BP.reshape(-1, num_classes, num_classes).astype(np.float64)


def f1_weighted(confusion_BCC: Counts) -> NDArray[np.float64]:
    """The F1 of each class weighted by its number of images, [B]; 0 for a class neither present nor predicted."""
    hits_BC = np.diagonal(confusion_BCC, axis1=1, axis2=2)
    present_BC, predicted_BC = confusion_BCC.sum(axis=2), confusion_BCC.sum(axis=1)
    f1_BC = _ratio(2 * hits_BC, present_BC + predicted_BC, otherwise=0.0)
    return _ratio((f1_BC * present_BC).sum(axis=1), present_BC.sum(axis=1))


def accuracy(confusion_BCC: Counts) -> NDArray[np.float64]:
    """The share of images whose class is predicted, [B]."""
    return _ratio(np.trace(confusion_BCC, axis1=1, axis2=2), confusion_BCC.sum(axis=(1, 2)))


def kappa(confusion_BCC: Counts) -> NDArray[np.float64]:
    """Quadratic weighted kappa, [B]; NaN where all images of a draw are of one class and are predicted to be."""
    places = np.arange(confusion_BCC.shape[1])
    penalty_CC = np.square(places[:, None] - places[None, :]).astype(np.float64)
    total_B = confusion_BCC.sum(axis=(1, 2))
    by_chance_BCC = confusion_BCC.sum(axis=2)[:, :, None] * confusion_BCC.sum(axis=1)[:, None, :]
    observed_B = (penalty_CC * confusion_BCC).sum(axis=(1, 2))
    expected_B = (penalty_CC * by_chance_BCC).sum(axis=(1, 2))
    return 1 - _ratio(observed_B * total_B, expected_B)


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64], otherwise: float = np.nan) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(below > 0, above / below, otherwise))
