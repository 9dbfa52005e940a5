"""What of a student is trained: everything from a stage on (`trainables.models.stages`), and nothing before it.

Neither images nor frozen layers ask for a gradient, so that autograd records nothing before the first trained stage: no
activation is kept, and the backward pass ends there. Frozen layers are also in evaluation mode, whatever mode the
student is in: their batch norms keep their statistics, and they drop nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial

from torch import nn

from trainables.models.architectures import find, known, undrawn
from trainables.models.stages import ALL, stage_names
from trainables.models.taps import INPUT, Tap


def unfreeze(student: nn.Module, architecture: str, depth: str) -> None:
    """Chooses what is trained, whatever was chosen before; the weights and their names stay as they are.

    Raises:
        ValueError: there is no such architecture, or it does not have that depth.
    """
    depths = known(architecture).depths
    if depth not in depths:
        raise ValueError(f"unfreeze must be one of {', '.join(depths)} for {architecture}, but got {depth!r}")
    names = stage_names(student)
    first = names.index(depths[depth])
    student.requires_grad_(True)
    for parameter in student.parameters(recurse=False):  # a transformer's class token and positions
        parameter.requires_grad_(depth == ALL)
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


def frozen_taps(architecture: str, depth: str, roles: Sequence[str]) -> list[str]:
    """Those of `roles` whose tap lies before the first trained layer: a loss there has no gradient to the student.

    Args:
        roles: as `trainables.transfer.method` has them; outputs ("logits") are never frozen.
    """
    facts, names = known(architecture), _stages_of(architecture)
    num_frozen = names.index(facts.depths[depth])
    places = {role: facts.taps[role] for role in roles if role in facts.taps}
    return [role for role, tap in places.items() if _num_stages_before(tap, names) <= num_frozen]


def _num_stages_before(tap: Tap, stages: Sequence[str]) -> int:
    """How many of the first stages have run when a tap is passed."""
    if tap.place.endswith(INPUT):
        return _stage_of(tap.module, stages)
    return _stage_of(tap.module, stages) + 1


def _stage_of(module: str, stages: Sequence[str]) -> int:
    """The number, from 0, of the stage that a module lies in; or of the last one in it, where it holds several."""
    place = f"{module}."
    return max(
        number for number, name in enumerate(stages) if place.startswith(f"{name}.") or f"{name}.".startswith(place)
    )


@cache
def drawn_and_frozen(architecture: str, depth: str) -> tuple[str, ...]:
    """The frozen stages with weights that no first weights are loaded into: they stay as they were drawn."""
    network, facts = undrawn(architecture, 1), known(architecture)
    names = stage_names(network)
    frozen = names[: names.index(facts.depths[depth])]
    own = [name for name in frozen if not facts.is_backbone(f"{name}.")]
    return tuple(name for name in own if any(True for _ in network.get_submodule(name).parameters()))


def rank(architecture: str, depth: str) -> int:
    """Where a depth stands among those of its architecture, the fewest layers first; `ALL` is behind unknown ones."""
    facts = find(architecture)
    depths = list(facts.depths) if facts else []
    if depth in depths:
        return depths.index(depth)
    return len(depths) + (depth == ALL)


@cache
def _stages_of(architecture: str) -> list[str]:
    return stage_names(undrawn(architecture, 1))


def _stay(stage: nn.Module, mode: bool = True) -> nn.Module:
    """What a frozen stage does when it is told to train, or not to."""
    return type(stage).train(stage, False)
