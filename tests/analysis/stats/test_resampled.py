"""Intervals over splits drawn anew and over folds: by hand, at their limits, and how often they hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from analysis.stats.intervals import T_NAME, t_interval
from analysis.stats.resampled import (
    RESAMPLED_NAME,
    by_part,
    deviation_interval,
    mean_over,
    resampled_interval,
    resampled_p,
)

VALUES = [0.8, 0.9, 1.0]  # s = 0.1


def test_the_corrected_interval_by_hand() -> None:
    interval = resampled_interval(VALUES, 0.25)
    assert interval.mean == pytest.approx(0.9) and interval.kind == RESAMPLED_NAME and interval.n == 3
    # t(2) = 4.302653; se^2 = (1/3 + 1/4) 0.01 = 0.00583333
    assert interval.half_width == pytest.approx(4.302653 * 0.0763763, rel=1e-5)


def test_five_folds_are_wider_by_a_half_than_students_t() -> None:
    folds = [0.7, 0.75, 0.8, 0.72, 0.78]
    plain, corrected = t_interval(folds).half_width, resampled_interval(folds, 1 / 4).half_width
    assert plain is not None and corrected == pytest.approx(1.5 * plain)  # (1/5 + 1/4) / (1/5) = 1.5^2


def test_without_a_share_it_is_students_t() -> None:
    assert resampled_interval(VALUES, 0.0).half_width == t_interval(VALUES).half_width
    assert resampled_p(VALUES, 0.0) == pytest.approx(float(stats.ttest_1samp(VALUES, 0.0).pvalue))


def test_nobody_knows_the_sizes_and_there_is_no_interval() -> None:
    interval = resampled_interval(VALUES, float("nan"))
    assert interval.half_width is None and interval.mean == pytest.approx(0.9)
    assert np.isnan(resampled_p(VALUES, float("nan")))
    with pytest.raises(ValueError, match="test_to_train >= 0 must hold"):
        resampled_interval(VALUES, -0.1)


def test_interval_and_p_agree() -> None:
    values = np.random.default_rng(0).normal(0.05, 0.05, size=6)
    for level in (0.8, 0.9, 0.95, 0.99):
        low = resampled_interval(values, 0.25, level).low
        assert low is not None and (low > 0) == (resampled_p(values, 0.25) < 1 - level)


@pytest.mark.parametrize("values", [[0.1], [0.1, 0.1, 0.3 - 0.2]], ids=["one", "equal"])
def test_no_spread_no_p(values: list[float]) -> None:
    assert np.isnan(resampled_p(values, 0.25))


def test_two_values_are_enough() -> None:
    # s = 0.1 sqrt(2), so that s / sqrt(2) = 0.1; t(1) has P(|t| > x) = 1 - 2 atan(x) / pi
    values, widened = [0.1, 0.3], 0.1 * (1 + 2 * 0.25) ** 0.5
    assert resampled_p(values, 0.25) == pytest.approx(1 - 2 * np.arctan(0.2 / widened) / np.pi)
    deviation, low, high = deviation_interval(values)
    assert deviation == pytest.approx(0.1 * 2**0.5) and 0 < low < deviation < high


def test_repeats_of_one_fold_count_once() -> None:
    values, parts = [0.7, 0.9, 0.6, 0.8], ["fold 1", "fold 1", "fold 2", "fold 3"]
    assert by_part(values, parts) == {"fold 1": pytest.approx(0.8), "fold 2": 0.6, "fold 3": 0.8}
    interval = mean_over(values, parts, 0.5)
    assert interval is not None and interval.n == 3
    assert interval.half_width == pytest.approx(resampled_interval([0.8, 0.6, 0.8], 0.5).half_width)


def test_repeats_on_one_test_set_all_count() -> None:
    interval = mean_over(VALUES, ["", "", ""], 0.0)
    assert interval == t_interval(VALUES) and interval.kind == T_NAME
    assert mean_over([], [], 0.0) is None


def test_a_deviation_by_hand() -> None:
    # s = 0.1, n = 3: chi2(2) at 2.5% is 0.0506356, at 97.5% 7.377759
    deviation, low, high = deviation_interval(VALUES)
    assert deviation == pytest.approx(0.1)
    assert low == pytest.approx(0.1 * (2 / 7.377759) ** 0.5) and high == pytest.approx(0.1 * (2 / 0.0506356) ** 0.5)
    assert np.isnan(deviation_interval([0.5])).all()


def test_the_deviations_interval_holds_the_truth() -> None:
    rng = np.random.default_rng(1)
    ends = [deviation_interval(rng.normal(0, 0.3, size=5))[1:] for _ in range(2000)]
    assert 0.935 < np.mean([low < 0.3 < high for low, high in ends]) < 0.965


def resampled_scores(is_folded: bool, num_parts: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """The accuracy of the nearer of two means, learnt from and judged on parts of the same 120 points, by part."""
    truth = rng.random(120) < 0.5
    points = rng.normal(size=(120, 4)) + 0.35 * truth[:, None]
    order, scores = rng.permutation(120), []
    for part in range(num_parts):
        test = order[part::num_parts] if is_folded else rng.permutation(120)[:24]
        train = np.setdiff1d(order, test)
        means = [points[train][truth[train] == kind].mean(axis=0) for kind in (False, True)]
        distances = [np.linalg.norm(points[test] - mean, axis=1) for mean in means]
        scores.append(np.mean((distances[1] < distances[0]) == truth[test]))
    return np.array(scores)


@pytest.mark.parametrize(("is_folded", "num_parts", "most"), [(False, 5, 0.88), (False, 10, 0.75), (True, 10, 0.93)])
def test_the_corrected_interval_holds_the_truth_where_students_t_does_not(
    is_folded: bool, num_parts: int, most: float
) -> None:
    rng = np.random.default_rng(7)
    scores = [resampled_scores(is_folded, num_parts, rng) for _ in range(800)]
    truth = float(np.mean(scores))

    def coverage(test_to_train: float) -> float:
        widths = [resampled_interval(each, test_to_train).half_width or 0.0 for each in scores]
        return float(np.mean(np.abs(np.mean(scores, axis=1) - truth) < widths))

    assert coverage(1 / (num_parts - 1) if is_folded else 24 / 96) > 0.92
    assert coverage(0.0) < most
