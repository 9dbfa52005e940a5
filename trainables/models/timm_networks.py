"""Any network of timm's, as this project knows networks: with its taps, its depths and its eyes.

All of it is read from timm's own declarations (its feature info, its pretrained configuration) and from a pass of the
network on torch's meta device, which computes shapes and no numbers. Nothing is fetched. timm is imported with the
first of its networks, not with this file: it takes seconds.

Source: Wightman, PyTorch Image Models (timm).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import torch
from torch import nn

from trainables import declared
from trainables.models import stages
from trainables.models.eyes import Eyes
from trainables.models.network_facts import Architecture
from trainables.models.timm_taps import taps_of
from trainables.models.undrawn import undrawn

SMALL_PX = 64  # a network that takes this size and its own takes any
# With which a transformer takes other sizes than its own: as a ViT of timm's has it, and as a Swin.
ANY_SIZE = ("dynamic_img_size", "dynamic_img_pad"), ("strict_img_size",)

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


def eyes_of_weights(name: str) -> Eyes:
    """What timm's weights of that name were given to see: units, and the size where a network was made for one.

    A transformer takes other sizes as a student, but as a teacher it knows its own best.

    Args:
        name: a network's, for its usual weights, or with a tag: ``vit_base_patch16_clip_224.openai``.

    Raises:
        ValueError: timm has no weights of that name.
    """
    import timm

    network, _, tag = name.partition(".")
    try:
        published = timm.get_pretrained_cfg(name, allow_unregistered=False)
    except RuntimeError:
        tags = ", ".join(timm.list_pretrained(f"{network}.*")) or "none"
        raise ValueError(f"timm must have weights of that tag, but got {tag!r}; of {network} it has {tags}") from None
    own = architecture(network).eyes
    if published is None:  # nobody publishes any
        return own
    return Eyes(
        image_size_px=int(published.input_size[-1]) if published.fixed_input_size else own.image_size_px,
        mean=tuple(published.mean),
        std=tuple(published.std),
    )


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
        taps=taps_of(name, network, output, eyes.image_size_px or size_px),
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
