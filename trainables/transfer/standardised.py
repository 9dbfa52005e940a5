"""Logit standardisation (Sun et al., CVPR 2024): distillation of z-scores, so that the scale of logits need not match.

    Z(z) = (z - mean z) / std z
    multiclass   L = T^2 KL(softmax(Z(z_T) / T) || softmax(Z(z_S) / T)), Z over the classes of an image
    multilabel   L = T^2 mean_l KL(Bernoulli(sigmoid(Z(z_T^l) / T)) || Bernoulli(sigmoid(Z(z_S^l) / T))),
                 Z over the images of the batch

T is their base temperature. The standard deviation divides by the count less one, as in the authors' code; over five
classes that makes z-scores 0.89 times those of a division by the count.

The form for "multilabel" is ours. A sigmoid's logit is compared with 0 and not with the other labels' logits, whose
mean says how ill the patient is: standardising over labels would take that away. What a label's logit leaves open, its
place and scale, is open over images, as it is for the AUC. Two classes are treated as one label, the difference of
their logits: z-scores of two numbers are always the same but for their sign, and so have no gradient. For that reason
a batch of one or two images has no loss where z-scores are over images. Only labels that both networks have, by name,
are compared, by `trainables.transfer.distillation`. Gradients reach the student alone.

Shapes: B images, L shared labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from trainables.knob import Range
from trainables.transfer.distillation import Distillation
from trainables.transfer.method import Method

MIN_NUMBERS = 3  # of z-scores that say more than which number is the larger
EPSILON = 1e-6  # a standard deviation below it is rounding, and counts as zero


class StandardisedDistillation(Method):
    """Distillation after z-scores."""

    name = "standardised-distillation"
    title = "Distillation of standardised logits"
    reference = "Sun et al., Logit Standardization in Knowledge Distillation, CVPR 2024; over a batch per label: ours"
    formula = "L = T^2 KL(p_T(T) || p_S(T)), p: softmax(Z / T), or sigmoid(Z / T) a label; Z: z-scores of the logits"
    teacher_roles = student_roles = ("logits",)
    averages = True
    knobs: ClassVar[Mapping[str, Range]] = {"temperature": Range(low=1.0, high=20.0, first=2.0, log=True)}  # theirs: 2
    beta = Range(low=0.001, high=10.0, first=1 / 9, log=True)  # their weight on CIFAR-100: 9

    def __init__(self, task: str, planes: Mapping[str, tuple[int, int]], **knobs: float) -> None:
        super().__init__(task, planes, **knobs)
        self.of_classes, self.of_labels = (
            Distillation(kind, planes, temperature=self.knob["temperature"]) for kind in ("multiclass", "multilabel")
        )

    def knowledge(self, teacher: Mapping[str, Tensor]) -> Tensor:
        """The logits [B, L]."""
        return teacher["logits"].detach()

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        """The softened divergence of z-scores, a scalar."""
        own_BL, others_BL = student["logits"], knowledge
        if self.task == "multiclass" and own_BL.shape[1] >= MIN_NUMBERS:
            return self.of_classes.loss({"logits": z_scores(own_BL, dim=1)}, z_scores(others_BL, dim=1))
        if self.task == "multiclass":
            own_BL, others_BL = own_BL.diff(dim=1), others_BL.diff(dim=1)
        return self.of_labels.loss({"logits": z_scores(own_BL, dim=0)}, z_scores(others_BL, dim=0))


def z_scores(values: Tensor, dim: int) -> Tensor:
    """`values` less their mean along `dim`, over their standard deviation.

    Equal values are 0, with a zero gradient, and so are fewer than three.
    """
    if values.shape[dim] < MIN_NUMBERS:
        return 0 * values
    centred = values - values.mean(dim=dim, keepdim=True)
    variance = centred.square().sum(dim=dim, keepdim=True) / (values.shape[dim] - 1)
    is_constant = variance <= EPSILON**2
    return torch.where(is_constant, 0.0, centred / torch.where(is_constant, 1.0, variance).sqrt())
