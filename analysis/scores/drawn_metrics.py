"""A cell's score by any metric of the test set, on all test images and in each draw of patients.

Shapes: B draws, N test images, L labels or classes, S seeds (repeats).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from analysis.reading.predictions import Predictions
from analysis.scores.comparisons import Draws, draws_of
from analysis.stats import decisions

AUC = "auc"
OF_CLASSES: dict[str, Callable[[decisions.Counts], NDArray[np.float64]]] = {
    "f1_weighted": decisions.f1_weighted, "accuracy": decisions.accuracy, "kappa": decisions.kappa,
}  # fmt: skip
IN_WORDS = {AUC: "AUC", "f1_weighted": "weighted F1", "accuracy": "accuracy", "kappa": "quadratic weighted kappa"}


def metrics_of(predictions: Predictions, selection_metric: str = AUC) -> tuple[str, ...]:
    """What is compared: the AUC, with classes the weighted F1 too (Table V's two rows), and what chose the students."""
    has_classes = predictions.is_multiclass and len(predictions.label_names) > 1
    usual = (AUC, "f1_weighted") if has_classes else (AUC,)
    is_known = selection_metric in (AUC, *OF_CLASSES) if has_classes else selection_metric in (AUC, "accuracy")
    return tuple(dict.fromkeys([*usual, *([selection_metric] if is_known else [])]))


def drawn(metric: str, repeats: Sequence[Predictions], weights_BN: NDArray[np.float32]) -> Draws | None:
    """The cell's draws by this metric; None where it is not defined on all of these images.

    Raises:
        ValueError: there is no such metric.
    """
    if metric == AUC:
        return draws_of(repeats, weights_BN)
    if metric not in OF_CLASSES:
        raise ValueError(f"the metric must be one of {', '.join(IN_WORDS)}, but got {metric!r}")
    everything_1N = np.ones((1, len(repeats[0].images)), dtype=np.float32)
    points_S = np.array([_decided(metric, repeat, everything_1N)[0] for repeat in repeats])
    if not np.isfinite(points_S).all():
        return None
    return Draws(
        points_S=points_S,
        draws_SB=np.stack([_decided(metric, repeat, weights_BN) for repeat in repeats]),
        num_patients=repeats[0].images["patient"].nunique(),
    )


def _decided(metric: str, repeat: Predictions, weights_BN: NDArray[np.float32]) -> NDArray[np.float64]:
    if repeat.is_multiclass:
        true_N, predicted_N = repeat.positive_NL.argmax(axis=1), repeat.probabilities_NL.argmax(axis=1)
        return OF_CLASSES[metric](decisions.confusion_draws(true_N, predicted_N, len(repeat.label_names), weights_BN))
    if metric != "accuracy":
        return np.full(len(weights_BN), np.nan)
    is_right_NL = (repeat.probabilities_NL > 0.5) == repeat.positive_NL  # as `trainables.metrics` has it
    right_N = (is_right_NL & repeat.known_NL).sum(axis=1).astype(np.float64)
    known_B = weights_BN @ repeat.known_NL.sum(axis=1).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(known_B > 0, weights_BN @ right_N / known_B, np.nan))


def averaging(repeats: Sequence[Predictions], names: Sequence[str]) -> list[Predictions]:
    """The same repeats, with the AUC averaged over the labels of these names alone."""
    return [replace(repeat, averaged_L=np.isin(repeat.label_names, list(names))) for repeat in repeats]


def averaged_names(repeats: Sequence[Predictions]) -> tuple[str, ...]:
    """The labels that the cell's AUC averages."""
    first = repeats[0]
    return tuple(name for name, chosen in zip(first.label_names, first.averaged_L, strict=True) if chosen)
