"""Operating points: the threshold from which a score counts as positive.

What decisions at it come to is counted in `analysis.stats.decision_counts`.

Shapes: N images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

YOUDEN, SENSITIVITY, SPECIFICITY = "youden", "sensitivity", "specificity"
KINDS = (YOUDEN, SENSITIVITY, SPECIFICITY)
ROUNDING = 1e-12  # what rounding may put between equal rates


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How a threshold is chosen.

    `kind` is "youden", the greatest sum of sensitivity and specificity (W. Youden, Cancer 3, 1950); "sensitivity", the
    best specificity among thresholds of at least that sensitivity; or "specificity", the other way round.
    """

    kind: str
    level: float = 0.9  # of "sensitivity" and "specificity"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"the kind of a rule must be one of {', '.join(KINDS)}, but got {self.kind!r}")
        if not 0 < self.level < 1:
            raise ValueError(f"0 < level < 1 must hold, but got level={self.level} for the {self.kind}")

    @property
    def title(self) -> str:
        """The rule in words.

        >>> Rule(kind="youden").title, Rule(kind="sensitivity", level=0.95).title
        ("Youden's index", 'sensitivity of 95%')
        """
        return "Youden's index" if self.kind == YOUDEN else f"{self.kind} of {100 * self.level:g}%"


def threshold(score_N: NDArray[np.floating], positive_N: NDArray[np.bool_], rule: Rule) -> float | None:
    """The threshold that `rule` chooses: an image whose score is at least as high counts as positive.

    It is one of the scores, so that it divides these images as the ROC curve does. Of thresholds that are equally
    good by a wanted sensitivity, that with the greatest sensitivity is taken; by the other rules, the highest: the
    fewest alarms. None where all images are of one class, or where no score reaches the level.

    >>> threshold(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]), Rule(kind="youden"))
    0.8
    """
    positive_N = np.asarray(positive_N, dtype=bool)
    if positive_N.all() or not positive_N.any():
        return None
    false_positive_T, sensitivity_T, threshold_T = roc_curve(positive_N, score_N, drop_intermediate=False)
    # The curve begins at infinity, above every score, where nothing is positive: that is no operating point.
    sensitivity_T, specificity_T, threshold_T = sensitivity_T[1:], 1 - false_positive_T[1:], threshold_T[1:]
    worth_T = {YOUDEN: sensitivity_T + specificity_T, SENSITIVITY: specificity_T, SPECIFICITY: sensitivity_T}[rule.kind]
    reached_T = {
        YOUDEN: np.ones(len(threshold_T), dtype=bool),
        SENSITIVITY: sensitivity_T >= rule.level - ROUNDING,
        SPECIFICITY: specificity_T >= rule.level - ROUNDING,
    }[rule.kind]
    if not reached_T.any():
        return None
    best = float(worth_T[reached_T].max())
    equal = threshold_T[reached_T & (worth_T >= best - ROUNDING)]
    return float(equal.min() if rule.kind == SENSITIVITY else equal.max())
