"""Embedding transfer with a queue, and beside it the maps themselves: what is alike, and where it lies.

    L = L_Q + w mean_xy (1 - cos(m_S(x, y), m_T(x, y)))

with L_Q of `trainables.transfer.embedding_queue`, m_T the teacher's last map, and m_S the student's through a learned
1 x 1 convolution to as many planes. The teacher's map is pooled to at most 8 x 8; where the two differ in size, both
are pooled to the smaller. The spatial term is ours, after LightlyTrain's distillation v2, which takes the mean squared
difference of the vectors as they are, where here their length does not count. Gradients reach the student and the
method's own layers.

A method of its own, since a map makes the knowledge of a view some fifty times larger.

Shapes: B images, K_S and K_T activations, C_S and C_T planes of student and teacher; maps of h x w.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.knob import Range
from trainables.transfer.embedding_queue import EmbeddingQueue
from trainables.transfer.pooling import at_most, to_one_size


class EmbeddingQueueSpatial(EmbeddingQueue):
    """Embedding and map lie side by side in one row per view; the embedding alone is queued."""

    name = "embedding-queue-spatial"
    title = "Embedding transfer with a queue and maps"
    reference = f"{EmbeddingQueue.reference}; the spatial term: ours, after distillation v2"
    formula = "L = L_Q + w mean_xy (1 - cos(r'(m_S), m_T)), L_Q: of embedding-queue, r': 1 x 1 convolution"
    teacher_roles = student_roles = ("embedding", "final")
    knobs: ClassVar[Mapping[str, Range]] = {
        **EmbeddingQueue.knobs,
        "spatial_weight": Range(low=0.0, high=4.0, first=1.0),  # ours
    }

    def __init__(self, task: str, planes: Mapping[str, tuple[int, int]], **knobs: float) -> None:
        super().__init__(task, planes, **knobs)
        num_student, num_teacher = planes["final"]
        self.map_projection = nn.Conv2d(num_student, num_teacher, kernel_size=1)
        self._num_activations = planes["embedding"][1]  # of the teacher

    def knowledge(self, teacher: Mapping[str, Tensor]) -> Tensor:
        """The teacher's embedding of unit length and its map, flattened: [B, K_T + C_T h w]."""
        map_BN = at_most(teacher["final"].detach()).flatten(1)
        return torch.cat([super().knowledge(teacher), map_BN], dim=1)

    def rows(self, knowledge: Tensor) -> Tensor:
        """The embedding alone [B, K_T]."""
        return knowledge[:, : self._num_activations]

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        """The weighted sum, a scalar."""
        of_embeddings = super().loss(student, self.rows(knowledge))
        own_BChw, theirs_BChw = to_one_size(student["final"], self._map(knowledge))
        likeness_Bhw = functional.cosine_similarity(self.map_projection(own_BChw), theirs_BChw, dim=1)
        return of_embeddings + self.knob["spatial_weight"] * (1 - likeness_Bhw).mean()

    def _map(self, knowledge: Tensor) -> Tensor:
        """The teacher's map [B, C_T, h, w]: it is square, as all images are."""
        flat_BN = knowledge[:, self._num_activations :]
        num_planes = self.map_projection.out_channels
        side = math.isqrt(flat_BN.shape[1] // num_planes)
        return flat_BN.reshape(len(flat_BN), num_planes, side, side)
