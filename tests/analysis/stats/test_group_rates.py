"""Counts within groups, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.stats.bootstrap import patient_weights
from analysis.stats.group_rates import count_draws, extremes, num_patients, ratio

CHOSEN = np.array([[True, True, False, False], [False, True, True, True], [False, False, False, False]])


def test_counts_in_draws() -> None:
    weights = np.array([[1, 1, 1, 1], [2, 0, 0, 3]], dtype=np.float32)
    assert count_draws(CHOSEN, weights).tolist() == [[2, 2], [3, 3], [0, 0]]


def test_a_draw_has_all_images_of_a_patient() -> None:
    patients = np.array(["a", "a", "b", "c"], dtype=object)
    counts = count_draws(CHOSEN[:1], patient_weights(patients, 200, np.random.default_rng(0)))
    assert set(np.unique(counts)) == {0, 2, 4, 6}  # patient a, with both images, never once to three times


def test_patients_of_a_set() -> None:
    assert num_patients(CHOSEN, np.array(["a", "a", "b", "b"], dtype=object)).tolist() == [1, 2, 0]


def test_a_share_of_nothing_is_none() -> None:
    shares = ratio(np.array([1.0, 0.0]), np.array([4.0, 0.0]))
    assert shares[0] == 0.25 and np.isnan(shares[1])


@pytest.mark.parametrize(
    ("harm", "pair"),
    [
        ([0.2, np.nan, 0.1, 0.5], (3, 2)),
        ([0.2, 0.5, 0.5, 0.2], (1, 0)),
        ([np.nan, 0.3, 0.3], (1, 2)),
        ([np.nan, 0.3], None),
        ([], None),
    ],
    ids=["greatest and least", "the first of equals", "all equal", "one alone", "none"],
)
def test_worst_and_best_group(harm: list[float], pair: tuple[int, int] | None) -> None:
    assert extremes(np.array(harm)) == pair
