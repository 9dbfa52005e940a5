"""How redrawn patients move scores, and which of two cells is ahead."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from analysis.stats.outperforming import outperforming, variances


def test_a_part_that_all_repeats_share_is_told_from_what_is_each_ones_own() -> None:
    rng = np.random.default_rng(0)
    draws = 3 * rng.normal(size=(1, 40_000)) + 2 * rng.normal(size=(4, 40_000))
    assert variances(draws) == pytest.approx((9, 4), rel=0.05)
    shared, alone = variances(np.repeat(3 * rng.normal(size=(1, 4000)), 3, axis=0))
    assert shared == pytest.approx(9, rel=0.1) and alone == pytest.approx(0, abs=1e-9)
    assert variances(draws[:1]) == pytest.approx((13, 0), rel=0.05)


def test_the_probability_is_that_of_two_normals() -> None:
    rng = np.random.default_rng(1)
    first, second = 1 + rng.normal(size=(40, 2000)), rng.normal(size=(30, 2000))
    found = outperforming(first, second, np.random.default_rng(0))
    assert found.probability == pytest.approx(stats.norm.cdf(1 / np.sqrt(2)), abs=0.01)
    assert found.low < found.probability < found.high
    assert outperforming(second, first, np.random.default_rng(0)).probability == pytest.approx(1 - found.probability)


def test_pairs_share_the_draw_of_patients() -> None:
    # The first is ahead in every draw, although the draws themselves move both by far more.
    shared = 10 * np.random.default_rng(2).normal(size=500)
    found = outperforming(
        shared + np.array([[0.1], [0.2]]), shared + np.array([[0.0], [0.05]]), np.random.default_rng(0)
    )
    assert (found.probability, found.low, found.high) == (1, 1, 1)


def test_a_tie_counts_one_half_and_an_undefined_draw_not_at_all() -> None:
    first, second = np.array([[0.5, 0.5, np.nan]]), np.array([[0.5, 0.4, 0.1]])
    assert outperforming(first, second, np.random.default_rng(0)).probability == 0.75
    with pytest.raises(ValueError, match="none has"):
        outperforming(first[:, 2:], second[:, 2:], np.random.default_rng(0))
