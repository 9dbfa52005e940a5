"""How deep each network can be unfrozen, by its own stages; read by commands that do without torch.

A depth is a name and the first module that is trained: with it, everything behind it is trained, and everything in
front of it is frozen. Each network's depths are in order, from `HEAD`, the classifier alone (a linear probe), to `ALL`.

Norms that belong to a stage are trained with it. DenseNet's last batch norm (`norm5`) therefore belongs to its last
block, not to the head: a rectifier follows it, so that a probe which trained it would no longer be linear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
RESNET: Mapping[str, str] = {
    HEAD: "fc",
    "from-layer4": "layer4",
    "from-layer3": "layer3",
    "from-layer2": "layer2",
    "from-layer1": "layer1",
    ALL: "conv1",
}
# Numbered as in Tan and Le, ICML 2019, Table 1: stage 1 is the stem, stage 9 the last convolution and the head.
EFFICIENTNET: Mapping[str, str] = {
    HEAD: "classifier",
    **{f"from-stage{number}": f"features.{number - 1}" for number in range(9, 1, -1)},
    ALL: "features.0",
}
# Stage 2 and those behind it begin with the layer that halves the map. The head has a norm, drawn anew as the head is.
CONVNEXT: Mapping[str, str] = {
    HEAD: "classifier",
    "from-stage4": "features.6",
    "from-stage3": "features.4",
    "from-stage2": "features.2",
    "from-stage1": "features.1",
    ALL: "features.0",
}

TITLES = {
    HEAD: "classifier alone trained",
    LAST_34: "last 34 layers trained",
    "from-bottleneck": "trained from the bottleneck on",
    ALL: "all layers trained",
}
FROM = "from-"


def no_depth(depth: str, depths: Mapping[str, Sequence[str]]) -> str:
    """The message where none of these networks can be unfrozen to `depth`.

    Args:
        depths: those of each network, by its name.
    """
    known = "; ".join(f"{name} has {', '.join(own)}" for name, own in depths.items())
    return f"the depth to unfreeze must be one that a student has, but got {depth!r}; {known}"


def title(depth: str) -> str:
    """What people call a depth: ``last 34 layers trained``, ``trained from block 3 on``.

    ResNet's stages keep torchvision's name, ``layer4``, since that is not its fourth layer.
    """
    stage = depth.removeprefix(FROM)
    if depth in TITLES or stage == depth:
        return TITLES.get(depth, depth)
    kind = stage.rstrip("0123456789")
    blank = "" if kind == "layer" else " "
    return f"trained from {kind}{blank}{stage.removeprefix(kind)} on"
