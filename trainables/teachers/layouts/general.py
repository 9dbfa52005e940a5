"""Models of everyday photographs: DINOv3, and any network of timm by its name.

DINOv3's names were looked up in github.com/facebookresearch/dinov3 (dinov3/models, dinov3/hub/backbones.py). timm's own
filter turns them into its names (timm/models/eva.py and convnext.py).
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

from trainables.teachers.layouts.layout import Published, Tensors, Translation, nested, unchanged, without

BASE = 100  # of the rotary position embedding, in every published DINOv3
MASK = "stands for hidden patches in pre-training"
PERIODS = "computed from the network's size"
BIAS_MASK = "hides the keys' bias, which timm leaves out"
SAME_NORM = "the last norm again, under a second name"


def _of_dinov3(tensors: Tensors) -> Translation:
    """Leaves out only what is shown to make no difference; what timm saved without biases gets biases of 0.

    Raises:
        ValueError: the keys have a bias that no mask hides; behind rotary positions it would make a difference.
    """
    kept, left_out = without(tensors, {r"mask_token": MASK})
    for name, tensor in tensors.items():
        if why := _makes_no_difference(name, tensor, tensors):
            left_out[name] = why
            del kept[name]
    for name in list(kept):
        if "storage_tokens" in kept and name.endswith("attn.qkv.bias") and f"{name}_mask" not in left_out:
            keys = kept[name].chunk(3)[1]
            if keys.any():
                raise ValueError(
                    f"the keys of DINOv3 must have no bias, but {name} has one of up to {keys.abs().max()}"
                )
        if name.endswith("attn.qkv.weight") and "reg_token" in kept:  # saved by timm
            stem, zeros = name.removesuffix("qkv.weight"), torch.zeros(kept[name].shape[1])
            kept.setdefault(f"{stem}q_bias", zeros)
            kept.setdefault(f"{stem}v_bias", zeros.clone())
    return Translation(kept, left_out)


def _makes_no_difference(name: str, tensor: Tensor, tensors: Tensors) -> str:
    if name == "rope_embed.periods":
        exponents = torch.arange(len(tensor), dtype=torch.float32) / len(tensor)
        # Some files keep them in bfloat16.
        return PERIODS if torch.allclose(tensor.float(), BASE**exponents, rtol=0.02) else ""
    if name.endswith("attn.qkv.bias_mask"):
        queries, keys, values = tensor.chunk(3)
        return BIAS_MASK if (queries == 1).all() and (keys == 0).all() and (values == 1).all() else ""
    if name.startswith("norms.3."):
        last = tensors.get(re.sub(r"^norms\.3\.", "norm.", name))
        return SAME_NORM if last is not None and torch.equal(last, tensor) else ""
    return ""


DINOV3 = Published(
    name="dinov3",
    title="DINOv3",
    architectures=(
        "dinov3-vit-s",
        "dinov3-vit-b",
        "dinov3-vit-l",
        "dinov3-convnext-t",
        "dinov3-convnext-s",
        "dinov3-convnext-b",
        "dinov3-convnext-l",
    ),
    tensors=nested("teacher", "model", "state_dict"),
    translated=_of_dinov3,
    licence="DINOv3 License",
    source="Siméoni et al. 2025, arXiv 2508.10104, github.com/facebookresearch/dinov3",
    trained_on="1,689 million pictures from the web (LVD-1689M)",
)


def of_timm(name: str) -> Published:
    """A network of timm by its name; what it was trained on and its licence, only whoever imports it can say."""
    return Published(
        name=f"timm:{name}",
        title=name,
        architectures=(name,),
        tensors=nested("state_dict_ema", "state_dict", "model"),
        translated=unchanged,
        licence="",
        source=f"timm, {name}",
        trained_on="",
    )
