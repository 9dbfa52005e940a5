"""What there is to know of a network: where it is tapped, what is its head, how deep it can be unfrozen, what it sees.

The paper's networks say it in `trainables.models.architectures`, foundation models in `trainables.models.foundation`,
and for any other `trainables.models.timm_networks` reads it from timm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import nn
from torchvision.models import WeightsEnum

from trainables.models.eyes import PLAIN, Eyes
from trainables.models.taps import Tap


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """What there is to know of a network.

    Taps by role, for images of H x W pixels; a network may lack some of the first three:

    - "shallow" (H/4 x W/4) and "middle" (H/8 x W/8), the last of that size; in a network of one grid, such as a ViT,
      the blocks at a quarter and at half of its depth;
    - "attention", the tap of Eq. 1: in the paper's networks "the one layer before the last layer of the last dense
      block", in others the block before the last one, or the last stage where that is one block;
    - "final", the map that the head averages or looks at, as the head sees it: a DenseNet's is rectified;
    - "embedding", what the last linear layer sees [B, K]: the mean of that map, or a transformer's class token.
    """

    title: str  # in tables and figures: as its authors write it
    make: Callable[[int], nn.Module]  # from the number of labels, with random weights; without its eyes
    taps: Mapping[str, Tap]
    output: str  # the module whose output is the logits; no other runs behind it
    fresh: tuple[str, ...]  # the modules that no first weights are loaded into, since they are drawn for each task
    first_weights: str  # the architecture whose weights are its first ones
    depths: Mapping[str, str]  # how deep it can be unfrozen, as `trainables.models.stages` has it
    eyes: Eyes = PLAIN
    weights: WeightsEnum | None = None  # torchvision's, of ImageNet

    def is_backbone(self, name: str) -> bool:
        """Whether the tensor of that name takes first weights: it does not lie in what is drawn for each task."""
        return not any(name.startswith(f"{module}.") for module in self.fresh)
