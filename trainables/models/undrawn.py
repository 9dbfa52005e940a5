"""Networks without values for their weights: for their names and shapes, or to be given weights that are at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

FILLING = (Tensor.fill_, Tensor.normal_, Tensor.uniform_, Tensor.zero_)  # with which torch.nn.init draws weights


@contextmanager
def undrawn() -> Iterator[None]:
    """Networks made within it lie on the meta device; what is computed there has shapes and no numbers."""
    with torch.device("meta"), _Undrawn():
        yield


class _Undrawn(TorchFunctionMode):
    """Layers made under it draw no weights, which on the meta device takes longer than making the layers."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return args[0] if func in FILLING else func(*args, **(kwargs or {}))
