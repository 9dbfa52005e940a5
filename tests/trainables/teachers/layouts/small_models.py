"""The foundation models with few and narrow layers, under their own names; and a file of each, as its makers save it.

What is small is the table's entry alone: class, pooling, registers and eyes are those of the models themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tests.trainables.teachers.layouts import originals
from trainables.models.architectures import known
from trainables.models.foundation import FOUNDATION

VIT: dict[str, Any] = {"patch_size": originals.PATCH, "embed_dim": originals.PLANES, "num_heads": 2}
SWIN: dict[str, Any] = {"embed_dim": 12, "depths": (1, 1, 2, 2), "num_heads": (1, 2, 2, 4), "window_size": 4}
CONVNEXT_DIMS = (8, 12, 16, 24)
SIZES: dict[str, tuple[int, dict[str, Any]]] = {  # of the images, and of the layers
    "retfound": (32, {**VIT, "depth": 4}),
    "retfound-dinov2": (32, {**VIT, "depth": 4}),
    "retfound-green": (40, {**VIT, "depth": 4}),
    "rad-dino": (48, {**VIT, "depth": 4}),
    "ark": (128, SWIN),
    "dinov3-vit-s": (32, {**VIT, "depth": 2}),
    "dinov3-vit-b": (32, {**VIT, "depth": 3}),
    "dinov3-vit-l": (32, {**VIT, "depth": 4}),
    "dinov3-convnext-t": (64, {"dims": CONVNEXT_DIMS, "depths": (1, 1, 2, 1)}),
    "dinov3-convnext-s": (64, {"dims": CONVNEXT_DIMS, "depths": (1, 1, 3, 2)}),
    "dinov3-convnext-b": (64, {"dims": CONVNEXT_DIMS, "depths": (1, 1, 4, 2)}),
    "dinov3-convnext-l": (64, {"dims": CONVNEXT_DIMS, "depths": (1, 1, 5, 2)}),
}
# By the name that --as takes and the architecture: from the original to what its file holds.
LAID_OUT: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("retfound", "retfound"): originals.retfound,
    ("retfound-dinov2", "retfound-dinov2"): originals.dinov2_teacher,
    ("retfound-green", "retfound-green"): lambda network: network.state_dict(),
    ("rad-dino", "rad-dino"): originals.transformers_state,
    ("ark", "ark"): originals.ark,
    ("dinov3", "dinov3-vit-b"): originals.dinov3_vit_state,
    ("dinov3", "dinov3-convnext-s"): originals.dinov3_convnext_state,
}
MODELS = pytest.mark.parametrize("model", LAID_OUT, ids=lambda pair: pair[1])


@contextmanager
def registered() -> Iterator[None]:
    """Within it, this process knows the small models by the names of the real ones."""
    with pytest.MonkeyPatch.context() as patched:
        for name, (size_px, layers) in SIZES.items():
            real = FOUNDATION[name]
            small = replace(real, eyes=replace(real.eyes, image_size_px=size_px), variant={**real.variant, **layers})
            patched.setitem(FOUNDATION, name, small)
        yield


def original(architecture: str) -> nn.Module:
    """The network as its makers have it: without our eyes, with weights of which no two are equal."""
    made = known(architecture).make(0)
    if architecture == "retfound":  # whose pre-training has its norm before the class token is taken
        size_px, layers = SIZES[architecture]
        made = originals.vit(size_px, **{name: layers[name] for name in ("depth",)})
    return originals.shaken(made)


def written(folder: Path, model: tuple[str, str]) -> Path:
    """The file of the original, by the ending that its makers give it."""
    content = LAID_OUT[model](original(model[1]))
    if model[0] == "rad-dino":
        path = folder / "model.safetensors"
        save_file({name: tensor.contiguous() for name, tensor in content.items()}, path)
        return path
    path = folder / f"{model[1]}.pth"
    torch.save(content, path)
    return path
