"""Grad-CAM: where in the image a network saw evidence for one label.

    L = relu( sum_k alpha_k A_k ),   alpha_k = 1/(h w) sum_ij dy / dA_k,ij

with y the label's logit and A_k the k-th plane at the tap, as the tap's module gives it (Selvaraju et al., ICCV 2017,
Eq. 1 and 2). The tap is "final", the planes that the classifier averages; in a transformer it is "attention", since
behind its last block a class token no longer looks at the image.

Shapes: B images, H x W pixels, K planes of h x w at the tap, L labels or classes.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from analysis.probes.networks import Network, views
from trainables.models.taps import TOKENS, Tap, Taps


def grad_cam(network: nn.Module, tap: Tap, images_BCHW: Tensor, label_B: Tensor) -> Tensor:
    """The maps [B, h, w] of the network's output `label_B` (int64 [B]) at a tap; >= 0, in the unit of the logit.

    The network is used as it is: put it in evaluation mode first, or its batch norms mix the images.

    Raises:
        AttributeError: the network has no such module.
        ValueError: a label is not among the network's outputs.
    """
    with torch.enable_grad(), Taps(network, [tap.place]) as taps:
        logits_BL = network(images_BCHW.detach().requires_grad_())  # frozen weights alone would leave no gradient
        num_labels = logits_BL.shape[1]
        if wrong := [label for label in label_B.tolist() if not 0 <= label < num_labels]:
            raise ValueError(f"0 <= label < {num_labels} must hold, but got label={wrong[0]}")
        activations = taps[tap.place]
        # In evaluation mode an image's logit depends on that image alone: the sum's gradient is each image's own.
        score = logits_BL.gather(1, label_B[:, None]).sum()
        (gradient,) = torch.autograd.grad(score, activations)
    alpha_BK11 = tap.laid_out(gradient).mean(dim=(2, 3), keepdim=True)
    return (alpha_BK11 * tap.laid_out(activations).detach()).sum(dim=1).relu()


def of_network(network: Network, images_BHWC: NDArray[np.uint8], labels: list[str]) -> NDArray[np.float32]:
    """The maps [B, h, w] of stored images, each for the label beside it.

    Raises:
        ValueError: the network does not have a label.
    """
    columns = [network.column(label) for label in labels]
    if None in columns:
        missing = labels[columns.index(None)]
        raise ValueError(f"the label must be one of {', '.join(network.label_names)}, but got {missing!r}")
    label_B = torch.tensor(columns)
    final = network.tap("final")
    tap = network.tap("attention") if final.layout == TOKENS else final
    maps_Bhw: NDArray[np.float32] = grad_cam(network.module, tap, views(images_BHWC), label_B).numpy()
    return maps_Bhw
