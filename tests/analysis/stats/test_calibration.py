"""Reliability and the calibration error by hand."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.stats.calibration import expected_calibration_error, reliability


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


def test_no_bins() -> None:
    with pytest.raises(ValueError, match="num_bins=0"):
        reliability(np.array([0.5]), np.array([True]), num_bins=0)
