"""Durations as people say them."""

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
