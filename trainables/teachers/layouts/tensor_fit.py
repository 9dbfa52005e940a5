"""Accounts for every tensor of a file: it is the network's, or left out for a reason, or the file is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from trainables.teachers.layouts.layout import Tensors

UNUSED = "timm's own filter leaves it out"


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How a file's tensors and a network's go together; `wrong` has a line per tensor that does not fit."""

    weights: Tensors  # under the network's names, with its shapes
    dropped: dict[str, str]  # what timm's filter left out of its own accord -> why
    wrong: tuple[str, ...]


def fit(tensors: Tensors, network: nn.Module) -> Fit:
    """Brings tensors to the network's names and shapes, and says what is absent, surplus or of another shape.

    A network of timm has timm's own filter, which renames, and resizes position embeddings to the network's grid.

    Args:
        network: its shapes alone count; it may lie on the meta device.
    """
    try:
        filtered = _filter_of(network)(dict(tensors), network)
    except (AttributeError, KeyError, LookupError, RuntimeError) as error:  # of a tensor that has no place
        return Fit(weights={}, dropped={}, wrong=(f"timm's filter fails with {type(error).__name__}: {error}",))
    wanted = network.state_dict()
    weights = {name: tensor for name, tensor in filtered.items() if _has_shape_of(tensor, wanted.get(name))}
    absent_or_other = [
        f"{name} {tuple(tensor.shape)}: "
        + ("absent" if name not in filtered else f"found {tuple(filtered[name].shape)}")
        for name, tensor in wanted.items()
        if name not in weights
    ]
    surplus = [
        f"{name} {tuple(tensor.shape)}: the network has no such tensor"
        for name, tensor in filtered.items()
        if name not in wanted
    ]
    places = {tensor.data_ptr() for tensor in filtered.values()}
    # A tensor that was renamed, reshaped or split is where it was; one that was resized or added to has kept its name.
    dropped = [name for name, tensor in tensors.items() if name not in filtered and tensor.data_ptr() not in places]
    typed = {name: tensor.to(wanted[name].dtype).contiguous() for name, tensor in weights.items()}
    return Fit(weights=typed, dropped=dict.fromkeys(dropped, UNUSED), wrong=(*absent_or_other, *surplus))


def _filter_of(network: nn.Module) -> Callable[[Tensors, nn.Module], Tensors]:
    module = type(network).__module__
    own = getattr(sys.modules[module], "checkpoint_filter_fn", None) if module.startswith("timm.") else None
    return own or (lambda tensors, _: tensors)


def _has_shape_of(tensor: torch.Tensor, wanted: torch.Tensor | None) -> bool:
    return wanted is not None and wanted.shape == tensor.shape
