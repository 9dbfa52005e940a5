"""A student's weights before its first epoch: those that it was built with, a teacher's, or drawn to match a teacher's.

Shapes: L labels or classes.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from trainables.init_names import is_matched
from trainables.models.architectures import known, load_backbone


def give_first_weights(student: nn.Module, architecture: str, init: str, source: Mapping[str, Tensor] | None) -> None:
    """Puts the weights called `init` into a student that was just built; its head stays as it was drawn.

    Args:
        init: as `trainables.init_names` has it.
        source: the state dict of the teacher that `init` names; None leaves the student as it was drawn.

    Raises:
        ValueError: a shared tensor is absent or of another shape.
    """
    if source is not None:
        weights = drawn_like(source, student, architecture) if is_matched(init) else source
        load_backbone(student, architecture, weights)


def drawn_like(source: Mapping[str, Tensor], student: nn.Module, architecture: str) -> dict[str, Tensor]:
    """Independent normal weights with the mean and the variance of each of the source's tensors.

    Drawn from torch's global generator, in the order of the student's parameters: its seed decides them, as it decides
    random first weights. The running statistics of batch norms are fresh: they belong to activations that are gone.

    Source: Raghu et al. 2019, section 5, "Mean Var Init".
    """
    facts, weights = known(architecture), dict(student.state_dict())
    for name, _ in student.named_parameters():
        if not facts.is_backbone(name):
            continue
        if name not in source:
            del weights[name]  # for `load_backbone` to name
            continue
        like = source[name].to(torch.float32)
        weights[name] = torch.randn(like.shape) * like.std(correction=0) + like.mean()
    return weights
