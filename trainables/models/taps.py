"""Activations from inside a network, and a teacher that computes nothing beyond them.

Shapes: B images, C planes of h x w, K activations, N tokens of which the first P stand for no place in the image (the
class token, registers).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.hooks import RemovableHandle

INPUT = ":input"  # behind a module's name: what goes into it is meant, not what comes out
PLANES, PLANES_LAST, TOKENS, VECTOR = "planes", "planes-last", "tokens", "vector"


@dataclass(frozen=True)
class Tap:
    """A place inside a network.

    Args:
        place: the module whose output is meant, by its name; with ``:input`` behind it, its input.
        num_planes: C, or K.
        layout: "planes" [B, C, h, w]; "planes-last" [B, h, w, C]; "tokens" [B, N, C] of a square grid, row by row;
            "vector" [B, K].
        num_prefix: P, where there are tokens.
        rectified: whether the network itself rectifies what comes out before it does anything else with it.
    """

    place: str
    num_planes: int
    layout: str = PLANES
    num_prefix: int = 0
    rectified: bool = False

    @property
    def module(self) -> str:
        """The name of the module, without ``:input``."""
        return self.place.removesuffix(INPUT)

    def read(self, activations: Tensor) -> Tensor:
        """What the module gave, as a map [B, C, h, w]; a vector [B, K] stays one.

        Raises:
            ValueError: the tokens do not fill a square.
        """
        laid_out = self.laid_out(activations)
        return functional.relu(laid_out) if self.rectified else laid_out

    def laid_out(self, activations: Tensor) -> Tensor:
        """As `read`, but not rectified: also for gradients."""
        if self.layout == TOKENS:
            return _grid(activations[:, self.num_prefix :])
        if self.layout == PLANES_LAST:
            return activations.permute(0, 3, 1, 2)
        return activations.flatten(1) if self.layout == VECTOR else activations


def _grid(tokens_BNC: Tensor) -> Tensor:
    side = math.isqrt(tokens_BNC.shape[1])
    if side * side != tokens_BNC.shape[1]:
        raise ValueError(f"the tokens of an image must fill a square grid, but there are {tokens_BNC.shape[1]}")
    return tokens_BNC.transpose(1, 2).unflatten(2, (side, side))


def tap_module(network: nn.Module, place: str, keep: Callable[[Tensor], None]) -> RemovableHandle:
    """Calls `keep` with what comes out of a place, or goes into it, in each forward pass.

    Raises:
        AttributeError: the network has no submodule of that name.
    """
    module = network.get_submodule(place.removesuffix(INPUT))
    if place.endswith(INPUT):
        return module.register_forward_pre_hook(lambda _, inputs: keep(inputs[0]))
    return module.register_forward_hook(lambda _, inputs, output: keep(output))


class Taps(dict[str, Tensor]):
    """What passes the named places in each forward pass within a ``with`` block, by place, as the network has it.

    Raises:
        AttributeError: the network has no submodule of that name.
    """

    def __init__(self, network: nn.Module, places: Iterable[str]) -> None:
        super().__init__()
        self._network, self._places = network, tuple(places)
        for place in self._places:
            network.get_submodule(place.removesuffix(INPUT))
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> Taps:
        self._handles = [tap_module(self._network, place, self._keeper(place)) for place in self._places]
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _keeper(self, place: str) -> Callable[[Tensor], None]:
        def keep(activations: Tensor) -> None:
            self[place] = activations

        return keep


class Tapped(nn.Module):
    """A network with taps that stay: images [B, 3, H, W] to its output and what passes the named places, by place.

    Where `Taps` comes and goes, this is one program that `torch.compile` can see whole.

    Raises:
        AttributeError: the network has no submodule of that name.
    """

    def __init__(self, network: nn.Module, places: Iterable[str]) -> None:
        super().__init__()
        self.network = network
        self._taps: dict[str, Tensor] | None = None  # None outside of `forward`: the network is also used by itself
        for place in places:
            tap_module(network, place, self._keeper(place))

    def forward(self, images_BCHW: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The network's output, and the taps' for the same images."""
        taps: dict[str, Tensor] = {}
        self._taps = taps
        output: Tensor = self.network(images_BCHW)
        self._taps = None
        return output, taps

    def _keeper(self, place: str) -> Callable[[Tensor], None]:
        def keep(activations: Tensor) -> None:
            if self._taps is not None:
                self._taps[place] = activations

        return keep


class _Reached(Exception):
    """Every tap has its output: nothing behind is computed."""


class Truncated(nn.Module):
    """A frozen network that computes only as far as its taps: images [B, 3, H, W] to what passes them, by place.

    The network is kept in evaluation mode, whatever mode its owner is put in, and no gradient reaches it.

    Raises:
        AttributeError: the network has no submodule of that name.
    """

    def __init__(self, network: nn.Module, places: Iterable[str]) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.places = tuple(dict.fromkeys(places))
        self._outputs: dict[str, Tensor] = {}
        for place in self.places:
            tap_module(network, place, self._keeper(place))

    def train(self, mode: bool = True) -> Truncated:
        """Stays in evaluation mode: a teacher's batch norms must not follow the student's data."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, images_BCHW: Tensor) -> dict[str, Tensor]:
        """What passes the taps for each image."""
        self._outputs = {}
        with suppress(_Reached):
            self.network(images_BCHW)
        outputs, self._outputs = self._outputs, {}
        return outputs

    def _keeper(self, place: str) -> Callable[[Tensor], None]:
        def keep(activations: Tensor) -> None:
            self._outputs[place] = activations
            if len(self._outputs) == len(self.places):
                raise _Reached

        return keep


def measure(network: nn.Module, places: Mapping[str, str], images_BCHW: Tensor) -> dict[str, Tensor]:
    """What passes each place for these images, by the names that `places` gives them; no gradient is recorded."""
    with torch.no_grad(), Taps(network, set(places.values())) as taps:
        network(images_BCHW)
    return {name: taps[place] for name, place in places.items() if place in taps}
