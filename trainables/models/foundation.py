"""Foundation models by name: networks of timm's with the variant and the eyes of one published model.

Which files they come in, and what they have seen, is said in `trainables.teachers.layouts`.

The table holds what there is to declare; a network is looked at when it is first asked for, since that takes timm and
seconds. Sizes are those of the makers' own examples, which `trainables.teachers.layouts` names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from trainables.models import timm_networks
from trainables.models.eyes import Eyes
from trainables.models.network_facts import Architecture


@dataclass(frozen=True, kw_only=True, eq=False)
class Foundation:
    """A foundation model's network: which one of timm's, how it is made, and how it sees."""

    title: str  # as its makers write it
    network: str  # timm's name
    eyes: Eyes
    variant: Mapping[str, Any] = field(default_factory=dict)  # what timm's constructor is given beside the size

    def architecture(self, name: str) -> Architecture:
        """What the rest of the project knows of it under that name."""
        return _declared(self, name)


@cache
def _declared(model: Foundation, name: str) -> Architecture:
    fixed = {"img_size": model.eyes.image_size_px} if "convnext" not in model.network else {}
    facts = timm_networks.declare(model.network, title=model.title, eyes=model.eyes, variant={**fixed, **model.variant})
    # Not timm's weights of the network, which may lack layers of the variant and have seen images in other units.
    return replace(facts, first_weights=name)


def _dinov3(size: str, network: str) -> Foundation:
    """With the class token for its embedding, which is DINOv3's own; in a ConvNeXt it is the mean."""
    if network.startswith("convnext"):
        return Foundation(title=f"DINOv3 {size}", network=network, eyes=Eyes(image_size_px=256))
    return Foundation(
        title=f"DINOv3 {size}", network=network, eyes=Eyes(image_size_px=256), variant={"global_pool": "token"}
    )


HALF = (0.5, 0.5, 0.5)

FOUNDATION: dict[str, Foundation] = {
    "retfound": Foundation(
        title="RETFound",
        network="vit_large_patch16_224",
        eyes=Eyes(image_size_px=224),
        variant={"global_pool": "avg"},
    ),
    "retfound-dinov2": Foundation(
        title="RETFound (DINOv2)", network="vit_large_patch14_dinov2", eyes=Eyes(image_size_px=224)
    ),
    "retfound-green": Foundation(
        title="RETFound-Green",
        network="vit_small_patch14_reg4_dinov2",
        eyes=Eyes(image_size_px=392, mean=HALF, std=HALF, interpolation="bilinear"),
        variant={"global_pool": "avg", "fc_norm": False},  # the mean of what the last norm gives
    ),
    "rad-dino": Foundation(
        title="RAD-DINO",
        network="vit_base_patch14_dinov2",
        eyes=Eyes(image_size_px=518, mean=(0.5307, 0.5307, 0.5307), std=(0.2583, 0.2583, 0.2583)),
    ),
    "ark": Foundation(title="Ark+", network="swin_large_patch4_window12_384", eyes=Eyes(image_size_px=768)),
    "dinov3-vit-s": _dinov3("ViT-S/16", "vit_small_patch16_dinov3_qkvb"),
    "dinov3-vit-b": _dinov3("ViT-B/16", "vit_base_patch16_dinov3_qkvb"),
    "dinov3-vit-l": _dinov3("ViT-L/16", "vit_large_patch16_dinov3_qkvb"),
    "dinov3-convnext-t": _dinov3("ConvNeXt-T", "convnext_tiny"),
    "dinov3-convnext-s": _dinov3("ConvNeXt-S", "convnext_small"),
    "dinov3-convnext-b": _dinov3("ConvNeXt-B", "convnext_base"),
    "dinov3-convnext-l": _dinov3("ConvNeXt-L", "convnext_large"),
}
