"""DeLong's test for the areas under correlated ROC curves, in the fast form.

E. DeLong, D. DeLong, D. Clarke-Pearson, Biometrics 44 (1988); by midranks, in O(N log N): X. Sun, W. Xu, IEEE Signal
Processing Letters 21 (2014). It treats images as independent: where patients have several images, use the
bootstrap of `analysis.stats.bootstrap` instead.

Shapes: K sets of scores for the same N images, P positives, Q negatives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats


@dataclass(frozen=True, kw_only=True)
class DeLong:
    """Two areas, the standard error of their difference, and the two-sided p-value of no difference."""

    auc_first: float
    auc_second: float
    standard_error: float
    p_value: float


def covariance(
    scores_KN: NDArray[np.floating], positive_N: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The K areas and their covariance [K, K].

    Raises:
        ValueError: there are fewer than two positives or two negatives: a variance is not defined.
    """
    positive_N = np.asarray(positive_N, dtype=bool)
    num_positives, num_negatives = int(positive_N.sum()), int((~positive_N).sum())
    if min(num_positives, num_negatives) < 2:
        raise ValueError(
            "DeLong's variance needs two positives and two negatives, "
            f"but got {num_positives} positives and {num_negatives} negatives"
        )
    scores_KN = np.atleast_2d(np.asarray(scores_KN, dtype=np.float64))
    all_ranks_KN = stats.rankdata(scores_KN, axis=1)
    ranks_KP = stats.rankdata(scores_KN[:, positive_N], axis=1)
    ranks_KQ = stats.rankdata(scores_KN[:, ~positive_N], axis=1)
    # The share of negatives below each positive, and of positives above each negative; a tie counts one half.
    below_KP = (all_ranks_KN[:, positive_N] - ranks_KP) / num_negatives
    above_KQ = 1 - (all_ranks_KN[:, ~positive_N] - ranks_KQ) / num_positives
    both = np.atleast_2d(np.cov(below_KP)) / num_positives + np.atleast_2d(np.cov(above_KQ)) / num_negatives
    return below_KP.mean(axis=1), both


def delong(first_N: NDArray[np.floating], second_N: NDArray[np.floating], positive_N: NDArray[np.bool_]) -> DeLong:
    """Tests whether two scores of the same images have the same area under the ROC curve.

    The p-value is 1 where the two rank all images alike.

    Raises:
        ValueError: as `covariance`.
    """
    areas, both = covariance(np.stack([first_N, second_N]), positive_N)
    error = float(np.sqrt(max(both[0, 0] + both[1, 1] - 2 * both[0, 1], 0.0)))
    difference = abs(float(areas[0] - areas[1]))
    p_value = 1.0 if error < 1e-12 and difference < 1e-12 else float(2 * stats.norm.sf(difference / max(error, 1e-300)))
    return DeLong(auc_first=float(areas[0]), auc_second=float(areas[1]), standard_error=error, p_value=p_value)
