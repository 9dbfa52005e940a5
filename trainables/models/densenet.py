"""The two students of Akbarian et al. 2020, DenseNet-121 and the light DenseNet-40 of their Table VI.

Shapes: B images, 3 planes of H x W pixels (multiples of 32), L labels or classes.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
import torchvision
from torch import Tensor, nn

DENSENET121_BLOCKS = (6, 12, 24, 16)  # layers of each dense block


class DenseNet(torchvision.models.DenseNet):
    """torchvision's DenseNet (Huang et al. 2017) with L outputs."""

    def __init__(self, block_config: tuple[int, ...], num_labels: int) -> None:
        super().__init__(growth_rate=32, block_config=block_config, num_init_features=64, num_classes=num_labels)

    def forward(self, x: Tensor) -> Tensor:
        """Images [B, 3, H, W] to logits [B, L].

        Raises:
            ValueError: H or W is not a multiple of 32.
        """
        _check_size(x)
        x = self.features(x)
        return self.classifier(torch.flatten(nn.functional.adaptive_avg_pool2d(nn.functional.relu(x), 1), 1))


class DenseNet121(DenseNet):
    """DenseNet-121: 6,968,206 parameters at 14 outputs, as the paper counts (section VI)."""

    def __init__(self, num_labels: int) -> None:
        super().__init__(DENSENET121_BLOCKS, num_labels)


class DenseNet169(DenseNet):
    """DenseNet-169: a teacher whose tap has the 32 planes of the paper's students."""

    def __init__(self, num_labels: int) -> None:
        super().__init__((6, 12, 32, 32), num_labels)


class DenseNet40(nn.Module):
    """The light student (Table VI): the first two dense blocks of DenseNet-121 behind a 32-plane bottleneck.

    1,364,142 parameters at 14 outputs. `attention` is the tap of Eq. 1; its size follows the input, as a teacher's
    does.

    Args:
        block_config: layers of each block of the DenseNet whose first two blocks are the front.
    """

    def __init__(self, num_labels: int, block_config: tuple[int, ...] = DENSENET121_BLOCKS) -> None:
        super().__init__()
        front = DenseNet(block_config, 1).features
        num_planes = (64 + 32 * block_config[0]) // 2 + 32 * block_config[
            1
        ]  # the transition halves, each layer adds 32
        names = ("conv0", "norm0", "relu0", "pool0", "denseblock1", "transition1", "denseblock2")
        self.features = nn.Sequential(OrderedDict((name, front.get_submodule(name)) for name in names))
        self.attention = nn.Conv2d(num_planes, 32, kernel_size=1)
        self.expansion = nn.Conv2d(32, 1024, kernel_size=1)
        self.norm = nn.BatchNorm2d(1024)
        self.classifier = nn.Linear(1024, num_labels)

    def forward(self, x: Tensor) -> Tensor:
        """Images [B, 3, H, W] to logits [B, L].

        Raises:
            ValueError: H or W is not a multiple of 32.
        """
        _check_size(x)
        height, width = x.shape[2] // 32, x.shape[3] // 32
        x = nn.functional.adaptive_avg_pool2d(self.features(x), (height, width))
        x = nn.functional.relu(self.norm(self.expansion(self.attention(x))))
        return self.classifier(torch.flatten(nn.functional.adaptive_avg_pool2d(x, 1), 1))


def _check_size(images_BCHW: Tensor) -> None:
    height, width = images_BCHW.shape[2:]
    if height % 32 or width % 32 or not height or not width:
        raise ValueError(f"height and width must be multiples of 32 pixels, but got {height} x {width}")
