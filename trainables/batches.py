"""Which images an epoch puts through the student together.

Shapes: B images of a batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def batches(rows: NDArray[np.int64], batch_size: int, seed: int, epoch: int) -> Iterator[NDArray[np.int64]]:
    """The rows of the store in an order drawn from (seed, epoch), batch by batch, each sorted for reading.

    A last batch of one image joins the one before: batch norm cannot normalise a single value.
    """
    order = np.random.default_rng((seed, epoch)).permutation(rows)
    starts = list(range(0, len(order), batch_size))
    if len(starts) > 1 and len(order) - starts[-1] == 1:
        starts.pop()
    for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
        yield np.sort(order[start:end])


def micro_batches(rows_B: NDArray[np.int64], size: int | None) -> list[NDArray[np.int64]]:
    """The batch in parts of about `size`, whose gradients add up to one step of the optimizer; None: in one.

    Batch norms see a part at a time: the numbers are not those of the whole batch. No part is a single image.
    """
    if size is None:
        return [rows_B]
    return np.array_split(rows_B, max(1, min(math.ceil(len(rows_B) / size), len(rows_B) // 2)))
