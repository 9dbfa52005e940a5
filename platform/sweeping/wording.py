"""Durations, hours and scores as a sweep's lines say them; imports nothing, for `platform.status` to be quick."""

from __future__ import annotations


def in_words(seconds: float) -> str:
    """Two units at most.

    >>> [in_words(seconds) for seconds in (4.2, 75, 200, 5430, 90000)]
    ['4 s', '1 min 15 s', '3 min', '1 h 30 min', '1 d 1 h']
    """
    whole, minutes, hours = round(seconds), round(seconds / 60), round(seconds / 3600)
    if whole < 60:
        return f"{whole} s"
    if whole < 120:
        return f"1 min {whole - 60} s"
    if minutes < 60:
        return f"{minutes} min"
    if hours < 24:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{hours // 24} d {hours % 24} h"


def hours(amount: float) -> str:
    """CPU- or GPU-hours.

    >>> [hours(amount) for amount in (0.0542, 3.27, 31234.5)]
    ['0.054', '3.3', '31,234']
    """
    return f"{amount:,.0f}" if amount >= 10 else f"{amount:.2g}"


def auc(mean: float, half_width: float | None, num_repeats: int) -> str:
    """A mean test AUC and the half-width of its interval, both fractions, in percent.

    >>> auc(0.734, 0.023, 3), auc(0.75, None, 1)
    ('73.4 ± 2.3 (n = 3)', '75.0 (n = 1)')
    """
    half = "" if half_width is None else f" ± {100 * half_width:.1f}"
    return f"{100 * mean:.1f}{half} (n = {num_repeats})"
