"""EfficientNet-Lite0's tensors get timm's names: checked against the network as the names of its file describe it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
import timm
import torch
from torch import Tensor
from torch.nn import functional

from trainables.teachers.lite0_names import is_lite0, timm_names

# Tan and Le 2019, Table 1: expansion, kernel, stride and planes of each stage, and how often its block is repeated.
FIRST = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4))
STAGES = (*FIRST, (6, 3, 1, 320, 1))
BLOCKS = [
    (expansion, kernel, stride if first else 1, planes)
    for expansion, kernel, stride, planes, repeats in STAGES
    for first in [True] + [False] * (repeats - 1)
]


def as_in_the_file() -> dict[str, Tensor]:
    """Random weights under the file's names, float64, with norms that are far from doing nothing."""
    draw = torch.Generator().manual_seed(3)
    tensors: dict[str, Tensor] = {}

    def conv(name: str, *shape: int) -> None:
        tensors[f"{name}.weight"] = torch.randn(*shape, generator=draw, dtype=torch.float64) / math.sqrt(
            math.prod(shape[1:])
        )

    def norm(name: str, planes: int) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            values = torch.rand(planes, generator=draw, dtype=torch.float64)
            tensors[f"{name}.{part}"] = values + 0.5 if part in ("weight", "running_var") else values - 0.5
        tensors[f"{name}.num_batches_tracked"] = torch.tensor(7)

    conv("_conv_stem", 32, 3, 3, 3)
    norm("_bn0", 32)
    before = 32
    for number, (expansion, kernel, _, planes) in enumerate(BLOCKS):
        block, wide = f"_blocks.{number}.", before * expansion
        if expansion > 1:
            conv(f"{block}_expand_conv", wide, before, 1, 1)
            norm(f"{block}_bn0", wide)
        conv(f"{block}_depthwise_conv", wide, 1, kernel, kernel)
        norm(f"{block}_bn1", wide)
        conv(f"{block}_project_conv", planes, wide, 1, 1)
        norm(f"{block}_bn2", planes)
        before = planes
    conv("_conv_head", 1280, 320, 1, 1)
    norm("_bn1", 1280)
    conv("_fc", 1000, 1280)
    tensors["_fc.bias"] = torch.randn(1000, generator=draw, dtype=torch.float64)
    return tensors


def logits(tensors: Mapping[str, Tensor], images: Tensor) -> Tensor:
    """EfficientNet-Lite0 by the names of its file: ReLU6, TensorFlow's SAME padding, norms with eps 1e-3."""

    def conv(name: str, planes: Tensor, stride: int = 1, groups: int = 1) -> Tensor:
        weight = tensors[f"{name}.weight"]
        kernel = weight.shape[-1]
        total = [max((math.ceil(side / stride) - 1) * stride + kernel - side, 0) for side in planes.shape[-2:]]
        top, left = total[0] // 2, total[1] // 2
        padded = functional.pad(planes, (left, total[1] - left, top, total[0] - top))
        return functional.conv2d(padded, weight, stride=stride, groups=groups)

    def norm(name: str, planes: Tensor) -> Tensor:
        mean, var, scale, shift = (
            tensors[f"{name}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (planes - mean) / (var + 1e-3).sqrt() * scale + shift

    planes = functional.relu6(norm("_bn0", conv("_conv_stem", images, stride=2)))
    for number, (expansion, _, stride, _) in enumerate(BLOCKS):
        block, before = f"_blocks.{number}.", planes
        if expansion > 1:
            planes = functional.relu6(norm(f"{block}_bn0", conv(f"{block}_expand_conv", planes)))
        depthwise = conv(f"{block}_depthwise_conv", planes, stride=stride, groups=planes.shape[1])
        planes = functional.relu6(norm(f"{block}_bn1", depthwise))
        planes = norm(f"{block}_bn2", conv(f"{block}_project_conv", planes))
        planes = planes + before if stride == 1 and planes.shape == before.shape else planes
    planes = functional.relu6(norm("_bn1", conv("_conv_head", planes)))
    return functional.linear(planes.mean(dim=(2, 3)), tensors["_fc.weight"], tensors["_fc.bias"])


def timms(tensors: Mapping[str, Tensor], images: Tensor) -> Tensor:
    """The logits of timm's network with `tensors`, which are under its names."""
    network = timm.create_model("tf_efficientnet_lite0").double()
    network.load_state_dict(tensors)
    with torch.no_grad():
        return network.eval()(images)


@pytest.mark.parametrize("size", [(64, 64), (65, 99)])  # SAME padding is uneven on even sizes
def test_timms_network_computes_what_the_file_says(size: tuple[int, int]) -> None:
    tensors, images = as_in_the_file(), torch.randn(2, 3, *size, dtype=torch.float64)
    torch.testing.assert_close(timms(timm_names(tensors), images), logits(tensors, images), rtol=1e-9, atol=1e-9)


def test_every_tensor_is_taken_once_and_none_is_changed() -> None:
    tensors = as_in_the_file()
    renamed = timm_names(tensors)
    assert len(renamed) == len(tensors) == 296
    assert list(map(id, renamed.values())) == list(map(id, tensors.values()))
    assert set(renamed) == set(timm.create_model("tf_efficientnet_lite0").state_dict())


def test_a_tensor_that_is_missing_or_unknown_is_named() -> None:
    tensors = as_in_the_file()
    del tensors["_blocks.9._bn2.bias"]
    with pytest.raises(ValueError, match=r"is missing _blocks.9._bn2.bias and has, beyond them, none: "):
        timm_names(tensors)
    larger = {**as_in_the_file(), "_blocks.16._project_conv.weight": torch.zeros(1)}
    with pytest.raises(ValueError, match=r"is missing none and has, beyond them, _blocks.16._project_conv.weight: "):
        timm_names(larger)


def test_the_layout_is_known_by_its_first_layer() -> None:
    assert is_lite0(as_in_the_file())
    assert not is_lite0(timm.create_model("tf_efficientnet_lite0").state_dict())
