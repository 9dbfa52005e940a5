"""Knowledge distillation (Hinton, Vinyals and Dean 2015): the student learns the teacher's softened outputs.

    multiclass   L = T^2 KL(softmax(z_T / T) || softmax(z_S / T))
    multilabel   L = T^2 mean_l KL(Bernoulli(sigmoid(z_T^l / T)) || Bernoulli(sigmoid(z_S^l / T)))

T^2 keeps the gradient's size as T grows. With sigmoid outputs, unlike a softmax, each label is a distribution of its
own, as in the multi-label logit distillation of Yang et al. (ICCV 2023). Only labels that both networks have, by name,
are compared. For an ensemble (``a+b``) the mean of the logits is softened: the geometric mean of its distributions.

Shapes: B images, L shared labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from trainables.knob import Range
from trainables.transfer.method import Method


class Distillation(Method):
    """The teacher's logits are its knowledge: 14 numbers a view, say."""

    name = "distillation"
    title = "Distillation"
    reference = "Hinton, Vinyals and Dean 2015; per label: Yang et al., ICCV 2023"
    formula = "L = T^2 KL(p_T(T) || p_S(T)), p: softmax(z / T), or sigmoid(z / T) a label"
    teacher_roles = student_roles = ("logits",)
    averages = True
    knobs: ClassVar[Mapping[str, Range]] = {"temperature": Range(low=1.0, high=20.0, first=4.0, log=True)}
    beta = Range(low=0.1, high=100.0, first=1.0, log=True)

    def knowledge(self, teacher: Mapping[str, Tensor]) -> Tensor:
        """The logits [B, L]."""
        return teacher["logits"].detach()

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        """The softened divergence, a scalar: mean over the batch, and over labels for "multilabel"."""
        temperature = self.knob["temperature"]
        student_BL, teacher_BL = student["logits"] / temperature, knowledge / temperature
        if self.task == "multiclass":
            divergence = functional.kl_div(
                student_BL.log_softmax(1), teacher_BL.log_softmax(1), reduction="batchmean", log_target=True
            )
        else:
            divergence = bernoulli_divergence(student_BL, teacher_BL).mean()
        return temperature**2 * divergence


def bernoulli_divergence(student_BL: Tensor, teacher_BL: Tensor) -> Tensor:
    """KL(Bernoulli(sigmoid(teacher)) || Bernoulli(sigmoid(student))) [B, L], from logits, finite for any of them."""
    teacher_p_BL = torch.sigmoid(teacher_BL)
    positive_BL = teacher_p_BL * (functional.logsigmoid(teacher_BL) - functional.logsigmoid(student_BL))
    negative_BL = (1 - teacher_p_BL) * (functional.logsigmoid(-teacher_BL) - functional.logsigmoid(-student_BL))
    return positive_BL + negative_BL
