"""Near-equal hashes: each pair is found once, by hand, beside a comparison of all pairs, and among 100,000."""

from __future__ import annotations

import time

import numpy as np
import pytest

from trainables.data import near_pairs as module
from trainables.data.near_pairs import TooManyAlikeError, near_pairs

LIMIT_S = 60.0  # on a busy machine; 2 s on a quiet one


def brute(bits_NK: np.ndarray, max_bits: int) -> list[list[int]]:
    distances = (bits_NK[:, None] != bits_NK[None]).sum(axis=2)
    pairs = [(i, j) for i in range(len(bits_NK)) for j in range(i + 1, len(bits_NK))]
    return [[i, j, int(distances[i, j])] for i, j in pairs if distances[i, j] <= max_bits]


def test_pairs_by_hand() -> None:
    bits = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 1]], dtype=bool)
    assert near_pairs(bits, 0).tolist() == [[0, 1, 0]]
    assert near_pairs(bits, 1).tolist() == [[0, 1, 0], [0, 2, 1], [1, 2, 1]]
    assert near_pairs(bits, 3).tolist() == [[0, 1, 0], [0, 2, 1], [1, 2, 1], [2, 3, 3]]
    assert near_pairs(bits[:1], 1).shape == (0, 3)


@pytest.mark.parametrize(("num_bits", "max_bits"), [(64, 6), (256, 20), (70, 3), (65, 0), (9, 8)])
def test_the_same_pairs_as_a_comparison_of_all(num_bits: int, max_bits: int) -> None:
    rng = np.random.default_rng(num_bits)
    base = rng.random((40, num_bits)) < 0.5
    changed = base[rng.integers(0, 40, 160)]
    changed ^= rng.random(changed.shape) < rng.uniform(0, 2 * (max_bits + 1) / num_bits, (160, 1))
    bits = np.concatenate([base, changed])
    expected = brute(bits, max_bits)
    assert len(expected) > 20
    assert near_pairs(bits, max_bits).tolist() == expected


def test_a_hundred_thousand_hashes_take_seconds() -> None:
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (100_000, 256), dtype=np.int8).astype(bool)
    planted = rng.choice(100_000, (50, 2), replace=False)
    bits[planted[:, 1]] = bits[planted[:, 0]]
    for number, row in enumerate(planted[:, 1]):
        bits[row, rng.choice(256, number % 21, replace=False)] ^= True
    started_s = time.monotonic()
    pairs = near_pairs(bits, 20)
    assert time.monotonic() - started_s < LIMIT_S
    assert {tuple(pair) for pair in pairs[:, :2].tolist()} == {(min(pair), max(pair)) for pair in planted.tolist()}


def test_hashes_that_hardly_differ_are_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_COMPARISONS", 100)
    with pytest.raises(TooManyAlikeError, match=r"at most 100 comparisons .* 30 hashes need 870: most of them"):
        near_pairs(np.zeros((30, 64), dtype=bool), 1)


def test_a_limit_above_the_number_of_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="0 <= max_bits < 4, the number of bits, must hold, but got 4"):
        near_pairs(np.zeros((2, 4), dtype=bool), 4)
