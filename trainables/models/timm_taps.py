"""Where a network of timm's is tapped: the places of the roles, and what passes there."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from trainables.models.taps import INPUT, PLANES, PLANES_LAST, TOKENS, VECTOR, Tap, measure
from trainables.models.undrawn import undrawn

REDUCTIONS = {"shallow": 4, "middle": 8}  # how much smaller than the image the map of a role is


def taps_of(name: str, network: nn.Module, output: str, size_px: int) -> dict[str, Tap]:
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
