"""The networks at hand, by name: the paper's two students, and others of torchvision (section VII.A asks for them).

One table says of each what the rest of the project needs to know. Every network here halves its input five times, so
that taps of one role have the same size in all of them; their numbers of planes differ, and Eq. 1 needs them equal
(`trainables.teachers.guide.check_fit`).

ResNet: He et al., CVPR 2016. DenseNet: Huang et al., CVPR 2017. EfficientNet: Tan and Le, ICML 2019. ConvNeXt: Liu et
al., CVPR 2022.

Shapes: B images, 3 planes of H x W pixels (multiples of 32), L labels or classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torchvision import models
from torchvision.models import WeightsEnum

from trainables.models import stages
from trainables.models.densenet import DenseNet40, DenseNet121, DenseNet169

FILLING = (Tensor.fill_, Tensor.normal_, Tensor.uniform_, Tensor.zero_)  # with which torch.nn.init draws weights

# Where the layers lie that are the same at any number of labels; what is behind them is a head, drawn anew.
BACKBONE = ("features.", "conv1.", "bn1.", "layer1.", "layer2.", "layer3.", "layer4.")


class Tap(NamedTuple):
    """A place inside a network: the module whose output is meant, and its number of planes."""

    module: str
    num_planes: int


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """What there is to know of a network.

    Taps by role: "shallow" (H/4 x W/4), "middle" (H/8 x W/8), "attention" and "embedding" (H/32 x W/32 both).
    "attention" is the tap of Eq. 1, in the paper's networks "the one layer before the last layer of the last dense
    block"; in the others the block before the last, or the last stage where that has one block. "embedding" is what the
    head averages. Methods rectify it first, as DenseNet does: that changes nothing in a ResNet, and leaves out the
    negative part in EfficientNet and ConvNeXt.
    """

    title: str  # in tables and figures: as its authors write it
    make: Callable[[int], nn.Module]  # from L, with random weights
    taps: Mapping[str, Tap]
    output: str  # the module whose output is the logits; no other runs behind it
    weights: WeightsEnum | None  # of ImageNet; None: it takes those of `first_weights`
    first_weights: str  # the architecture whose weights are its first ones
    depths: Mapping[str, str]  # how deep it can be unfrozen, as `trainables.models.stages` has it


def _of_torchvision(
    name: str,
    title: str,
    taps: Mapping[str, tuple[str, int]],
    output: str,
    *,
    depths: Mapping[str, str],
    make: Callable[[int], nn.Module] | None = None,
) -> Architecture:
    return Architecture(
        title=title,
        make=make or (lambda num_labels: models.get_model(name, num_classes=num_labels)),
        taps={role: Tap(*tap) for role, tap in taps.items()},
        output=output,
        weights=models.get_model_weights(name)["IMAGENET1K_V1"],
        first_weights=name,
        depths=depths,
    )


def _resnet(
    name: str, title: str, *, attention: str, planes: tuple[int, int], depths: Mapping[str, str]
) -> Architecture:
    middle, last = planes
    taps = {
        "shallow": ("maxpool", 64),
        "middle": ("layer2", middle),
        "attention": (attention, last),
        "embedding": ("layer4", last),
    }
    return _of_torchvision(name, title, taps, "fc", depths=depths)


def _densenet(
    title: str, make: type[nn.Module], *, attention: str, planes: int, depths: Mapping[str, str]
) -> Architecture:
    taps = {
        "shallow": ("features.pool0", 64),
        "middle": ("features.transition1", 128),
        "attention": (attention, 32),
        "embedding": ("features.norm5", planes),
    }
    return _of_torchvision(make.__name__.lower(), title, taps, "classifier", depths=depths, make=make)


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
        taps={
            "shallow": Tap("features.pool0", 64),
            "middle": Tap("features.transition1", 128),
            "attention": Tap("attention", 32),
            "embedding": Tap("norm", 1024),
        },
        output="classifier",
        weights=None,
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
    "resnet18": _resnet("resnet18", "ResNet-18", attention="layer4.0", planes=(128, 512), depths=stages.RESNET),
    "resnet50": _resnet("resnet50", "ResNet-50", attention="layer4.1", planes=(512, 2048), depths=stages.RESNET),
    "resnet152": _resnet("resnet152", "ResNet-152", attention="layer4.1", planes=(512, 2048), depths=stages.RESNET),
    "efficientnet_b0": _of_torchvision(
        "efficientnet_b0",
        "EfficientNet-B0",
        {
            "shallow": ("features.2", 24),
            "middle": ("features.3", 40),
            "attention": ("features.7", 320),
            "embedding": ("features.8", 1280),
        },
        "classifier.1",
        depths=stages.EFFICIENTNET,
    ),
    "convnext_tiny": _of_torchvision(
        "convnext_tiny",
        "ConvNeXt-Tiny",
        {
            "shallow": ("features.0", 96),
            "middle": ("features.3", 192),
            "attention": ("features.7.1", 768),
            "embedding": ("features.7", 768),
        },
        "classifier.2",
        depths=stages.CONVNEXT,
    ),
}
TAPS = {name: architecture.taps for name, architecture in ARCHITECTURES.items()}


def known(name: str, role: str = "student") -> Architecture:
    """The architecture of that name.

    Raises:
        ValueError: there is none; `role` says whose it was to be.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"the {role} must be one of {', '.join(ARCHITECTURES)}, but got {name!r}")
    return ARCHITECTURES[name]


def build(name: str, num_labels: int) -> nn.Module:
    """A network from images [B, 3, H, W] to logits [B, L], with random weights, drawn from torch's global generator.

    Raises:
        ValueError: there is none of that name, or `num_labels` is less than 1.
    """
    architecture = known(name)
    if num_labels < 1:
        raise ValueError(f"num_labels >= 1 must hold, but got num_labels={num_labels}")
    return architecture.make(num_labels)


def restored(name: str, num_labels: int, state: Mapping[str, Tensor]) -> nn.Module:
    """The network of that name with a copy of the weights in `state`; no weights are drawn first.

    Raises:
        ValueError: as `build`.
        RuntimeError: `state` does not hold exactly this network's weights.
    """
    network = undrawn(name, num_labels)
    types = {key: tensor.dtype for key, tensor in network.state_dict().items()}
    weights = {key: tensor.to(types.get(key, tensor.dtype), copy=True) for key, tensor in state.items()}
    network.load_state_dict(weights, assign=True)
    return network


def undrawn(name: str, num_labels: int) -> nn.Module:
    """The network of that name without values for its weights, on the meta device; raises as `build`."""
    with torch.device("meta"), _Undrawn():
        return build(name, num_labels)


class _Undrawn(TorchFunctionMode):
    """Layers made under it draw no weights, which on the meta device takes longer than making the layers."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return args[0] if func in FILLING else func(*args, **(kwargs or {}))


def load_backbone(student: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Takes every layer but the head from the state dict of a network of the student's architecture.

    DenseNet-40 takes conv0 to denseblock2 from DenseNet-121; its own bottleneck stays as it was drawn.

    Raises:
        ValueError: a shared tensor is absent or of another shape: nothing is ever left out silently.
    """
    own = {name: tensor for name, tensor in student.state_dict().items() if name.startswith(BACKBONE)}
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
