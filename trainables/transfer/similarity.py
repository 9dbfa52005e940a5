"""Similarity-preserving transfer (Tung and Mori, ICCV 2019): images alike to the teacher become alike to the student.

    G = rows of Q Q^T, each of unit length,    L = 1/B^2 || G_S - G_T ||_F^2

with Q [B, K] the embeddings, which the last layer sees. Neither labels nor sizes need be shared. The matrix is that
of a batch, so the knowledge of a view is its activations, from which the loss makes the teacher's matrix.

Shapes: B images, K activations.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional

from trainables.knob import Range
from trainables.transfer.method import Method


class Similarity(Method):
    """The matrix of similarities within a batch."""

    name = "similarity"
    title = "Similarity-preserving transfer"
    reference = "Tung and Mori, ICCV 2019, Eq. 1 to 4"
    formula = "L = 1/B^2 || G_S - G_T ||_F^2, G = rows of Q Q^T, each of unit length"
    teacher_roles = student_roles = ("embedding",)
    beta = Range(low=0.0001, high=1.0, first=0.01, log=True)

    def knowledge(self, teacher: Mapping[str, Tensor]) -> Tensor:
        """The teacher's embeddings [B, K]."""
        return teacher["embedding"].detach()

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        """The mean squared difference of the two matrices, a scalar."""
        return functional.mse_loss(similarities(student["embedding"]), similarities(knowledge))


def similarities(activations_BK: Tensor) -> Tensor:
    """[B, B], each row of unit length; a zero row stays zero."""
    return functional.normalize(activations_BK @ activations_BK.T, dim=1)
