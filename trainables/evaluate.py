"""Metrics from (probabilities, labels). scikit-learn computes; this file says what is not defined, and leaves it out.

Shapes: N images, L labels or classes. An AUC of one class is not defined: it is absent from the result, never a NaN,
and never averaged in as a number.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score, roc_auc_score

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]


def multiclass_metrics(probabilities_NL: Floats, classes_N: Ints) -> dict[str, float]:
    """Macro one-vs-rest AUC, weighted F1, accuracy and quadratic weighted kappa.

    The F1 is what selects the best epoch on Retina; AUC and F1 are Table V's two rows (Akbarian et al. 2020). The AUC
    is the mean over the classes that have both positives and negatives here.
    """
    num_classes = probabilities_NL.shape[1]
    predicted_N = probabilities_NL.argmax(axis=1)
    auc = [label_auc(probabilities_NL[:, c], classes_N == c) for c in range(num_classes)]
    defined = [value for value in auc if value is not None]
    metrics = {
        "f1_weighted": float(f1_score(classes_N, predicted_N, average="weighted", zero_division=0)),
        "accuracy": float(accuracy_score(classes_N, predicted_N)),
    }
    if len(np.union1d(classes_N, predicted_N)) > 1:  # else the kappa is 0/0
        classes = list(range(num_classes))
        metrics["kappa"] = float(cohen_kappa_score(classes_N, predicted_N, weights="quadratic", labels=classes))
    if defined:
        metrics["auc"] = float(np.mean(defined))
    return metrics


def multilabel_metrics(
    probabilities_NL: Floats, targets_NL: Floats, mask_NL: NDArray[np.bool_], label_names: tuple[str, ...]
) -> dict[str, float]:
    """AUC a label (``auc_<label>``), their mean over the defined ones (``auc``), and the accuracy at 0.5.

    `mask_NL` is False where a label counts for nothing (the uncertainty policy "ignore").
    """
    metrics: dict[str, float] = {}
    for column, name in enumerate(label_names):
        known = mask_NL[:, column]
        auc = label_auc(probabilities_NL[known, column], targets_NL[known, column] > 0.5)
        if auc is not None:
            metrics[f"auc_{metric_name(name)}"] = auc
    if metrics:
        metrics["auc"] = float(np.mean(list(metrics.values())))
    if mask_NL.any():
        metrics["accuracy"] = float(((probabilities_NL > 0.5) == (targets_NL > 0.5))[mask_NL].mean())
    return metrics


def label_auc(scores_N: Floats, positives_N: NDArray[np.bool_]) -> float | None:
    """Area under the ROC curve of one label, or None where only one class is present."""
    if positives_N.all() or not positives_N.any():
        return None
    return float(roc_auc_score(positives_N, scores_N))


def metric_name(label: str) -> str:
    """A label's name as trackers accept it in a metric's name: blanks and odd characters become underscores."""
    return re.sub(r"[^\w.-]+", "_", label.strip())
