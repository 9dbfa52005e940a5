"""Variational information distillation (Ahn et al., CVPR 2019): what the student's maps say about the teacher's.

    L = mean over places of  1/2 mean_cxy [ (t_c - mu_c(s))^2 / sigma_c^2 + log sigma_c^2 ]
    sigma_c^2 = log(1 + exp(alpha_c)) + epsilon

It is, but for a constant, the negative logarithm of a Gaussian q(t | s), which bounds the mutual information of the
maps t and s from below. mu is a 1 x 1 convolution and alpha one number per plane, both learned: a plane that the
student cannot predict gets a large variance and no longer counts. The variance starts at 1, where the loss is half the
mean squared difference, as in `trainables.transfer.hints`. The loss may become negative, since the logarithm may.

The authors' mu has three layers and their variance starts at 5; their sum over planes and positions is a mean here, so
that beta does not depend on the sizes. There are two places, "middle" and "final". The teacher's maps are pooled to one
grid, the smaller one of theirs and of 8 x 8, so that a view's knowledge is one block; student and teacher are compared
on the smaller of their grids. Gradients reach the student, mu and alpha.

Shapes: B images, C planes of h x w; C_m and C_f of them are the teacher's in the middle and at the end.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.knob import Range
from trainables.transfer.method import Method
from trainables.transfer.pooling import at_most, to_one_size

PLACES = ("middle", "final")
MIN_VARIANCE = 1e-5  # their epsilon


class InformationDistillation(Method):
    """The regressors and variances are trained and saved with the student, and thrown away in the end."""

    name = "vid"
    title = "Variational information distillation"
    reference = "Ahn et al., CVPR 2019, Eq. 5 and 6"
    formula = "L = 1/2 mean [(t - mu(s))^2 / sigma^2 + log sigma^2], mu: 1 x 1 convolution, sigma: learned per plane"
    teacher_roles = student_roles = PLACES
    beta = Range(low=0.01, high=100.0, first=1.0, log=True)  # first as theirs, a weight of 1; the range is ours

    def __init__(self, task: str, planes: Mapping[str, tuple[int, int]], **knobs: float) -> None:
        super().__init__(task, planes, **knobs)
        self.gaussians = nn.ModuleDict({place: Gaussian(*planes[place]) for place in PLACES})
        self._num_planes = [planes[place][1] for place in PLACES]

    def knowledge(self, teacher: Mapping[str, Tensor]) -> Tensor:
        """The teacher's maps at both places on one grid: [B, C_m + C_f, h, w], h and w at most 8."""
        middle, final = to_one_size(*(at_most(teacher[place].detach()) for place in PLACES))
        return torch.cat([middle, final], dim=1)

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        """The mean of both places' negative log-likelihoods, a scalar of either sign."""
        parts = zip(PLACES, knowledge.split(self._num_planes, dim=1), strict=True)
        return torch.stack([self.gaussians[place](student[place], target) for place, target in parts]).mean()


class Gaussian(nn.Module):
    """q(t | s): a normal distribution for each of the teacher's planes, given the student's."""

    def __init__(self, num_student: int, num_teacher: int) -> None:
        super().__init__()
        self.regressor = nn.Conv2d(num_student, num_teacher, kernel_size=1)
        self.alpha = nn.Parameter(torch.full((num_teacher,), math.log(math.expm1(1 - MIN_VARIANCE))))

    def forward(self, student_BChw: Tensor, target_BChw: Tensor) -> Tensor:
        """-log q(t | s) without its constant, a scalar: the mean over images, planes and positions."""
        own, target = to_one_size(student_BChw, target_BChw)
        variance_C11 = (functional.softplus(self.alpha) + MIN_VARIANCE)[:, None, None]
        difference = self.regressor(own) - target
        return (difference.square() / variance_C11 + variance_C11.log()).mean() / 2
