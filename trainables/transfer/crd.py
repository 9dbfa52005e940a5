"""Contrastive representation distillation (Tian, Krishnan and Isola, ICLR 2020): which image is this an embedding of?

    L = - mean_i [ log h(t_i, s_i) + sum_{j != i} log(1 - h(t_j, s_i)) ],    h(t, s) = e^{t.s / T} / (e^{t.s / T} + N)

with t = g_T(z_T) and s = g_S(z_S) of unit length, learned linear projections of the two embeddings to 128 numbers, and
N the number of other images: those of the batch and of the queue (`trainables.transfer.queued`). The critic h is the
probability that both of a pair are of the same image. Gradients reach the student, g_S and g_T.

What differs from the original:

- Its memory holds a projection of each training image for either network, renewed once per epoch, of which it draws
  16,384; here the teacher's embeddings are queued as they are, and g_T as it stands is applied to them.
- Its negatives are images of other classes. Here they are any other images: that needs no classes, so it serves
  multi-label sets and images without labels, too.
- It adds a second loss from the teacher's side, over the student's memory. Within a batch both have the same pairs.
- Eq. 19 divides N by the number of training images, and their code divides e^{t.s / T} by that number times its mean
  over the first batch, so that the number cancels out. Here the mean is taken to be 1, its value where t and s are at
  right angles: then nothing has to be kept of the first batch.

Shapes: B images of the batch, M = N + 1 with those of the queue, K_S and K_T activations, D = 128.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.knob import Range
from trainables.transfer.queued import Queued

NUM_PROJECTED = 128  # theirs


class ContrastiveRepresentation(Queued):
    """The projections are trained and saved with the student, and thrown away in the end."""

    name = "crd"
    title = "Contrastive representation distillation"
    reference = "Tian, Krishnan and Isola, ICLR 2020 (CRD), Eq. 10 and 17 to 19"
    formula = "L = -log h_ii - sum_j log(1 - h_ij), h_ij = e^{s_i.t_j/T} / (e^{s_i.t_j/T} + N), of N other images j"
    teacher_roles = student_roles = ("embedding",)
    knobs: ClassVar[Mapping[str, Range]] = {"temperature": Range(low=0.02, high=0.5, first=0.07, log=True)}  # theirs
    beta = Range(low=0.1, high=100.0, first=1.25, log=True)  # theirs: a weight of 0.8

    def __init__(self, task: str, planes: Mapping[str, tuple[int, int]], **knobs: float) -> None:
        super().__init__(task, planes, **knobs)
        num_student, num_teacher = planes["embedding"]
        self.of_student = nn.Linear(num_student, NUM_PROJECTED)
        self.of_teacher = nn.Linear(num_teacher, NUM_PROJECTED)

    def knowledge(self, teacher: Mapping[str, Tensor]) -> Tensor:
        """The teacher's embeddings [B, K_T]."""
        return teacher["embedding"].detach()

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        """The sum over pairs, averaged over the batch: a scalar; 0 for a single image without earlier ones."""
        own_BD = functional.normalize(self.of_student(student["embedding"]), dim=1)
        theirs_MD = functional.normalize(self.of_teacher(self.with_earlier(knowledge)), dim=1)
        scores_BM = own_BD @ theirs_MD.T / self.knob["temperature"]
        num_others = len(theirs_MD) - 1
        log_odds_BM = scores_BM - (math.log(num_others) if num_others else -math.inf)  # of h
        is_own_BM = torch.eye(*scores_BM.shape, dtype=torch.bool, device=scores_BM.device)
        # -log h and -log(1 - h), neither of which is computed by way of h: that is 0 or 1 in float32 soon enough.
        return functional.softplus(torch.where(is_own_BM, -log_odds_BM, log_odds_BM)).sum(dim=1).mean()
