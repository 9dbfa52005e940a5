"""A control: attention transfer from the attention of another image.

Whatever effect remains is not knowledge of the image. Which other image is drawn once per batch size: a batch is
in the order of the store, where the next image is often of the same class or patient.

Shapes: B images, C planes of h x w.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from trainables.transfer.attention import AttentionTransfer


class PermutedAttention(AttentionTransfer):
    """Eq. 1 with each image's teacher planes exchanged for those of another image of the batch."""

    name = "attention-permuted"
    title = "Attention to another image (control)"
    reference = "control of Akbarian et al. 2020, Eq. 1; ours"
    formula = "L_AT with the teacher's planes of another image of the batch in the place of its own"

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        """L_AT against the wrong images' planes, a scalar."""
        return super().loss(student, knowledge[others(len(knowledge)).to(knowledge.device)])


def others(num_images: int) -> Tensor:
    """For each image the index of another one [B]: one random cycle through all of them, always the same."""
    order_B = torch.randperm(num_images, generator=torch.Generator().manual_seed(0))
    return torch.empty_like(order_B).scatter_(0, order_B, order_B.roll(1))
