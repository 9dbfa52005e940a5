"""Holm's correction for comparisons that are read together (S. Holm, Scand. J. Statist. 6, 1979)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def holm(p_values: Sequence[float] | NDArray[np.floating]) -> NDArray[np.float64]:
    """Adjusted p-values in the given order, to compare with the level itself; NaN stays NaN and is not counted.

    Raises:
        ValueError: a value is outside [0, 1].
    """
    p = np.asarray(p_values, dtype=np.float64)
    defined = np.flatnonzero(np.isfinite(p))
    wrong = p[defined][(p[defined] < 0) | (p[defined] > 1)]
    if len(wrong):
        raise ValueError(f"0 <= p <= 1 must hold, but got p={wrong[0]}")
    order = defined[np.argsort(p[defined], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted = np.full_like(p, np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return adjusted


def corrected_for(num_tests: int) -> str:
    """What a note says of the correction.

    >>> corrected_for(3), corrected_for(1), corrected_for(0)
    ("Holm's correction for the 3 tests of this table", 'the only test, so not corrected', 'no test could be made')
    """
    if num_tests > 1:
        return f"Holm's correction for the {num_tests} tests of this table"
    return "the only test, so not corrected" if num_tests else "no test could be made"
