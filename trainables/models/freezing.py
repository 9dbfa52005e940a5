"""What of a student is trained: everything from a stage on (`trainables.models.stages`), and nothing before it.

Neither images nor frozen layers ask for a gradient, so that autograd records nothing before the first trained stage: no
activation is kept, and the backward pass ends there. Frozen layers are also in evaluation mode, whatever mode the
student is in: their batch norms keep their statistics, and they drop nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial

from torch import nn

from trainables.models.architectures import ARCHITECTURES, BACKBONE, known, undrawn
from trainables.models.stages import ALL

CONTAINER = "features"  # of torchvision's networks: its modules are the stages, not itself


def unfreeze(student: nn.Module, architecture: str, depth: str) -> None:
    """Chooses what is trained, whatever was chosen before; the weights and their names stay as they are.

    Raises:
        ValueError: there is no such architecture, or it does not have that depth.
    """
    depths = known(architecture).depths
    if depth not in depths:
        raise ValueError(f"unfreeze must be one of {', '.join(depths)} for {architecture}, but got {depth!r}")
    names = stages(student)
    first = names.index(depths[depth])
    student.requires_grad_(True)
    for number, name in enumerate(names):
        stage = student.get_submodule(name)
        vars(stage).pop("train", None)
        if number < first:
            stage.requires_grad_(False)
            # In place of the method, so that `train()` of the whole student finds it; a closure could not be pickled.
            vars(stage)["train"] = partial(_stay, stage)
    student.train(student.training)


def num_trainable(student: nn.Module) -> int:
    """The number of parameters that training changes: ``tp`` in Tables IV and V."""
    return sum(parameter.numel() for parameter in student.parameters() if parameter.requires_grad)


def stages(student: nn.Module) -> list[str]:
    """The modules that a network runs one after the other, by name."""
    names: list[str] = []
    for name, module in student.named_children():
        inner = [f"{name}.{part}" for part, _ in module.named_children()]
        names += inner if name == CONTAINER else [name]
    return names


def frozen_taps(architecture: str, depth: str, roles: Sequence[str]) -> list[str]:
    """Those of `roles` whose tap lies before the first trained layer: a loss there has no gradient to the student.

    Args:
        roles: as `trainables.transfer.method` has them; outputs ("logits") are never frozen.
    """
    facts, names = known(architecture), _stages_of(architecture)
    frozen = names[: names.index(facts.depths[depth])]
    places = {role: facts.taps[role].module for role in roles if role in facts.taps}
    return [role for role, place in places.items() if any(f"{place}.".startswith(f"{name}.") for name in frozen)]


@cache
def drawn_and_frozen(architecture: str, depth: str) -> tuple[str, ...]:
    """The frozen stages with weights that no first weights are loaded into: they stay as they were drawn."""
    network = undrawn(architecture, 1)
    names = stages(network)
    frozen = names[: names.index(known(architecture).depths[depth])]
    own = [name for name in frozen if not f"{name}.".startswith(BACKBONE)]
    return tuple(name for name in own if any(True for _ in network.get_submodule(name).parameters()))


def rank(architecture: str, depth: str) -> int:
    """Where a depth stands among those of its architecture, the fewest layers first; `ALL` is behind unknown ones."""
    depths = list(ARCHITECTURES[architecture].depths) if architecture in ARCHITECTURES else []
    if depth in depths:
        return depths.index(depth)
    return len(depths) + (depth == ALL)


@cache
def _stages_of(architecture: str) -> list[str]:
    return stages(undrawn(architecture, 1))


def _stay(stage: nn.Module, mode: bool = True) -> nn.Module:
    """What a frozen stage does when it is told to train, or not to."""
    return type(stage).train(stage, False)
