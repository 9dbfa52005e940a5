"""Networks of the classes that published models have, but small and with random weights; and their files' contents.

Each content is laid out as its makers' code lays it out, written down here once more and backwards: from a network's
tensors to a file, where `trainables.teachers.layouts` goes from a file to a network's tensors.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch
from timm.models.convnext import ConvNeXt
from timm.models.eva import Eva
from timm.models.swin_transformer import SwinTransformer
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

State = dict[str, Tensor]
PLANES, PATCH = 48, 8
SIZES: dict[str, Any] = {"patch_size": PATCH, "embed_dim": PLANES, "depth": 2, "num_heads": 2, "num_classes": 0}


def shaken(network: nn.Module) -> nn.Module:
    """With every tensor drawn anew, so that no two are equal and none is 0 or 1."""
    torch.manual_seed(5)
    with torch.no_grad():
        for tensor in network.parameters():
            tensor.copy_(torch.randn_like(tensor) * 0.2 + 0.3)
    return network.eval()


def vit(image_size_px: int, **more: Any) -> VisionTransformer:
    return VisionTransformer(img_size=image_size_px, dynamic_img_size=True, **{**SIZES, **more})


def swin(image_size_px: int = 64, num_classes: int = 0) -> SwinTransformer:
    sizes: dict[str, Any] = {"embed_dim": 12, "depths": (1, 2), "num_heads": (2, 4), "window_size": 4}
    return SwinTransformer(img_size=image_size_px, num_classes=num_classes, **sizes)


def dinov3_vit() -> Eva:
    """As timm's vit_small_patch16_dinov3_qkvb with the class token for its answer, which is DINOv3's own."""
    rotary: dict[str, Any] = {"rope_type": "dinov3", "rope_temperature": 100, "rope_rotate_half": True}
    layers: dict[str, Any] = {"qkv_bias": True, "init_values": 1e-5, "num_reg_tokens": 4, "use_fc_norm": False}
    grid: dict[str, Any] = {"use_rot_pos_emb": True, "use_abs_pos_emb": False, "dynamic_img_size": True}
    return Eva(img_size=32, global_pool="token", **SIZES, **rotary, **layers, **grid)


def convnext() -> ConvNeXt:
    return ConvNeXt(num_classes=0, depths=(1, 1, 2, 1), dims=(8, 12, 16, 24))


def retfound(network: VisionTransformer) -> dict[str, Any]:
    """As the masked pre-training saves it: with its decoder, its optimizer and the options of its command line."""
    decoder = {
        "mask_token": torch.randn(1, 1, 16),
        "decoder_pos_embed": torch.randn(1, 17, 16),
        "decoder_embed.weight": torch.randn(16, PLANES),
        "decoder_blocks.0.norm1.weight": torch.randn(16),
    }
    optimizer = {"state": {0: {"step": 3, "exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 1e-3, "params": [0]}]}
    options = argparse.Namespace(model="mae_vit_large_patch16", lr=1e-3, resume="", distributed=True)
    return {"model": {**network.state_dict(), **decoder}, "optimizer": optimizer, "epoch": 799, "args": options}


def retfound_says(network: Any, images: Tensor) -> Tensor:
    """RETFound's forward_features: the mean of the last block's patches, behind a norm with nothing learnt."""
    norm, network.norm = network.norm, nn.Identity()
    tokens = network.forward_features(images)
    network.norm = norm
    return F.layer_norm(tokens[:, 1:].mean(dim=1), (PLANES,), eps=1e-6)


def dinov2_teacher(network: VisionTransformer) -> dict[str, Any]:
    """As DINOv2's training saves it: blocks in chunks that count on, and two heads."""
    state = {re.sub(r"^blocks\.(\d+)\.", r"blocks.\1.\1.", name): t for name, t in network.state_dict().items()}
    inner = {f"backbone.{name}": tensor for name, tensor in state.items()}
    heads = {f"{head}_head.mlp.0.weight": torch.randn(8, PLANES) for head in ("dino", "ibot")}
    return {"teacher": {**inner, "backbone.mask_token": torch.randn(1, PLANES), **heads}}


def transformers_state(network: VisionTransformer) -> State:
    """Under the names of Dinov2Model of transformers."""
    names = {
        "attn.proj": "attention.output.dense",
        "ls1.gamma": "layer_scale1.lambda1",
        "ls2.gamma": "layer_scale2.lambda1",
    }
    state: State = {"embeddings.mask_token": torch.randn(1, PLANES)}
    for name, tensor in network.state_dict().items():
        if match := re.fullmatch(r"blocks\.(\d+)\.attn\.qkv\.(weight|bias)", name):
            for part, third in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                state[f"encoder.layer.{match[1]}.attention.attention.{part}.{match[2]}"] = third.clone()
        elif name.startswith("blocks."):
            own = name.replace("blocks.", "encoder.layer.")
            for old, new in names.items():
                own = own.replace(old, new)
            state[own] = tensor
        else:
            own = name.replace("patch_embed.proj", "embeddings.patch_embeddings.projection")
            own = re.sub(r"^norm\.", "layernorm.", own).replace("cls_token", "embeddings.cls_token")
            state[own.replace("pos_embed", "embeddings.position_embeddings")] = tensor
    return state


def ark(network: SwinTransformer) -> dict[str, Any]:
    """As Ark's training with timm 0.5.4 saves it: in `DataParallel`, shrinking at the end of a stage, with buffers."""
    state: State = {}
    for name, tensor in network.state_dict().items():
        state[re.sub(r"^layers\.(\d)\.downsample", lambda m: f"layers.{int(m[1]) - 1}.downsample", name)] = tensor
    buffers = {
        "layers.0.blocks.0.attn.relative_position_index": torch.zeros(16, 16, dtype=torch.long),
        "layers.1.blocks.1.attn_mask": torch.zeros(4, 16, 16),
    }
    heads = {
        "projector.weight": torch.randn(20, 24),
        "projector.bias": torch.randn(20),
        "omni_heads.0.weight": torch.randn(14, 20),
        "omni_heads.0.bias": torch.randn(14),
        "head.weight": torch.randn(1000, 24),
        "head.bias": torch.randn(1000),
    }
    teacher = {f"module.{name}": tensor for name, tensor in {**state, **buffers, **heads}.items()}
    return {"epoch": 50, "lossMIN": 0.1, "state_dict": {"module.x": torch.ones(1)}, "teacher": teacher}


def dinov3_vit_state(network: Eva) -> State:
    """Under DINOv3's own names; the keys' bias is drawn, and hidden by its mask."""
    state: State = {"mask_token": torch.randn(1, PLANES)}
    state["rope_embed.periods"] = 100.0 ** (2 * torch.arange(6) / 12)  # a head has 24 planes, and so a quarter has 6
    for name, tensor in network.state_dict().items():
        own = name.replace("reg_token", "storage_tokens")
        own = re.sub(r"gamma_(\d)", r"ls\1.gamma", own)
        if name.endswith("q_bias"):
            values = network.state_dict()[name.replace("q_bias", "v_bias")]
            own = name.replace("q_bias", "qkv.bias")
            state[f"{own}_mask"] = torch.cat([torch.ones(PLANES), torch.zeros(PLANES), torch.ones(PLANES)])
            tensor = torch.cat([tensor, torch.randn(PLANES), values])
        if not name.endswith("v_bias"):
            state[own] = tensor
    return state


def dinov3_convnext_state(network: ConvNeXt) -> State:
    """Under DINOv3's own names, with the last norm twice."""
    state: State = {}
    for name, tensor in network.state_dict().items():
        own = re.sub(r"^stem\.", "downsample_layers.0.", name)
        own = re.sub(r"^stages\.(\d)\.downsample\.", r"downsample_layers.\1.", own)
        own = re.sub(r"^stages\.(\d)\.blocks\.", r"stages.\1.", own)
        own = own.replace("conv_dw", "dwconv").replace("mlp.fc", "pwconv").replace("head.norm", "norm")
        state[own] = tensor
    return {**state, "norms.3.weight": state["norm.weight"], "norms.3.bias": state["norm.bias"]}


@contextmanager
def torchxrayvision_at_hand(network: nn.Module) -> Iterator[nn.Module]:
    """The network as one of torchxrayvision's classes for `torch.save`, within it; the package itself is not needed."""
    package, models = ModuleType("torchxrayvision"), ModuleType("torchxrayvision.models")
    sys.modules.update({"torchxrayvision": package, "torchxrayvision.models": models})
    before = {
        module: type(module) for module in network.modules() if not type(module).__module__.startswith("torch.nn")
    }
    try:
        for module, kind in before.items():
            name = "DenseNet" if module is network else kind.__name__
            own = type(name, (nn.Module,), {"__module__": models.__name__})
            setattr(models, name, getattr(models, name, own))
            module.__class__ = getattr(models, name)
        yield network
    finally:
        for module, kind in before.items():
            module.__class__ = kind
        del sys.modules["torchxrayvision"], sys.modules["torchxrayvision.models"]
