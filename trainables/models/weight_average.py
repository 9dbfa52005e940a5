"""One network with the mean of several networks' weights.

After M. Wortsman et al., "Model soups" (ICML 2022, arXiv:2203.05482): networks that were fine-tuned from the same first
weights lie in one basin of the loss, and the mean of their weights answers about as well as the mean of their answers,
at the cost of one. Networks from different first weights do not, and their mean knows nothing.

The statistics of batch norms belong to the activations of one network; those of the mean are computed anew on training
images, as P. Izmailov et al. do (UAI 2018, arXiv:1803.05407).

Shapes: B images of H x W pixels, C planes as stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from trainables.data.normalising import normalise


def mean_state(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each tensor, computed in float64; whole numbers, such as counters, are the first's.

    Raises:
        ValueError: there is none, or two have other tensors.
    """
    if not states:
        raise ValueError("a mean of weights needs a network or more, but got none")
    shapes = [{name: tuple(tensor.shape) for name, tensor in state.items()} for state in states]
    if odd := [shape for shape in shapes if shape != shapes[0]]:
        differing = sorted(name for name in {*odd[0], *shapes[0]} if odd[0].get(name) != shapes[0].get(name))
        raise ValueError(f"networks must have the same tensors to be averaged, but these differ in {differing[0]}")
    return {
        name: torch.stack([state[name].to(torch.float64) for state in states]).mean(dim=0).to(first.dtype)
        if first.is_floating_point()
        else first.clone()
        for name, first in states[0].items()
    }


def moved_norms(network: nn.Module, states: Sequence[Mapping[str, Tensor]]) -> list[_BatchNorm]:
    """The batch norms of `network` whose statistics are not the same in all of these states: frozen ones are."""
    norms = [(name, module) for name, module in network.named_modules() if isinstance(module, _BatchNorm)]
    moved = []
    for name, module in norms:
        statistics = [state[f"{name}.running_mean"] for state in states if f"{name}.running_mean" in state]
        if any(not torch.equal(statistics[0], other) for other in statistics[1:]):
            moved.append(module)
    return moved


@torch.no_grad()
def estimate_statistics(
    network: nn.Module, norms: Sequence[_BatchNorm], batches: Iterable[NDArray[np.uint8]], device: torch.device
) -> None:
    """Gives these batch norms the mean of their statistics over the batches [B, H, W, C]; all else is in evaluation
    mode, and stays as it is. A batch of one image is passed over: it has no variance in a small map.
    """
    if not norms:
        return
    network.eval()
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # PyTorch's sign for the plain mean over batches
        norm.train()
    for images_BHWC in batches:
        if len(images_BHWC) > 1:
            network(normalise(torch.from_numpy(np.ascontiguousarray(images_BHWC)).to(device)))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()
