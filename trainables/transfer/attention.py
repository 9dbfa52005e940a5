"""Attention transfer as Akbarian et al. 2020 define it, Eq. 1.

    L_AT = 1/C * sum_j || Q_S^j / ||Q_S^j||_2  -  Q_T^j / ||Q_T^j||_2 ||_2

with Q^j the j-th of the C planes at the tap, flattened; here averaged over the batch. It lies in [0, 2].

It differs from Zagoruyko and Komodakis (2017), whose map is the channel mean of squares and whose squared difference is
averaged over positions: a beta of the one means nothing in the other. Gradients reach the student alone.

Shapes: B images, C planes of h x w (32 planes of 8 x 8 at 256 x 256 px).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from trainables.transfer.method import Method

# Below this a plane, or a difference of two unit planes, counts as zero. Far above float32's underflow in a square, far
# below any plane that carries a picture.
EPSILON = 1e-12


class AttentionTransfer(Method):
    """Eq. 1: the teacher's knowledge of a view is its planes, each of unit length."""

    name = "attention"
    title = "Attention transfer"
    reference = "Akbarian et al. 2020, Eq. 1, after Zagoruyko and Komodakis, ICLR 2017"
    formula = "L_AT = 1/C sum_j || Q_S^j/||Q_S^j|| - Q_T^j/||Q_T^j|| ||"
    teacher_roles = student_roles = same_planes = same_size = ("attention",)

    def knowledge(self, teacher: Mapping[str, Tensor]) -> Tensor:
        """The teacher's unit planes [B, C, h, w]."""
        return unit_planes(teacher["attention"].detach())

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        """L_AT, a scalar.

        Raises:
            ValueError: student and teacher do not have the same planes.
        """
        student_BChw = student["attention"]
        if student_BChw.shape != knowledge.shape:
            raise ValueError(
                "student and teacher must have the same planes at the tap (Eq. 1), "
                f"but got {tuple(student_BChw.shape)} and {tuple(knowledge.shape)}"
            )
        return plane_lengths(unit_planes(student_BChw) - knowledge).mean()


def unit_planes(planes_BChw: Tensor) -> Tensor:
    """Each plane divided by its length; a zero plane stays zero, with a zero gradient."""
    lengths_BC11 = plane_lengths(planes_BChw)[..., None, None]
    is_zero_BC11 = lengths_BC11 == 0
    # Dividing a zero plane by a small number instead would give it a gradient of 1e12, which Adam never forgets.
    return torch.where(is_zero_BC11, 0.0, planes_BChw / torch.where(is_zero_BC11, 1.0, lengths_BC11))


def plane_lengths(planes_BChw: Tensor) -> Tensor:
    """The l2 norm of each plane, [B, C]; its gradient at a zero plane is zero, where the plain norm's is NaN."""
    squares_BC = planes_BChw.square().sum(dim=(2, 3))
    is_zero_BC = squares_BC <= EPSILON**2
    return torch.where(is_zero_BC, 0.0, torch.where(is_zero_BC, 1.0, squares_BC).sqrt())
