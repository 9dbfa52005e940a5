"""FitNets (Romero et al., ICLR 2015): the student's middle layer, through a regressor, predicts the teacher's.

    L = 1/2 mean || u_T - r(v_S) ||^2

The hint is trained in one stage, together with the cross-entropy; the original first trains the hint alone. The
teacher's layer is pooled to a quarter of its side, so that the knowledge of a view stays small, and the student's layer
to the same grid. Where the student's own grid is smaller than that, both are pooled to the student's. The mean instead
of the sum over a map makes beta independent of the image's size.

Shapes: B images, C planes of h x w.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from torch import Tensor, nn
from torch.nn import functional

from trainables.knob import Range
from trainables.transfer.method import Method
from trainables.transfer.pooling import averaged, to_one_size

POOLED = 4  # times smaller


class Hints(Method):
    """The regressor is trained and saved with the student, and thrown away in the end."""

    name = "hints"
    title = "Hints"
    reference = "Romero et al., FitNets, ICLR 2015, Eq. 3"
    formula = "L = 1/2 mean || u_T - r(v_S) ||^2, r: 1 x 1 convolution"
    teacher_roles = student_roles = ("middle",)
    beta = Range(low=0.01, high=100.0, first=1.0, log=True)

    def __init__(self, task: str, planes: Mapping[str, tuple[int, int]], **knobs: float) -> None:
        super().__init__(task, planes, **knobs)
        num_student, num_teacher = planes["middle"]
        self.regressor = nn.Conv2d(num_student, num_teacher, kernel_size=1)

    def knowledge(self, teacher: Mapping[str, Tensor]) -> Tensor:
        """The teacher's hint, pooled: [B, C_T, h / 4, w / 4], both rounded up."""
        height, width = teacher["middle"].shape[2:]
        return averaged(teacher["middle"].detach(), (ceil(height / POOLED), ceil(width / POOLED)))

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        """Half the mean squared difference, a scalar."""
        own, hint = to_one_size(student["middle"], knowledge)
        return functional.mse_loss(self.regressor(own), hint) / 2
