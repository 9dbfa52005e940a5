"""How large a network is: its parameters, and the multiply-accumulates of an image.

Counted on the meta device, where nothing is computed, by PyTorch's own `torch.utils.flop_counter`.
"""

from __future__ import annotations

from functools import cache

import torch
from torch.utils.flop_counter import FlopCounterMode

from trainables.models.architectures import undrawn


@cache
def parameters(name: str, num_labels: int) -> int:
    """Of the network with its head, trained or not; raises as `trainables.models.architectures.build`."""
    return sum(parameter.numel() for parameter in undrawn(name, num_labels).parameters())


@cache
def multiply_accumulates(name: str, num_labels: int, image_size_px: int) -> int:
    """Of one image of that size, in convolutions, linear layers and attention: half of their floating-point operations.

    Norms, activations and pooling are left out, as published numbers leave them out: DenseNet-121 has 2.83e9 at
    224 px.

    Raises:
        ValueError: as `trainables.models.architectures.build`.
    """
    network = undrawn(name, num_labels).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.empty(1, 3, image_size_px, image_size_px, device="meta"))
    return counter.get_total_flops() // 2
