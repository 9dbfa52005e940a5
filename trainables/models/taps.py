"""Activations from inside a network, and a teacher that computes nothing beyond them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


class Taps(dict[str, Tensor]):
    """The outputs of the named submodules in each forward pass within a ``with`` block, by name.

    Raises:
        AttributeError: the network has no submodule of that name.
    """

    def __init__(self, network: nn.Module, names: Iterable[str]) -> None:
        super().__init__()
        self._modules = {name: network.get_submodule(name) for name in names}
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> Taps:
        for name, module in self._modules.items():
            self._handles.append(module.register_forward_hook(self._keeper(name)))
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _keeper(self, name: str) -> Any:
        def keep(module: nn.Module, inputs: Any, output: Tensor) -> None:
            self[name] = output

        return keep


class Tapped(nn.Module):
    """A network with taps that stay: images [B, 3, H, W] to its output and those of the named submodules, by name.

    Where `Taps` comes and goes, this is one program that `torch.compile` can see whole.

    Raises:
        AttributeError: the network has no submodule of that name.
    """

    def __init__(self, network: nn.Module, names: Iterable[str]) -> None:
        super().__init__()
        self.network = network
        self._taps: dict[str, Tensor] | None = None  # None outside of `forward`: the network is also used by itself
        for name in names:
            network.get_submodule(name).register_forward_hook(self._keeper(name))

    def forward(self, images_BCHW: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The network's output, and the taps' for the same images."""
        taps: dict[str, Tensor] = {}
        self._taps = taps
        output: Tensor = self.network(images_BCHW)
        self._taps = None
        return output, taps

    def _keeper(self, name: str) -> Any:
        def keep(module: nn.Module, inputs: Any, output: Tensor) -> None:
            if self._taps is not None:
                self._taps[name] = output

        return keep


class _Reached(Exception):
    """Every tap has its output: nothing behind is computed."""


class Truncated(nn.Module):
    """A frozen network that computes only as far as its taps: images [B, 3, H, W] to their outputs, by module name.

    The network is kept in evaluation mode, whatever mode its owner is put in, and no gradient reaches it.

    Raises:
        AttributeError: the network has no submodule of that name.
    """

    def __init__(self, network: nn.Module, taps: Iterable[str]) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.taps = tuple(taps)
        self._outputs: dict[str, Tensor] = {}
        for name in self.taps:
            network.get_submodule(name).register_forward_hook(self._keeper(name))

    def train(self, mode: bool = True) -> Truncated:
        """Stays in evaluation mode: a teacher's batch norms must not follow the student's data."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, images_BCHW: Tensor) -> dict[str, Tensor]:
        """The taps' outputs for each image."""
        self._outputs = {}
        with suppress(_Reached):
            self.network(images_BCHW)
        outputs, self._outputs = self._outputs, {}
        return outputs

    def _keeper(self, name: str) -> Any:
        def keep(module: nn.Module, inputs: Any, output: Tensor) -> None:
            self._outputs[name] = output
            if len(self._outputs) == len(self.taps):
                raise _Reached

        return keep
