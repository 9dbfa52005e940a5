"""Any network of timm's, as this project knows networks: with its taps, its depths and its eyes.

All of it is read from timm's own declarations (its feature info, its pretrained configuration) and from a pass of the
network on torch's meta device, which computes shapes and no numbers. Nothing is fetched. timm is imported with the
first of its networks, not with this file: it takes seconds.

Source: Wightman, PyTorch Image Models (timm).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn

from trainables import declared
from trainables.models import stages
from trainables.models.eyes import Eyes
from trainables.models.network_facts import Architecture
from trainables.models.taps import INPUT, PLANES, PLANES_LAST, TOKENS, VECTOR, Tap, measure
from trainables.models.undrawn import undrawn

SMALL_PX = 64  # a network that takes this size and its own takes any
# With which a transformer takes other sizes than its own: as a ViT of timm's has it, and as a Swin.
ANY_SIZE = ("dynamic_img_size", "dynamic_img_pad"), ("strict_img_size",)
REDUCTIONS = {"shallow": 4, "middle": 8}  # how much smaller than the image the map of a role is

TITLES = {
    "convnext_tiny": "ConvNeXt-T",
    "convnext_base": "ConvNeXt-B",
    "densenet201": "DenseNet-201",
    "efficientnet_b0": "EfficientNet-B0",
    "inception_v4": "Inception-v4",
    "mobilenetv3_large_100": "MobileNetV3-Large",
    "mobilenetv3_small_100": "MobileNetV3-Small",
    "resnet18": "ResNet-18",
    "resnet50": "ResNet-50",
    "resnet152": "ResNet-152",
    "seresnext101_32x4d": "SE-ResNeXt-101",
    "swin_tiny_patch4_window7_224": "Swin-T",
    "tf_efficientnet_lite0": "EfficientNet-Lite0",
    "vit_base_patch16_224": "ViT-B/16",
    "vit_small_patch16_224": "ViT-S/16",
    "vit_tiny_patch16_224": "ViT-Ti/16",
}


def is_network(name: str) -> bool:
    """Whether timm has a network of that name; a name with a tag (``resnet50.a1_in1k``) is one of weights."""
    return name in declared.timm_networks()


@cache
def architecture(name: str) -> Architecture:
    """The network of that name.

    Raises:
        ValueError: timm has none, or it cannot be used: it lacks feature info, or has two heads.
    """
    return declare(name)


def declare(
    name: str, *, title: str = "", eyes: Eyes | None = None, variant: Mapping[str, Any] | None = None
) -> Architecture:
    """A network of timm's, or a variant of one.

    Args:
        title: what people call it; timm's name without one.
        eyes: what its makers gave it to see; without them, what timm declares of the weights that it would fetch, and
            any size if the network takes any.
        variant: what else timm's constructor is given, such as ``global_pool``.

    Raises:
        ValueError: as `architecture`.
    """
    own = dict(variant or {})
    any_size = {} if own.get("img_size") else _any_size(name, own)
    make = partial(_make, name, own | (any_size or {}))
    with undrawn():
        network = make(1).eval()
    published = network.pretrained_cfg
    is_fixed = any_size is None or bool(own.get("img_size"))
    size_px = int(own.get("img_size") or published["input_size"][-1])
    eyes = eyes or Eyes(
        image_size_px=size_px if is_fixed else 0, mean=tuple(published["mean"]), std=tuple(published["std"])
    )
    output = _output(name, network)
    return Architecture(
        title=title or TITLES.get(name, name),
        make=make,
        taps=_taps(name, network, output, eyes.image_size_px or size_px),
        output=output,
        fresh=(output,),
        first_weights=name,
        depths=depths(network, output),
        eyes=eyes,
    )


def _make(name: str, options: Mapping[str, Any], num_labels: int) -> Any:
    import timm

    return timm.create_model(name, pretrained=False, num_classes=num_labels, **options)


def _any_size(name: str, variant: Mapping[str, Any]) -> dict[str, Any] | None:
    """What makes the network take images of any size, if anything has to; None where nothing does.

    Raises:
        ValueError: there is no such network.
    """
    if not is_network(name):
        raise ValueError(f"timm has no network {name!r}")

    with undrawn():
        network = _make(name, variant, 1)
    accepted = inspect.signature(type(network).__init__).parameters
    for names in ANY_SIZE:
        if all(each in accepted for each in names):
            # ViT: positions are resampled to the grid, and the image padded to whole patches. Swin: not refused.
            options = {each: each != "strict_img_size" for each in names}
            break
    else:
        options = {}
    with undrawn():
        network = _make(name, {**variant, **options}, 1).eval()
        try:
            with torch.no_grad():
                network(torch.zeros(1, 3, SMALL_PX, SMALL_PX))
        except (RuntimeError, AssertionError, ValueError):
            return None
    return options


def _output(name: str, network: Any) -> str:
    output = network.pretrained_cfg.get("classifier")
    if not isinstance(output, str):
        raise ValueError(f"a network must have one head, but timm's {name} has {output or 'none'}")
    return output


def _taps(name: str, network: nn.Module, output: str, size_px: int) -> dict[str, Tap]:
    """Where the roles are, and what passes there; shapes are those of a pass without numbers."""
    places = _places(name, network, size_px) | {"embedding": f"{output}{INPUT}"}
    with undrawn():
        shapes = measure(network, places, torch.zeros(1, 3, size_px, size_px))
    num_prefix = int(getattr(network, "num_prefix_tokens", 0))
    return {
        role: tap
        for role, tensor in shapes.items()
        if (tap := _tap(role, places[role], tensor, num_prefix, is_last=_is_last(network, role, tensor))) is not None
    }


def _is_last(network: Any, role: str, seen: Any) -> bool:
    """Whether the planes come last: in the whole network, or, as in TinyViT, within its stages alone."""
    num_planes, shape = network.feature_info[-1]["num_chs"], list(getattr(seen, "shape", []))
    is_within = role == "attention" and len(shape) == 4 and shape[1] != num_planes == shape[3]
    return is_within or getattr(network, "output_fmt", "NCHW") == "NHWC"


def _tap(role: str, place: str, seen: Any, num_prefix: int, *, is_last: bool) -> Tap | None:
    """The tap of a role; None where what passes there is no map."""
    if not isinstance(seen, Tensor):
        return None
    if role == "embedding":
        return Tap(place, seen[0].numel(), VECTOR)
    if seen.ndim == 4:
        return Tap(place, seen.shape[3] if is_last else seen.shape[1], PLANES_LAST if is_last else PLANES)
    if seen.ndim == 3:
        for prefix in dict.fromkeys([num_prefix, 0]):
            if math.isqrt(seen.shape[1] - prefix) ** 2 == seen.shape[1] - prefix:
                return Tap(place, seen.shape[2], TOKENS, prefix)
    return None


def _places(name: str, network: nn.Module, size_px: int) -> dict[str, str]:
    """The modules behind the roles that are maps."""
    modules_by_name = dict(network.named_modules())
    features = [
        (each["module"], each["reduction"])
        for each in getattr(network, "feature_info", [])
        if each["module"] in modules_by_name
    ]
    if not features:
        raise ValueError(f"a network must say where its features are, but timm's {name} has no feature info")
    modules = [module for module, _ in features]
    is_one_grid = len({reduction for _, reduction in features}) == 1
    if is_one_grid:
        places = {"shallow": modules[max(len(modules) // 4 - 1, 0)], "middle": modules[max(len(modules) // 2 - 1, 0)]}
        places["attention"] = modules[-2] if len(modules) > 1 else modules[-1]
    else:
        of_size = dict((reduction, module) for module, reduction in features)  # the last of each
        places = {role: of_size[size] for role, size in REDUCTIONS.items() if size in of_size}
        places["attention"] = _block_before_last(network, modules[-1])
    return {**places, "final": _final(network, modules[-1], size_px)}


def _block_before_last(network: nn.Module, stage: str) -> str:
    """In the last stage; the stage itself where that is one block."""
    module = network.get_submodule(stage)
    place, blocks = (f"{stage}.blocks", module.blocks) if hasattr(module, "blocks") else (stage, module)
    if not isinstance(blocks, nn.Sequential) or len(blocks) < 2:
        return stage
    name, block = list(blocks.named_children())[-2]
    # A single layer is no block, and a rectifier behind it may overwrite what it gave.
    return f"{place}.{name}" if any(True for _ in block.children()) else stage


def _final(network: Any, otherwise: str, size_px: int) -> str:
    """The module that gives what the head gets, the outermost one that computes it; `otherwise` where none does."""
    outputs: dict[str, Any] = {}

    def keeper(name: str) -> Any:
        def keep(module: nn.Module, inputs: Any, output: Any) -> None:
            outputs[name] = output

        return keep

    handles = [module.register_forward_hook(keeper(name)) for name, module in network.named_modules() if name]
    try:
        with undrawn(), torch.no_grad():
            features = network.forward_features(torch.zeros(1, 3, size_px, size_px))
    finally:
        for handle in handles:
            handle.remove()
    names = [name for name, output in outputs.items() if output is features]
    # An identity behind it gives the same tensor: what computes it ran first, and what contains it has a shorter name.
    return min((name for name in names if f"{names[0]}.".startswith(f"{name}.")), key=len, default=otherwise)


def depths(network: nn.Module, output: str) -> dict[str, str]:
    """How deep a network can be unfrozen: its head, then each stage or block that has weights, to all of it."""
    names = stages.stage_names(network)
    head = next(number for number, name in enumerate(names) if f"{output}.".startswith(f"{name}."))
    first = next(name for name in names if any(True for _ in network.get_submodule(name).parameters()))
    found: dict[str, str] = {stages.HEAD: names[head]}
    for name in reversed(names[:head]):
        has_weights = any(True for _ in network.get_submodule(name).parameters())
        if name != first and has_weights and (depth := stages.depth_from(name)):
            found[depth] = name
    return {**found, stages.ALL: first}
