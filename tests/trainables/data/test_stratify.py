"""How patients are dealt: kinds counted by hand, rare kinds, and parts that would otherwise be empty."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trainables.data.splits import counts_for, split_patients, train_rank
from trainables.data.store import fingerprint_of_split
from trainables.data.stratify import deal, even_order, kinds_of_patients


def test_the_kinds_of_images_by_hand() -> None:
    # Two labels of five images: the first positive once and uncertain once; the second negative once.
    labels_NL = np.array([[1, 1], [0, 1], [-1, 1], [0, 0], [0, 1]], np.int8)
    kinds_PK = kinds_of_patients(labels_NL, np.array([0, 0, 1, 1, 2]))
    assert kinds_PK.tolist() == [
        # first positive, first uncertain, second negative, second positive, all
        [1, 0, 0, 2, 2],
        [0, 1, 1, 1, 2],
        [0, 0, 0, 1, 1],
    ]


def test_each_class_is_a_kind_but_those_of_all_images_or_none() -> None:
    classes_N1 = np.array([[0], [3], [0], [0]], np.int8)
    assert kinds_of_patients(classes_N1, np.array([0, 1, 1, 2])).tolist() == [[0, 1, 1], [1, 1, 2], [0, 1, 1]]
    nothing_N1 = np.zeros((3, 1), np.int8)
    assert kinds_of_patients(nothing_N1, np.arange(3)).tolist() == [[1], [1], [1]]


def test_what_only_two_patients_have_is_for_training() -> None:
    """Three parts cannot all have it, and in proportion most of it belongs into the largest."""
    kinds_PK = np.ones((100, 2))
    kinds_PK[2:, 0] = 0
    for seed in range(10):
        part_P = deal(kinds_PK, [80, 10, 10], np.random.default_rng(seed))
        assert part_P[:2].tolist() == [0, 0]
        assert np.bincount(part_P).tolist() == [80, 10, 10]


@pytest.mark.parametrize("rare", [(0, 1), (0, 15), (6, 7)])
def test_what_two_patients_have_is_once_in_each_half_of_an_order(rare: tuple[int, int]) -> None:
    kinds_PK = np.ones((16, 2))
    kinds_PK[:, 0] = np.isin(np.arange(16), rare)
    for seed in range(10):
        places = np.flatnonzero(np.isin(even_order(kinds_PK, np.random.default_rng(seed)), rare))
        assert places[0] < 8 <= places[1]


def test_images_that_are_prepared_anew_are_split_as_ever() -> None:
    """After an update, say: results before and after it are then of the same images."""
    numbers = np.arange(400)
    labels = np.stack([numbers % 3 == 0, numbers % 7 == 0, numbers % 50 == 0], axis=1).astype(np.int8)
    rows = pd.DataFrame({"patient": (numbers**2 // 900).astype(str), "labels": list(labels)})
    split = split_patients(rows, counts_for("own", 400), seed=0)
    assert fingerprint_of_split(split, train_rank(rows, split, seed=0)) == "9e9cc7bab803c467"


def test_no_part_is_without_a_patient_however_uneven_they_are() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        num_images_P = rng.integers(1, 60, size=rng.integers(3, 6))
        counts = counts_for("own", max(int(num_images_P.sum()), 10))
        part_P = deal(num_images_P[:, None].astype(float), [*counts.values()], rng)
        assert set(part_P) == {0, 1, 2}, (seed, num_images_P)


def test_fewer_patients_than_parts_are_refused() -> None:
    with pytest.raises(ValueError, match="3 parts need at least as many patients, but there are 2"):
        deal(np.ones((2, 1)), [1, 1, 1], np.random.default_rng(0))


def test_one_image_is_enough_for_a_split() -> None:
    assert counts_for("own", 10) == {"train": 8, "validation": 1, "test": 1}
