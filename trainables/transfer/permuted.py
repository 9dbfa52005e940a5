"""A control: attention transfer from the attention of another image.

What is left of the effect is not knowledge of the image.

Shapes: B images, C planes of h x w.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from trainables.transfer.attention import AttentionTransfer


class PermutedAttention(AttentionTransfer):
    """Eq. 1 with each image's teacher planes exchanged for those of the next image in the batch."""

    name = "attention-permuted"
    reference = "control of Akbarian et al. 2020, Eq. 1; ours"
    formula = "L_AT with the teacher's planes of image b + 1 in the place of those of image b"

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        """L_AT against the wrong images' planes, a scalar."""
        return super().loss(student, knowledge.roll(1, dims=0))
