"""Intervals over repeats: pure functions on arrays.

Every table shows two forms, each under its own name: Student's t, which is right for n = 3 repeats, and the normal
form, which the paper uses and which is 2.2 times too narrow at n = 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.95
T_NAME = "Student's t"
NORMAL_NAME = "normal form (z s / sqrt n)"
MIN_REPEATS = 3  # ours: with fewer, t(1) = 12.7 makes the interval useless, and a best means nothing
N_TOO_SMALL = (
    f"n is too small for an interval (n < {MIN_REPEATS}, or it would leave the score's range); below n = {MIN_REPEATS} "
    "nothing is ranked"
)


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean over repeats with the half-width of its confidence interval, in the unit of the values.

    `half_width` is None where n = 1: one repeat says nothing about the spread.
    """

    mean: float
    half_width: float | None
    n: int
    kind: str

    @property
    def low(self) -> float | None:
        """The lower end, None where there is no interval."""
        return None if self.half_width is None else self.mean - self.half_width

    @property
    def high(self) -> float | None:
        """The upper end, None where there is no interval."""
        return None if self.half_width is None else self.mean + self.half_width


def shown_half_width(interval: Interval, low: float = -np.inf, high: float = np.inf) -> float:
    """The half-width to show beside the mean; NaN where n is too small for one.

    Too small is n < `MIN_REPEATS`, and any n whose interval leaves the score's own range from `low` to `high`.
    """
    if interval.half_width is None or interval.n < MIN_REPEATS:
        return float("nan")
    is_within = low <= interval.mean - interval.half_width and interval.mean + interval.half_width <= high
    return interval.half_width if is_within else float("nan")


def t_interval(values: Sequence[float] | NDArray[np.floating], level: float = LEVEL) -> Interval:
    """Student's t-interval of the mean: t(n - 1) s / sqrt(n), with s the sample's standard deviation (n - 1).

    Raises:
        ValueError: no value, a value that is not finite, or a level outside (0, 1).
    """
    finite = _checked(values, level)
    t = float(stats.t.ppf((1 + level) / 2, df=max(len(finite) - 1, 1)))
    return _interval(finite, t, T_NAME)


def normal_interval(values: Sequence[float] | NDArray[np.floating], level: float = LEVEL) -> Interval:
    """The normal form of the interval: z s / sqrt(n), 1.96 s / sqrt(n) at 95%.

    The paper does not name its form; this is what "the 95% confidence interval" of three repeats usually stands for.

    Raises:
        ValueError: as `t_interval`.
    """
    finite = _checked(values, level)
    return _interval(finite, float(stats.norm.ppf((1 + level) / 2)), NORMAL_NAME)


def _interval(values: NDArray[np.float64], quantile: float, kind: str) -> Interval:
    n = len(values)
    half_width = quantile * float(values.std(ddof=1)) / n**0.5 if n > 1 else None
    return Interval(mean=float(values.mean()), half_width=half_width, n=n, kind=kind)


def _checked(values: Sequence[float] | NDArray[np.floating], level: float) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size:
        raise ValueError(f"an interval needs one value or more in one dimension, but got shape {array.shape}")
    if not np.isfinite(array).all():
        wrong = array[~np.isfinite(array)][0]
        raise ValueError(f"every value must be finite, but got {wrong}; leave it out and say so")
    if not 0 < level < 1:
        raise ValueError(f"0 < level < 1 must hold, but got level={level}")
    return array
