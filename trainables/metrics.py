"""Metrics from (probabilities, labels). scikit-learn computes them; this file leaves out what is undefined.

Shapes: N images, L labels or classes. An AUC of one class is not defined: it is absent from the result, never a NaN,
and never counted in a mean. There are three kinds of AUC: that of each label or class (``auc_<label>``), the mean over
the labels that a sweep averages (``auc``; absent where one of them is not defined), and the mean over all that are
defined (``auc_defined``), as in Akbarian et al. 2020.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, auc, cohen_kappa_score, f1_score, roc_curve

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]
CONSTANT_BELOW = 1e-6  # probabilities that vary by less are one answer to all images


def multiclass_metrics(
    probabilities_NL: Floats, classes_N: Ints, class_names: Sequence[str], averaged: Sequence[str] | None = None
) -> dict[str, float]:
    """One-vs-rest AUCs, weighted F1, accuracy, quadratic weighted kappa, and whether one class is the only answer.

    The F1 is what selects the best epoch on Retina; AUC and F1 are Table V's two rows (Akbarian et al. 2020). The kappa
    is 0/0, and absent, only where all images are of one class and are predicted to be; a constant answer to images of
    several classes has a kappa of 0. `averaged` names the classes of the mean AUC; None: all that are defined.
    """
    num_classes = probabilities_NL.shape[1]
    predicted_N = probabilities_NL.argmax(axis=1)
    areas = {name: label_auc(probabilities_NL[:, c], classes_N == c) for c, name in enumerate(class_names)}
    metrics = {
        "f1_weighted": float(f1_score(classes_N, predicted_N, average="weighted", zero_division=0)),
        "accuracy": float(accuracy_score(classes_N, predicted_N)),
        "num_constant": float(len(np.unique(predicted_N)) == 1),
    }
    if len(np.union1d(classes_N, predicted_N)) > 1:
        classes = list(range(num_classes))
        metrics["kappa"] = float(cohen_kappa_score(classes_N, predicted_N, weights="quadratic", labels=classes))
    return metrics | _areas(areas, averaged)


def multilabel_metrics(
    probabilities_NL: Floats,
    targets_NL: Floats,
    mask_NL: NDArray[np.bool_],
    label_names: Sequence[str],
    averaged: Sequence[str] | None = None,
) -> dict[str, float]:
    """AUCs, the accuracy at 0.5, and for how many labels all images get the same probability (``num_constant``).

    `mask_NL` is False where a label counts for nothing (the uncertainty policy "ignore"). `averaged` names the labels
    of the mean AUC; None: all that are defined.
    """
    areas: dict[str, float | None] = {}
    for column, name in enumerate(label_names):
        known = mask_NL[:, column]
        areas[name] = label_auc(probabilities_NL[known, column], targets_NL[known, column] > 0.5)
    metrics = _areas(areas, averaged)
    metrics["num_constant"] = float((np.ptp(probabilities_NL, axis=0) < CONSTANT_BELOW).sum())
    if mask_NL.any():
        metrics["accuracy"] = float(((probabilities_NL > 0.5) == (targets_NL > 0.5))[mask_NL].mean())
    return metrics


def label_auc(scores_N: Floats, positives_N: NDArray[np.bool_]) -> float | None:
    """Area under the ROC curve of one label, or None where only one class is present."""
    if positives_N.all() or not positives_N.any():
        return None
    # What roc_auc_score computes for two classes, without the time in which it finds out that they are two.
    false_positive_rates, true_positive_rates, _ = roc_curve(positives_N, scores_N)
    return float(auc(false_positive_rates, true_positive_rates))


def _areas(areas: Mapping[str, float | None], averaged: Sequence[str] | None) -> dict[str, float]:
    """The AUCs of the labels that have one, and both means."""
    defined = {name: area for name, area in areas.items() if area is not None}
    metrics = {f"auc_{metric_name(name)}": area for name, area in defined.items()}
    if defined:
        metrics["auc_defined"] = float(np.mean(list(defined.values())))
    chosen = list(defined) if averaged is None else averaged
    if chosen and all(name in defined for name in chosen):
        metrics["auc"] = float(np.mean([defined[name] for name in chosen]))
    return metrics


def metric_name(label: str) -> str:
    """A label's name as trackers accept it in a metric's name: blanks and odd characters become underscores."""
    return re.sub(r"[^\w.-]+", "_", label.strip())
