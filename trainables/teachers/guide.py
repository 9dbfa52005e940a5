"""The teacher's side of a training: what it knows of a view, and how far the student is from it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainables.models.densenet import ATTENTION_TAP, build
from trainables.models.taps import Taps, Truncated
from trainables.teachers.cache import KnowledgeCache, in_batches
from trainables.teachers.ledger import Teacher
from trainables.transfer import METHODS


class Guide:
    """A frozen teacher and a method of transfer, for one student.

    Args:
        method: a name in `trainables.transfer.METHODS`.
        student: the student's name, which says where it is tapped.
        teacher: where the knowledge comes from.
        device: where both networks are.
        batch_size: how many views the teacher sees at once, always.
        cache: where its answers are kept; None computes them anew each time, with the same outcome.

    Raises:
        ValueError: there is no such method, or the teacher has no tap.
    """

    def __init__(
        self,
        method: str,
        student: str,
        teacher: Teacher,
        device: torch.device,
        *,
        batch_size: int = 32,
        cache: KnowledgeCache | None = None,
    ) -> None:
        if method not in METHODS:
            raise ValueError(f"the method must be one of transfer, {', '.join(METHODS)}, but got {method!r}")
        if teacher.architecture not in ATTENTION_TAP:
            raise ValueError(f"a teacher must be one of {', '.join(ATTENTION_TAP)}, but got {teacher.architecture!r}")
        self._method = METHODS[method]()
        self._batch_size, self._cache = batch_size, cache
        self._student_tap = ATTENTION_TAP[student]
        self.student_taps = (self._student_tap,)
        network = build(teacher.architecture, len(teacher.label_names))
        network.load_state_dict(teacher.state_dict())
        tapped = Truncated(network, ATTENTION_TAP[teacher.architecture])
        self._network = tapped.to(device).to(memory_format=torch.channels_last)

    def knowledge(self, views_BCHW: Tensor) -> Tensor:
        """What the teacher knows of each view, without gradient; for attention its unit planes [B, 32, H/32, W/32]."""
        return self._method.knowledge(self._network(views_BCHW))

    def knowledge_of(self, views_BCHW: Tensor, rows_B: NDArray[np.int64], epoch: int) -> Tensor:
        """`knowledge` of the views of the images `rows_B` in `epoch`, from the cache where it holds them."""
        if self._cache is None:
            return in_batches(self.knowledge, views_BCHW, self._batch_size)
        return self._cache.knowledge(epoch, rows_B, views_BCHW, self.knowledge, self._batch_size)

    def loss(self, taps: Taps, logits_BL: Tensor, knowledge: Tensor) -> Tensor:
        """The method's loss, a scalar, from the student's activations and the teacher's knowledge of the same views."""
        return self._method.loss(taps[self._student_tap], knowledge)
