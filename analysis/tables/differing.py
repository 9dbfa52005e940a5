"""How tables and figures write scores with their intervals, and differences in points."""

from __future__ import annotations

import math
from collections.abc import Mapping

from analysis.tables.rendering import CONSTANT, MISSING


def as_float(value: object) -> float:
    """A number of a frame; NaN where it is missing."""
    return float(value) if isinstance(value, int | float) else math.nan


def points(value: object) -> str:
    """A fraction as a difference in points.

    >>> points(0.0123), points(float("nan"))
    ('+1.23', '-')
    """
    number = as_float(value)
    return f"{100 * number:+.2f}" if math.isfinite(number) else MISSING


def points_between(low: object, high: object) -> str:
    """An interval of a difference: ``-0.50 to +2.10``."""
    return MISSING if points(low) == MISSING or points(high) == MISSING else f"{points(low)} to {points(high)}"


def scored(mean: object, low: object, high: object) -> str:
    """A fraction as a score in percent with its interval.

    >>> scored(0.8, 0.75, 0.825), scored(0.8, None, None)
    ('80.00 (75.00 to 82.50)', '80.00')
    """
    middle, ends = as_float(mean), (as_float(low), as_float(high))
    if not math.isfinite(middle):
        return MISSING
    has_ends = all(map(math.isfinite, ends))
    return f"{100 * middle:.2f}" + (f" ({100 * ends[0]:.2f} to {100 * ends[1]:.2f})" if has_ends else "")


def score_of(row: Mapping[str, object], side: str) -> str:
    """The score of one `side` of a row of `analysis.scores.differences`, with the sign of a constant answer."""
    text = scored(*(row[f"{side}_{name}"] for name in ("mean", "low", "high")))
    return text + (CONSTANT if text != MISSING and as_float(row[f"{side}_num_constant"]) > 0 else "")


def p_value(value: object) -> str:
    """A p-value with three digits behind the point."""
    number = as_float(value)
    return f"{number:.3f}" if math.isfinite(number) else MISSING


def side_by_side(row: Mapping[str, object], first: str, second: str) -> str:
    """Two counts: one number where they are equal, else ``3, 5``."""
    counts = [as_float(row[name]) for name in (first, second)]
    texts = [f"{count:,.0f}" if math.isfinite(count) else MISSING for count in counts]
    return texts[0] if texts[0] == texts[1] else ", ".join(texts)
