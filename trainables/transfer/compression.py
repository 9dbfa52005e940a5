"""Model compression (Bucila, Caruana and Niculescu-Mizil, KDD 2006): the teacher's logits as a target.

    L = mean_l (z_S^l - z_T^l)^2

For an ensemble (``a+b``) the target is the mean of the teachers' logits, over the labels that all of them have.

Shapes: B images, L shared labels.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional

from trainables.knob import Range
from trainables.transfer.method import Method


class Compression(Method):
    """Regression on the teacher's logits."""

    name = "compression"
    title = "Model compression"
    reference = "Bucila, Caruana and Niculescu-Mizil, KDD 2006"
    formula = "L = mean_l (z_S - z_T)^2"
    teacher_roles = student_roles = ("logits",)
    averages = True
    beta = Range(low=0.1, high=100.0, first=1.0, log=True)

    def knowledge(self, teacher: Mapping[str, Tensor]) -> Tensor:
        """The logits [B, L]."""
        return teacher["logits"].detach()

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        """The mean squared difference of the logits, a scalar."""
        return functional.mse_loss(student["logits"], knowledge)
