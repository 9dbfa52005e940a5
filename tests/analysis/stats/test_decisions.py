"""Scores of decisions in every draw: by hand, and as scikit-learn has them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score

from analysis.stats.decisions import accuracy, confusion_draws, f1_weighted, kappa

TRUE = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, 0, 2])
ONCE = np.ones((1, 6), dtype=np.float32)


def test_by_hand() -> None:
    counts = confusion_draws(TRUE, PREDICTED, 3, ONCE)
    assert counts[0].tolist() == [[2, 1, 0], [1, 1, 0], [0, 0, 1]]
    # F1: 2*2/(3+3), 2*1/(2+2), 1; weighted by 3, 2 and 1 images
    assert f1_weighted(counts)[0] == pytest.approx((3 * 2 / 3 + 2 * 1 / 2 + 1) / 6)
    assert accuracy(counts)[0] == pytest.approx(4 / 6)
    # seen: 1 + 1 = 2; by chance: (3*2 + 2*3) + (2*1 + 1*2) + 4*(3*1 + 1*3) over 6 = (12 + 4 + 24) / 6... less the zeros
    expected = (1 * (3 * 2 + 2 * 3) + 1 * (2 * 1 + 1 * 2) + 4 * (3 * 1 + 1 * 3)) / 6
    assert kappa(counts)[0] == pytest.approx(1 - 2 / expected)


def test_an_image_drawn_twice_counts_twice() -> None:
    rng = np.random.default_rng(0)
    true_N, predicted_N = rng.integers(0, 4, size=60), rng.integers(0, 4, size=60)
    weights_BN = rng.integers(0, 4, size=(5, 60)).astype(np.float32)
    counts = confusion_draws(true_N, predicted_N, 4, weights_BN)
    for draw, weights_N in enumerate(weights_BN):
        drawn = np.repeat(np.arange(60), weights_N.astype(int))
        true, predicted = true_N[drawn], predicted_N[drawn]
        assert f1_weighted(counts)[draw] == pytest.approx(
            f1_score(true, predicted, average="weighted", zero_division=0)
        )
        assert accuracy(counts)[draw] == pytest.approx(accuracy_score(true, predicted))
        assert kappa(counts)[draw] == pytest.approx(cohen_kappa_score(true, predicted, weights="quadratic"))


def test_what_is_not_defined() -> None:
    of_one_class = confusion_draws(np.zeros(6, dtype=int), np.zeros(6, dtype=int), 3, ONCE)
    assert np.isnan(kappa(of_one_class)[0]) and f1_weighted(of_one_class)[0] == 1
    nothing = confusion_draws(TRUE, PREDICTED, 3, 0 * ONCE)
    assert np.isnan([f1_weighted(nothing)[0], accuracy(nothing)[0], kappa(nothing)[0]]).all()


@pytest.mark.parametrize("wrong", [3, -1])
def test_a_class_that_there_is_not_is_refused(wrong: int) -> None:
    with pytest.raises(ValueError, match=r"0 <= class < 3 must hold, but got"):
        confusion_draws(TRUE, np.array([0, 0, 0, 0, 0, wrong]), 3, ONCE)
