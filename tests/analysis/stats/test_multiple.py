"""Holm's correction by hand."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.stats.multiple import holm


def test_by_hand() -> None:
    # Sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1: 0.04, 0.06, 0.06, 0.04, and never below the one before.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])


def test_never_above_one_and_one_alone_is_itself() -> None:
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert holm([0.03]).tolist() == [0.03]
    assert holm([]).tolist() == []


def test_what_is_not_defined_is_not_counted() -> None:
    adjusted = holm([0.01, np.nan, 0.02])
    assert adjusted[[0, 2]] == pytest.approx([0.02, 0.02]) and np.isnan(adjusted[1])


@pytest.mark.parametrize("wrong", [-0.1, 1.5])
def test_no_probability(wrong: float) -> None:
    with pytest.raises(ValueError, match=f"p={wrong}"):
        holm([0.5, wrong])
