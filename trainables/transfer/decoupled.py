"""Multi-label logit distillation (Yang et al., ICCV 2023): each label is a question of its own, one against the rest.

    L = T^2 sum_l KL(Bernoulli(sigmoid(z_T^l / T)) || Bernoulli(sigmoid(z_S^l / T)))

At T = 1, the first value, it is their loss, which has no temperature. For "multilabel" it is L times the loss of
`trainables.transfer.distillation` at the same T, which averages over labels. For "multiclass" it is another loss: a
softmax teacher says of two classes only which is likelier, while here its logits are compared one by one. The second
part of their method, the embeddings of labels, needs a network made for it and is not implemented.

Shapes: B images, L shared labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from trainables.knob import Range
from trainables.transfer.distillation import bernoulli_divergence
from trainables.transfer.method import Method


class DecoupledLabels(Method):
    """A binary divergence a label, summed over labels."""

    name = "decoupled-labels"
    title = "Multi-label distillation"
    reference = "Yang et al., Multi-Label Knowledge Distillation, ICCV 2023 (MLD)"
    formula = "L = T^2 sum_l KL(p_T^l(T) || p_S^l(T)), p^l: Bernoulli(sigmoid(z^l / T))"
    teacher_roles = student_roles = ("logits",)
    averages = True
    knobs: ClassVar[Mapping[str, Range]] = {"temperature": Range(low=1.0, high=20.0, first=1.0, log=True)}
    beta = Range(low=0.1, high=1000.0, first=10.0, log=True)  # ours

    def knowledge(self, teacher: Mapping[str, Tensor]) -> Tensor:
        """The logits [B, L]."""
        return teacher["logits"].detach()

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        """The sum over labels, averaged over the batch: a scalar."""
        temperature = self.knob["temperature"]
        divergence_BL = bernoulli_divergence(student["logits"] / temperature, knowledge / temperature)
        return temperature**2 * divergence_BL.sum(dim=1).mean()
