"""Which images go through the student together; the order is `test_loop.py`'s."""

from __future__ import annotations

import numpy as np
import pytest

from trainables.batches import micro_batches


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
