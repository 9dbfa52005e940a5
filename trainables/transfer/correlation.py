"""DIST (Huang et al., NeurIPS 2022): the student's outputs correlate with the teacher's, whatever their scale.

    L = mean_i (1 - r(p_S^i, p_T^i)) + w mean_l (1 - r(p_S^l, p_T^l))

with r Pearson's correlation, p^i the softened outputs for image i over its labels ("inter-class") and p^l those for
label l over the images of the batch ("intra-class"). Gradients reach the student alone.

    multiclass   p = softmax(z / T), as theirs
    multilabel   p = sigmoid(z / T) for each label, which is ours: the paper has classes only

A correlation of two numbers is 1 or -1 and has no gradient. So a relation of fewer than three numbers counts as 0: that
between the labels where student and teacher share one or two, or between the images of a batch of one or two. Outputs
that are all the same correlate with nothing: their distance is 1, without gradient. The authors' code multiplies by
T^2, which keeps a divergence's gradient; a correlation has no scale to keep, and at T = 1, the first value, the two are
the same. Only labels that both networks have, by name, are compared.

Shapes: B images, L shared labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from trainables.knob import Range
from trainables.transfer.method import Method

MIN_NUMBERS = 3  # of a correlation that can be other than 1 or -1
EPSILON = 1e-6  # a length below it is rounding in probabilities, and counts as zero


class CorrelationDistillation(Method):
    """Each image's ranking of the labels, and each label's ranking of the images."""

    name = "dist"
    title = "Correlation distillation (DIST)"
    reference = "Huang et al., Knowledge Distillation from a Stronger Teacher, NeurIPS 2022, Eq. 6 to 10"
    formula = "L = mean_i (1 - r_i) + w mean_l (1 - r_l), r: Pearson's of softened outputs, per image i and per label l"
    teacher_roles = student_roles = ("logits",)
    averages = True
    knobs: ClassVar[Mapping[str, Range]] = {
        "intra_weight": Range(low=0.0, high=4.0, first=1.0),  # as their code has it
        "temperature": Range(low=1.0, high=20.0, first=1.0, log=True),
    }
    beta = Range(low=0.01, high=100.0, first=1.0, log=True)  # their code: a weight of 1

    def knowledge(self, teacher: Mapping[str, Tensor]) -> Tensor:
        """The logits [B, L]."""
        return teacher["logits"].detach()

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        """The weighted sum of both distances, a scalar in [0, 2 + 2 w]."""
        own_BL, others_BL = self._softened(student["logits"]), self._softened(knowledge)
        return distance(own_BL, others_BL) + self.knob["intra_weight"] * distance(own_BL.T, others_BL.T)

    def _softened(self, logits_BL: Tensor) -> Tensor:
        softened_BL = logits_BL / self.knob["temperature"]
        return softened_BL.softmax(dim=1) if self.task == "multiclass" else softened_BL.sigmoid()


def distance(first_RN: Tensor, second_RN: Tensor) -> Tensor:
    """The mean over R rows of 1 - r, a scalar; 0 for rows of fewer than three numbers."""
    if first_RN.shape[1] < MIN_NUMBERS:
        return 0 * first_RN.sum()  # of the graph, for a training without labels has no other loss
    return 1 - correlations(first_RN, second_RN).mean()


def correlations(first_RN: Tensor, second_RN: Tensor) -> Tensor:
    """Pearson's correlation of each row of N numbers with its counterpart, [R]; 0 where all N are the same."""
    return (_directions(first_RN) * _directions(second_RN)).sum(dim=1)


def _directions(rows_RN: Tensor) -> Tensor:
    """Each row less its mean, of unit length; a constant row is zero, with a zero gradient."""
    centred_RN = rows_RN - rows_RN.mean(dim=1, keepdim=True)
    squares_R1 = centred_RN.square().sum(dim=1, keepdim=True)
    is_constant_R1 = squares_R1 <= EPSILON**2
    return torch.where(is_constant_R1, 0.0, centred_RN / torch.where(is_constant_R1, 1.0, squares_R1).sqrt())
