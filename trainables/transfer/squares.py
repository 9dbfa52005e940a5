"""Activation-based attention transfer as its authors define it (Zagoruyko and Komodakis, ICLR 2017).

    Q = vec(mean_c A_c^2) / || vec(mean_c A_c^2) ||_2

    in their paper (Eq. 2)   || Q_S - Q_T ||_2, times beta/2
    in their code            mean over positions of (Q_S - Q_T)^2, times beta

The code's form is trained here; it divides by the h w positions, which the paper does not. `beta_of_their_code` says
what a beta of one means in the other, since this project divides by beta (Eq. 2 of Akbarian et al. 2020) where they
multiply. Maps of different sizes are pooled to the smaller. Unlike Eq. 1 of Akbarian et al., one map stands for all
planes.

Shapes: B images, C planes of h x w; maps [B, h, w].
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional

from trainables.knob import Range
from trainables.transfer.method import Method
from trainables.transfer.pooling import to_one_size


class SquaresAttention(Method):
    """The mean of squares over planes as one attention map."""

    name = "attention-squares"
    title = "Attention transfer by squares"
    reference = "Zagoruyko and Komodakis, ICLR 2017, Eq. 2, in the scaling of their code"
    formula = "L = mean_xy (Q_S - Q_T)^2, Q = mean_c A_c^2 of unit length"
    teacher_roles = student_roles = ("attention",)
    beta = Range(low=1e-5, high=0.1, first=1e-3, log=True)  # their code's usual weight is 1,000

    def knowledge(self, teacher: Mapping[str, Tensor]) -> Tensor:
        """The teacher's map [B, h, w], of unit length; pooling it later changes only that length."""
        map_Bhw = squares(teacher["attention"].detach())
        return unit_map(map_Bhw).view_as(map_Bhw)

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        """The mean squared difference of the unit maps, a scalar."""
        own_Bhw, others_Bhw = to_one_size(squares(student["attention"]), knowledge)
        return functional.mse_loss(unit_map(own_Bhw), unit_map(others_Bhw))


def squares(planes_BChw: Tensor) -> Tensor:
    """The channel mean of squares [B, h, w]."""
    return planes_BChw.square().mean(dim=1)


def unit_map(map_Bhw: Tensor) -> Tensor:
    """The map, flattened, of unit length [B, h w]; a zero map stays zero."""
    return functional.normalize(map_Bhw.flatten(1), dim=1)


def beta_of_their_code(beta: float) -> float:
    """The factor by which their code multiplies, for a beta of ours, which divides."""
    return 1 / beta


def beta_of_their_paper(beta: float, distance: float, num_positions: int) -> float:
    """The factor of their Eq. 2 (beta/2 times the distance itself) that gives the same loss at that distance.

    The two forms are not proportional: one squares the distance, and the code divides by the h w positions.
    """
    return 2 * distance / (beta * num_positions)
