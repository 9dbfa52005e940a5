"""The flow of solution procedure (Yim et al., CVPR 2017): the way from one layer to a later one, as a Gram matrix.

    G_ij = 1/(h w) sum_xy F1_i(x, y) F2_j(x, y),    L = mean_ij (G_S - G_T)^2

F1 is pooled to the size of F2. The original sums over layer pairs and trains in two stages; here there is one pair, in
one stage.

Shapes: B images; F1 [B, C1, h1, w1], F2 [B, C2, h2, w2]; G [B, C1, C2].
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from trainables.knob import Range
from trainables.transfer.method import Method


class Flow(Method):
    """The Gram matrix between a shallow and a middle layer."""

    name = "flow"
    title = "Flow of solution procedure"
    reference = "Yim et al., CVPR 2017, Eq. 1 and 2"
    formula = "L = mean (G_S - G_T)^2, G = 1/(h w) sum_xy F1 F2^T"
    teacher_roles = student_roles = same_planes = ("shallow", "middle")
    beta = Range(low=0.001, high=10.0, first=0.1, log=True)

    def knowledge(self, teacher: Mapping[str, Tensor]) -> Tensor:
        """The teacher's Gram matrices [B, C1, C2]."""
        return gram(teacher["shallow"].detach(), teacher["middle"].detach())

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        """The mean squared difference of the matrices, a scalar.

        Raises:
            ValueError: student and teacher have other numbers of planes there.
        """
        matrices = gram(student["shallow"], student["middle"])
        if matrices.shape != knowledge.shape:
            raise ValueError(
                "student and teacher must have as many planes in both layers (Yim et al.), "
                f"but got {tuple(matrices.shape[1:])} and {tuple(knowledge.shape[1:])}"
            )
        return functional.mse_loss(matrices, knowledge)


def gram(first: Tensor, second: Tensor) -> Tensor:
    """[B, C1, C2], the mean over positions of the products of planes."""
    height, width = second.shape[2:]
    pooled = functional.adaptive_avg_pool2d(first, (height, width))
    return torch.einsum("bihw,bjhw->bij", pooled, second) / (height * width)
