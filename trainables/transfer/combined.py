"""Attention transfer and distillation together, as a weighted sum: maps say where to look, outputs what to see there.

    L = w L_AT + (1 - w) L_KD

Shapes: B images; see `trainables.transfer.attention` and `trainables.transfer.distillation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from trainables.knob import Range
from trainables.transfer.attention import AttentionTransfer
from trainables.transfer.distillation import Distillation
from trainables.transfer.method import Method


class AttentionAndDistillation(Method):
    """Knowledge of both kinds, side by side in one row per view."""

    name = "attention+distillation"
    title = "Attention transfer with distillation"
    reference = "Akbarian et al. 2020, Eq. 1; Hinton, Vinyals and Dean 2015"
    formula = "L = w L_AT + (1 - w) L_KD"
    teacher_roles = student_roles = ("attention", "logits")
    same_planes = same_size = ("attention",)
    knobs: ClassVar[Mapping[str, Range]] = {
        **Distillation.knobs,
        "attention_weight": Range(low=0.0, high=1.0, first=0.5),
    }
    beta = Distillation.beta

    def __init__(self, task: str, planes: Mapping[str, tuple[int, int]], **knobs: float) -> None:
        super().__init__(task, planes, **knobs)
        self.attention = AttentionTransfer(task, planes)
        self.distillation = Distillation(task, planes, temperature=self.knob["temperature"])

    def knowledge(self, teacher: Mapping[str, Tensor]) -> Tensor:
        """The unit planes, flattened, and the logits behind them: [B, C h w + L]."""
        planes_BN = self.attention.knowledge(teacher).flatten(1)
        return torch.cat([planes_BN, self.distillation.knowledge(teacher)], dim=1)

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        """The weighted sum, a scalar."""
        num_labels, planes_BChw = student["logits"].shape[1], student["attention"]
        of_attention = self.attention.loss(student, knowledge[:, :-num_labels].reshape(planes_BChw.shape))
        of_outputs = self.distillation.loss(student, knowledge[:, -num_labels:])
        weight = self.knob["attention_weight"]
        return weight * of_attention + (1 - weight) * of_outputs
