"""Operating points: what is decided about an image, and the thresholds that validation images give.

A threshold is chosen for each repeat, since each repeat is another network: on the images that its epoch was chosen by,
and never on those that it is judged by.

Shapes: N images of a split, L labels or classes, S repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from analysis.reading.predictions import Predictions
from analysis.stats.decision_counts import Counts, counted
from analysis.stats.thresholds import Rule, threshold
from trainables.data.catalogue import DATASETS
from trainables.metrics import metric_name

REFERABLE = "referable"  # what predictions of grades are called once they are decisions


def referable_from(dataset: str, label_names: Sequence[str]) -> int | None:
    """The number of the first grade that is referred to a doctor; None where the data set's record names none.

    Args:
        dataset: its name.
        label_names: its classes in order, as written in the data set or in predictions.

    >>> referable_from("retina", ("No DR", "Mild", "Moderate", "Severe", "Proliferative DR"))
    2
    >>> referable_from("chestxray8", ("Edema", "Effusion")) is None
    True
    """
    first = metric_name(DATASETS[dataset].referable_from) if dataset in DATASETS else ""
    names = [metric_name(name) for name in label_names]
    return names.index(first) if first in names else None


def referable_score(probabilities_NC: NDArray[np.floating], first: int) -> NDArray[np.float32]:
    """The probability that an image's grade is `first` or a higher one, [N].

    >>> referable_score(np.array([[0.25, 0.25, 0.5]]), 1)
    array([0.75], dtype=float32)
    """
    total_N = np.asarray(probabilities_NC, dtype=np.float64)[:, first:].sum(axis=1)
    return np.minimum(total_N, 1.0).astype(np.float32)


def decided(predictions: Predictions, dataset: str) -> Predictions:
    """The predictions as questions with yes or no for an answer, each a label.

    Grades of a data set whose record says from which one on an image is referable become the one label `REFERABLE`.
    Labels stay what they are, and so do other classes: each against the rest.
    """
    first = referable_from(dataset, predictions.label_names) if predictions.is_multiclass else None
    if first is None:
        return predictions
    return replace(
        predictions,
        label_names=(REFERABLE,),
        probabilities_NL=referable_score(predictions.probabilities_NL, first)[:, None],
        positive_NL=predictions.positive_NL[:, first:].any(axis=1, keepdims=True),
        known_NL=predictions.known_NL.all(axis=1, keepdims=True),
        averaged_L=np.ones(1, dtype=bool),
        is_multiclass=False,
    )


def thresholds(validated: Predictions, rule: Rule) -> list[float | None]:
    """The threshold of each label that the rule chooses on a repeat's validation images.

    None where the known images are all of one class, or the level cannot be reached (`analysis.stats.thresholds`).

    Args:
        validated: as `decided` gives them.
        rule: how to choose.
    """
    return [
        threshold(validated.probabilities_NL[known_N, column], validated.positive_NL[known_N, column], rule)
        for column, known_N in enumerate(validated.known_NL.T)
    ]


def thresholds_SL(validated: Sequence[Predictions], rule: Rule) -> NDArray[np.float64]:
    """The thresholds of all repeats of a cell, [S, L]; NaN where `thresholds` has None."""
    return np.array([thresholds(repeat, rule) for repeat in validated], dtype=np.float64)


def counts_at(
    predictions: Predictions, threshold_L: NDArray[np.float64], weights_BN: NDArray[np.float32] | None = None
) -> Counts:
    """What the decisions at these thresholds come to, in each draw of patients; without draws, among all images.

    A label without a threshold (NaN) raises no alarm: the caller leaves it out.
    """
    alarm_NL = predictions.probabilities_NL >= threshold_L
    return counted(alarm_NL, predictions.positive_NL, predictions.known_NL, weights_BN)
