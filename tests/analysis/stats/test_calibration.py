"""Reliability and the calibration error by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from analysis.stats.calibration import (
    calibration_in_the_large,
    calibration_slope,
    expected_calibration_error,
    reliability,
)


def test_by_hand() -> None:
    bins = reliability(np.array([0.1, 0.3, 0.8, 1.0]), np.array([False, True, True, True]), num_bins=2)
    assert bins["bin"].tolist() == [0, 1]
    assert bins["confidence"].tolist() == pytest.approx([0.2, 0.9])
    assert bins["frequency"].tolist() == [0.5, 1.0]
    assert bins["num_images"].tolist() == [2, 2]
    assert expected_calibration_error(bins) == pytest.approx((0.3 * 2 + 0.1 * 2) / 4)


def test_a_bin_weighs_as_much_as_it_has_images() -> None:
    # Three images of 0.1, 0.1 and 0.4, one of them positive, and one of 0.8: gaps of 2/15 and 1/5.
    bins = reliability(np.array([0.1, 0.1, 0.4, 0.8]), np.array([False, False, True, True]), num_bins=2)
    assert bins["confidence"].tolist() == pytest.approx([0.2, 0.8])
    assert expected_calibration_error(bins) == pytest.approx((3 * (1 / 3 - 0.2) + 1 * 0.2) / 4)


def test_a_calibrated_score_has_little_error() -> None:
    generator = np.random.default_rng(0)
    probability = generator.random(20_000)
    assert expected_calibration_error(reliability(probability, generator.random(20_000) < probability)) < 0.02
    assert expected_calibration_error(reliability(probability, np.zeros(20_000, dtype=bool))) > 0.45


def test_empty_bins_are_absent() -> None:
    assert reliability(np.array([0.05, 0.95]), np.array([False, True]))["bin"].tolist() == [0, 9]


@pytest.mark.parametrize("wrong", [-0.5, 1.5, np.nan])
def test_no_probability(wrong: float) -> None:
    with pytest.raises(ValueError, match=f"got {wrong}"):
        reliability(np.array([0.5, wrong]), np.array([True, False]))


def test_one_bin_has_all() -> None:
    bins = reliability(np.array([0.1, 0.9]), np.array([False, True]), num_bins=1)
    assert bins["num_images"].tolist() == [2] and expected_calibration_error(bins) == pytest.approx(0)


def test_no_bins() -> None:
    with pytest.raises(ValueError, match="num_bins=0"):
        reliability(np.array([0.5]), np.array([True]), num_bins=0)


def test_calibration_in_the_large_by_hand() -> None:
    # The mean of the probabilities is 0.55, and two of four images are positive.
    found = calibration_in_the_large(np.array([0.1, 0.3, 0.8, 1.0]), np.array([False, True, False, True]))
    assert found == pytest.approx(0.55 - 0.5)


def test_the_slope_is_that_of_scikit_learns_regression_on_the_logit() -> None:
    generator = np.random.default_rng(0)
    logit = generator.normal(-1, 2, size=400)
    positive = generator.random(400) < 1 / (1 + np.exp(-(0.4 * logit + 0.5)))
    expected = LogisticRegression(C=np.inf, tol=1e-10).fit(logit[:, None], positive).coef_[0, 0]
    assert calibration_slope(1 / (1 + np.exp(-logit)), positive) == pytest.approx(expected, abs=1e-4)


def test_probabilities_that_are_too_extreme_have_a_slope_below_one() -> None:
    generator = np.random.default_rng(1)
    logit = generator.normal(size=20_000)
    positive = generator.random(20_000) < 1 / (1 + np.exp(-logit))
    assert calibration_slope(1 / (1 + np.exp(-logit)), positive) == pytest.approx(1, abs=0.06)
    assert calibration_slope(1 / (1 + np.exp(-2 * logit)), positive) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ("probability", "positive"),
    [([0.1, 0.9], [True, True]), ([0.4, 0.4], [False, True]), ([0.1, 0.2, 0.8], [False, False, True])],
    ids=["one class", "one probability", "separated"],
)
def test_a_slope_that_is_not_defined(probability: list[float], positive: list[bool]) -> None:
    assert np.isnan(calibration_slope(np.array(probability), np.array(positive)))


def test_probabilities_of_zero_and_one_have_a_slope() -> None:
    found = calibration_slope(np.array([0.0, 1.0, 0.0, 1.0, 0.5]), np.array([True, True, False, False, True]))
    assert found == pytest.approx(0, abs=1e-6)
