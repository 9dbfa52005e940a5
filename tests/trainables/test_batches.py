"""Which images go through the student together, and in which order."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trainables.batches import batches, micro_batches


@pytest.mark.parametrize(
    ("num_images", "size", "expected"),
    [(8, None, [8]), (8, 8, [8]), (8, 4, [4, 4]), (7, 4, [4, 3]), (9, 2, [3, 2, 2, 2]), (3, 2, [3]), (2, 2, [2])],
)
def test_parts_are_about_equal_and_none_is_a_single_image(
    num_images: int, size: int | None, expected: list[int]
) -> None:
    rows = np.arange(num_images) * 10
    parts = micro_batches(rows, size)
    assert [len(part) for part in parts] == expected
    assert np.concatenate(parts).tolist() == rows.tolist()


def drawn(rows: np.ndarray, batch_size: int, seed: int = 0, epoch: int = 1) -> list[list[int]]:
    return [batch.tolist() for batch in batches(rows, batch_size, seed, epoch)]


@pytest.mark.parametrize("batch_size", [1, 4, 10, 16, 50])
def test_batches_hold_every_row_once_each_sorted_for_reading(batch_size: int) -> None:
    rows = np.array([3, 5, 8, 9, 20, 21, 22, 30, 31, 40, 41, 42, 43, 50, 60, 61])
    drawn_batches = drawn(rows, batch_size)
    assert sorted(row for batch in drawn_batches for row in batch) == rows.tolist()
    assert all(batch == sorted(batch) for batch in drawn_batches)
    assert {len(batch) for batch in drawn_batches[:-1]} <= {batch_size}


def test_the_order_of_the_batches_depends_on_seed_and_epoch_alone() -> None:
    rows = np.arange(40)
    first = drawn(rows, 8, seed=1, epoch=2)
    np.random.seed(5)
    torch.manual_seed(5)
    assert drawn(rows, 8, seed=1, epoch=2) == first
    assert drawn(rows, 8, seed=2, epoch=2) != first
    assert drawn(rows, 8, seed=1, epoch=3) != first
    assert drawn(rows, 8, seed=2, epoch=1) != first


@pytest.mark.parametrize(
    ("num_rows", "batch_size", "sizes"),
    [(9, 4, [4, 5]), (5, 4, [5]), (10, 4, [4, 4, 2]), (8, 4, [4, 4]), (1, 4, [1]), (3, 1, [1, 2])],
)
def test_a_last_batch_of_one_joins_the_one_before(num_rows: int, batch_size: int, sizes: list[int]) -> None:
    assert [len(batch) for batch in drawn(np.arange(num_rows), batch_size)] == sizes
