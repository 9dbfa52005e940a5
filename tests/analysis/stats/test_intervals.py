"""Intervals against numbers worked by hand and against SciPy's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from analysis.stats.intervals import NORMAL_NAME, T_NAME, Interval, normal_interval, t_interval


def test_t_interval_by_hand() -> None:
    # mean 2, s = 1, t(2, 0.975) = 4.302653: 4.302653 / sqrt(3) = 2.484138
    interval = t_interval([1.0, 2.0, 3.0])
    assert interval.mean == 2.0
    assert interval.half_width == pytest.approx(2.484138, abs=1e-6)
    assert (interval.n, interval.kind) == (3, T_NAME)
    assert interval.low == pytest.approx(-0.484138, abs=1e-6)
    assert interval.high == pytest.approx(4.484138, abs=1e-6)


def test_normal_interval_by_hand() -> None:
    # 1.959964 / sqrt(3) = 1.131586
    interval = normal_interval([1.0, 2.0, 3.0])
    assert interval.half_width == pytest.approx(1.131586, abs=1e-6)
    assert interval.kind == NORMAL_NAME


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_t_interval_is_scipys(level: float) -> None:
    values = np.random.default_rng(0).normal(size=7)
    low, high = stats.t.interval(level, df=6, loc=values.mean(), scale=stats.sem(values))
    interval = t_interval(values, level)
    assert (interval.low, interval.high) == pytest.approx((low, high))


def test_equal_values_have_a_point_for_an_interval() -> None:
    assert t_interval([0.5, 0.5, 0.5]).half_width == 0.0


@pytest.mark.parametrize("form", [t_interval, normal_interval])
def test_one_repeat_has_no_interval(form: Callable[..., Interval]) -> None:
    interval = form([0.7])
    assert (interval.mean, interval.half_width, interval.low, interval.high, interval.n) == (0.7, None, None, None, 1)


@pytest.mark.parametrize("form", [t_interval, normal_interval])
@pytest.mark.parametrize(
    ("values", "message"),
    [([], r"shape \(0,\)"), ([[1.0, 2.0]], r"shape \(1, 2\)"), ([0.5, np.nan], "got nan"), ([np.inf, 1.0], "got inf")],
)
def test_no_number_is_refused(form: Callable[..., Interval], values: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        form(values)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_level_is_a_probability(level: float) -> None:
    with pytest.raises(ValueError, match=f"level={level}"):
        t_interval([1.0, 2.0], level)
