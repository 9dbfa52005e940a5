"""The networks by name: the paper's two students here, foundation models by their own names, and any other of timm's.

The paper's networks are ours, with its exact numbers of parameters, and with the 32 planes that Eq. 1 compares; so is
DenseNet-169, a teacher with the same planes. Networks differ in the number of planes and, seeing through their own
eyes, in the size of their maps: `trainables.teachers.guide.check_fit` says what a method can compare.

Source: Huang et al., CVPR 2017 (DenseNet).

Shapes: B images, 3 planes of H x W pixels (multiples of 32), L labels or classes.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torchvision.models import get_model_weights

from trainables.models import stages, timm_networks
from trainables.models import undrawn as without_values
from trainables.models.densenet import DenseNet40, DenseNet121, DenseNet169
from trainables.models.eyes import look_through
from trainables.models.foundation import FOUNDATION
from trainables.models.network_facts import Architecture
from trainables.models.taps import INPUT, VECTOR, Tap


def _densenet(
    title: str, make: type[nn.Module], *, attention: str, planes: int, depths: Mapping[str, str]
) -> Architecture:
    name = make.__name__.lower()
    return Architecture(
        title=title,
        make=make,
        taps=densenet_taps(attention, "features.norm5", planes),
        output="classifier",
        fresh=("classifier",),
        first_weights=name,
        depths=depths,
        weights=get_model_weights(name)["IMAGENET1K_V1"],
    )


def densenet_taps(attention: str, last: str, planes: int) -> dict[str, Tap]:
    """The taps of a DenseNet: the two that differ from one to the other, and the number of planes at the last one."""
    return {
        "shallow": Tap("features.pool0", 64),
        "middle": Tap("features.transition1", 128),
        "attention": Tap(attention, 32),
        "final": Tap(last, planes, rectified=True),
        "embedding": Tap(f"classifier{INPUT}", planes, VECTOR),
    }


ARCHITECTURES: dict[str, Architecture] = {
    "densenet121": _densenet(
        "DenseNet-121",
        DenseNet121,
        attention="features.denseblock4.denselayer15",
        planes=1024,
        depths=stages.DENSENET_121,
    ),
    "densenet40": Architecture(
        title="DenseNet-40",
        make=DenseNet40,
        taps=densenet_taps("attention", "norm", 1024),
        output="classifier",
        fresh=("attention", "expansion", "norm", "classifier"),
        first_weights="densenet121",
        depths=stages.DENSENET_40,
    ),
    "densenet169": _densenet(
        "DenseNet-169",
        DenseNet169,
        attention="features.denseblock4.denselayer31",
        planes=1664,
        depths=stages.DENSENET_169,
    ),
}


def find(name: str) -> Architecture | None:
    """The architecture of that name; None where there is none.

    Raises:
        ValueError: timm has it, but it cannot be used here; the message says why.
    """
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    if name in FOUNDATION:
        return FOUNDATION[name].architecture(name)
    return timm_networks.architecture(name) if timm_networks.is_network(name) else None


def known(name: str, role: str = "student") -> Architecture:
    """The architecture of that name.

    Raises:
        ValueError: there is none, or it cannot be used here; `role` says whose it was to be.
    """
    if (architecture := find(name)) is None:
        raise ValueError(
            f"the {role} must be one of {', '.join([*ARCHITECTURES, *FOUNDATION])}, or a network of timm's, but got "
            f"{name!r}"
        )
    return architecture


def build(name: str, num_labels: int) -> nn.Module:
    """A network from images [B, 3, H, W] to logits [B, L], with random weights, drawn from torch's global generator.

    It takes the project's views, whatever its makers gave it to see (`trainables.models.eyes`).

    Args:
        num_labels: L; 0 for a network without a head, whose output is its embedding [B, K].

    Raises:
        ValueError: there is none of that name, it cannot do without a head, or `num_labels` is less than 0.
    """
    architecture = known(name)
    least = 0 if name not in ARCHITECTURES else 1
    if num_labels < least:
        raise ValueError(f"num_labels >= {least} must hold for {name}, but got num_labels={num_labels}")
    return look_through(architecture.make(num_labels), architecture.eyes)


def restored(name: str, num_labels: int, state: Mapping[str, Tensor]) -> nn.Module:
    """The network of that name with a copy of the weights in `state`; torch's global generator stays as it is.

    Raises:
        ValueError: as `build`.
        RuntimeError: `state` does not hold exactly this network's weights.
    """
    network = undrawn(name, num_labels)
    own = network.state_dict()
    if len(own) < sum(1 for _ in network.parameters()) + sum(1 for _ in network.buffers()):
        # A transformer's tables of positions, which are in no file and have no values yet.
        with torch.random.fork_rng(devices=[]):
            network = build(name, num_labels)
    weights = {key: tensor.to(own[key].dtype if key in own else None, copy=True) for key, tensor in state.items()}
    network.load_state_dict(weights, assign=True)
    return network


def undrawn(name: str, num_labels: int) -> nn.Module:
    """The network of that name without values for its weights, on the meta device; raises as `build`."""
    known(name)  # may itself compute, which is not to be done within
    with without_values.undrawn():
        return build(name, num_labels)


def load_backbone(student: nn.Module, architecture: str, state: Mapping[str, Tensor]) -> None:
    """Takes every layer but those drawn for each task from a network of the student's architecture.

    DenseNet-40 takes conv0 to denseblock2 from DenseNet-121; its own bottleneck stays as it was drawn.

    Raises:
        ValueError: a shared tensor is absent or of another shape: nothing is ever left out silently.
    """
    facts = known(architecture)
    own = {name: tensor for name, tensor in student.state_dict().items() if facts.is_backbone(name)}
    wrong = [
        f"{name} {tuple(tensor.shape)}, found {tuple(state[name].shape) if name in state else 'none'}"
        for name, tensor in own.items()
        if name not in state or state[name].shape != tensor.shape
    ]
    if wrong:
        raise ValueError(
            f"the weights must hold every shared layer, but {len(wrong)} do not fit: {'; '.join(wrong[:5])}"
        )
    student.load_state_dict({name: state[name] for name in own}, strict=False)
