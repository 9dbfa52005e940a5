"""What two sources of chance, repeats and patients, do to scores: their variances, and which of two cells is ahead.

Shapes: B draws of patients, S repeats (T of the other cell).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Outperforming:
    """The probability that a training of one cell beats a training of another, with its 95% interval."""

    probability: float
    low: float
    high: float


def variances(draws_SB: Floats) -> tuple[float, float]:
    """What redrawn patients do to a cell's scores: the variance that all repeats share, and that of each repeat alone.

    The mean of n repeats has the first and 1 / n of the second; one repeat has both. Neither is below 0. With one
    repeat all is shared, since nothing tells the two apart.
    """
    num_repeats = len(draws_SB)
    of_mean = float(np.nanvar(draws_SB.mean(axis=0), ddof=1))
    if num_repeats < 2:
        return of_mean, 0.0
    of_one = float(np.nanvar(draws_SB, axis=1, ddof=1).mean())
    alone = max(of_one - of_mean, 0.0) * num_repeats / (num_repeats - 1)
    return max(of_mean - alone / num_repeats, 0.0), alone


def outperforming(first_SB: Floats, second_TB: Floats, rng: np.random.Generator) -> Outperforming:
    """The share of pairs, a repeat of each cell on the same draw of patients, in which the first has the higher score.

    A tie counts one half. Source: Bouthillier et al. 2021 (arXiv:2103.03098), section 4, with patients drawn as well.
    The interval is the percentile bootstrap over repeats within the draws; with few repeats it is too narrow.

    Raises:
        ValueError: no draw has a score of both.
    """
    defined = np.isfinite(first_SB).all(axis=0) & np.isfinite(second_TB).all(axis=0)
    if not defined.any():
        raise ValueError("a draw of patients must have a score of both cells, but none has")
    first, second = first_SB[:, defined], second_TB[:, defined]
    ahead_STB = np.sign(first[:, None] - second[None]) / 2 + 0.5
    num_draws = first.shape[1]
    chosen = [rng.integers(len(of_cell), size=(len(of_cell), num_draws)) for of_cell in (first, second)]
    drawn = [np.take_along_axis(of_cell, rows, axis=0) for of_cell, rows in zip((first, second), chosen, strict=True)]
    shares_B = (np.sign(drawn[0][:, None] - drawn[1][None]) / 2 + 0.5).mean(axis=(0, 1))
    low, high = np.quantile(shares_B, [0.025, 0.975])
    return Outperforming(probability=float(ahead_STB.mean()), low=float(low), high=float(high))
