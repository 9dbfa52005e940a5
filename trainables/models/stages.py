"""How deep networks can be unfrozen, by their own stages; read by commands that do without torch.

A depth is a name and the first module that is trained: with it, everything behind it is trained, and everything in
front of it is frozen. Each network's depths are in order, from `HEAD`, the classifier alone (a linear probe), to `ALL`.

Norms that belong to a stage are trained with it. DenseNet's last batch norm (`norm5`) therefore belongs to its last
block, not to the head: a rectifier follows it, so that a probe which trained it would no longer be linear.

The depths of the paper's networks are declared here; those of any other follow from the names of its stages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

HEAD, ALL = "head", "all"
LAST_34 = "last34"

# The paper's depth (Tables IV and V): the last block with the transition before it, 34 convolutions and linear layers.
DENSENET_121: Mapping[str, str] = {
    HEAD: "classifier",
    LAST_34: "features.transition3",
    "from-block3": "features.transition2",
    "from-block2": "features.transition1",
    "from-block1": "features.denseblock1",
    ALL: "features.conv0",
}
DENSENET_169: Mapping[str, str] = {
    "from-block4" if name == LAST_34 else name: module for name, module in DENSENET_121.items()
}
# The bottleneck is drawn anew whatever the first weights: with `HEAD`, nothing ever trains it.
DENSENET_40: Mapping[str, str] = {
    HEAD: "classifier",
    "from-bottleneck": "attention",
    "from-block2": "features.transition1",
    "from-block1": "features.denseblock1",
    ALL: "features.conv0",
}
TITLES = {
    HEAD: "classifier alone trained",
    LAST_34: "last 34 layers trained",
    "from-bottleneck": "trained from the bottleneck on",
    ALL: "all layers trained",
}
FROM = "from-"
# What lies in these is a stage of its own: a head, too, may hold more than its last linear layer.
CONTAINERS = ("features", "blocks", "stages", "layers", "levels", "dense_stages", "head")
NORMS = ("bn", "norm")


def stage_names(network: nn.Module) -> list[str]:
    """The modules that a network runs one after the other, by name."""
    names: list[str] = []
    for name, module in network.named_children():
        inner = [f"{name}.{part}" for part, _ in module.named_children()]
        names += inner if name in CONTAINERS and inner else [name]
    return names


def depth_from(stage: str) -> str:
    """The depth that begins with a stage, by the stage's name; "" for what is no stage of its own, such as a norm.

    >>> depth_from("layer4"), depth_from("blocks.11"), depth_from("features.denseblock4"), depth_from("norm")
    ('from-layer4', 'from-block12', 'from-denseblock4', '')
    """
    container, _, part = stage.rpartition(".")
    if part.isdigit():
        return f"{FROM}{container.rpartition('_')[2].removesuffix('s')}{int(part) + 1}"
    is_numbered = re.fullmatch(r"([a-z]+)\d+", part)
    return f"{FROM}{part}" if is_numbered and is_numbered[1] not in NORMS else ""


def no_depth(depth: str, depths: Mapping[str, Sequence[str]]) -> str:
    """The message where none of these networks can be unfrozen to `depth`.

    Args:
        depths: those of each network, by its name.
    """
    known = "; ".join(f"{name} has {', '.join(own)}" for name, own in depths.items())
    return f"the depth to unfreeze must be one that a student has, but got {depth!r}; {known}"


def title(depth: str) -> str:
    """What people call a depth: ``last 34 layers trained``, ``trained from block 3 on``.

    ResNet's stages keep their name in timm, ``layer4``, since that is not its fourth layer.
    """
    stage = depth.removeprefix(FROM)
    if depth in TITLES or stage == depth:
        return TITLES.get(depth, depth)
    kind = stage.rstrip("0123456789")
    blank = "" if kind == "layer" else " "
    return f"trained from {kind}{blank}{stage.removeprefix(kind)} on"
