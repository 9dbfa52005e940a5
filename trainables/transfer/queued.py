"""A queue of what a teacher knew of the earlier views of an epoch, for methods that compare a view with many others.

The queue holds the last `QUEUE_SIZE` rows that the earlier batches of the same epoch gave, newest first, and is empty
when an epoch begins. It is therefore a function of seed, epoch and batch alone: no checkpoint holds any of it, and an
interrupted training resumes bit for bit. An epoch has each image once, so no image finds itself in the queue. Where a
batch goes through the student in parts, each part counts as a batch, and the later ones find the earlier in the queue.

It holds the teacher's knowledge and nothing of the student's, whose embeddings of an earlier batch are those of other
weights.

Shapes: B images of a batch, N rows of the queue, K numbers in a row.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from trainables.transfer.method import Method

QUEUE_SIZE = 2048  # ours: 8 MB at 1,024 activations; an epoch of fewer images never fills it


class Queued(Method):
    """What methods with a queue share; not a method itself."""

    def __init__(self, task: str, planes: Mapping[str, tuple[int, int]], **knobs: float) -> None:
        super().__init__(task, planes, **knobs)
        self._earlier_NK: Tensor | None = None  # neither a parameter nor a buffer: it is not part of the method's state

    def begin_epoch(self, epoch: int) -> None:
        """Empties the queue."""
        self._earlier_NK = None

    def remember(self, knowledge: Tensor) -> None:
        """Puts the batch's rows in front of the queue, and drops the oldest."""
        self._earlier_NK = self.with_earlier(self.rows(knowledge))[:QUEUE_SIZE]

    def rows(self, knowledge: Tensor) -> Tensor:
        """What of a batch's knowledge is queued [B, K]: all of it."""
        return knowledge

    def with_earlier(self, rows_BK: Tensor) -> Tensor:
        """The batch's own rows, and behind them those of the queue [B + N, K]."""
        return rows_BK if self._earlier_NK is None else torch.cat([rows_BK, self._earlier_NK])
