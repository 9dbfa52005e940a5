"""A variant of Eq. 1 of Akbarian et al. 2020 for networks whose planes or sizes differ: the student's are projected.

    L = 1/C sum_j || (P A_S)^j / ||(P A_S)^j|| - A_T^j / ||A_T^j|| ||

with P a learned 1 x 1 convolution without bias, from the student's planes to the C planes of the teacher. It lies in
[0, 2] as Eq. 1 does, but it is not Eq. 1 even where planes and sizes are equal: there plane j of the student is the one
compared with plane j of the teacher, here any mixture of the student's planes is. A beta of the one means nothing in
the other. Both maps are pooled to the smaller size, the teacher's to at most 8 x 8, which is its own at 256 px. On a
grid of one position a unit plane is 1 or -1, and there is no gradient. Gradients reach the student and P.

Shapes: B images, C planes of h x w.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from trainables.transfer.attention import plane_lengths, unit_planes
from trainables.transfer.method import Method
from trainables.transfer.pooling import at_most, to_one_size


class ProjectedAttention(Method):
    """The projection is trained and saved with the student, and thrown away in the end."""

    name = "attention-projected"
    title = "Attention transfer through a projection"
    reference = "variant of Akbarian et al. 2020, Eq. 1; ours, with the regressor of Romero et al., FitNets, ICLR 2015"
    formula = "L = 1/C sum_j || unit((P A_S)^j) - unit(A_T^j) ||, P: learned 1 x 1 convolution, unit: of length 1"
    teacher_roles = student_roles = ("attention",)

    def __init__(self, task: str, planes: Mapping[str, tuple[int, int]], **knobs: float) -> None:
        super().__init__(task, planes, **knobs)
        num_student, num_teacher = planes["attention"]
        self.projection = nn.Conv2d(num_student, num_teacher, kernel_size=1, bias=False)

    def knowledge(self, teacher: Mapping[str, Tensor]) -> Tensor:
        """The teacher's unit planes [B, C, h, w], h and w at most 8; pooling them later changes only their lengths."""
        return unit_planes(at_most(teacher["attention"].detach()))

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        """The mean distance of unit planes, a scalar."""
        own, others = to_one_size(student["attention"], knowledge)
        return plane_lengths(unit_planes(self.projection(own)) - unit_planes(others)).mean()
