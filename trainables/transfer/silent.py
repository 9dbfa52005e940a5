"""A control: attention transfer with beta at infinity: everything is computed, and nothing reaches the gradient.

Its numbers are those of plain transfer learning, to the last bit on a CPU, where seed, learning rate and weight decay
are the same. Whatever its cell gains over the baseline is luck in the search, and a measure of that luck.

Shapes: B images, C planes of h x w.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from trainables.transfer.attention import AttentionTransfer


class SilentAttention(AttentionTransfer):
    """Eq. 1 times zero."""

    name = "attention-silent"
    title = "Attention without weight (control)"
    reference = "control of Akbarian et al. 2020, Eq. 2; ours"
    formula = "L = 0 L_AT: beta at infinity"

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        """0, from the student's planes all the same."""
        return 0 * super().loss(student, knowledge)
