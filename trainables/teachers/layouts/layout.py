"""What there is to know of one published model: how its file is laid out, and what may be said of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor

from trainables.models.eyes import Eyes

Tensors = dict[str, Tensor]


class Translation(NamedTuple):
    """A file's tensors under the names that timm, or timm's own filter, knows; and those that are left out."""

    tensors: Tensors
    left_out: dict[str, str]  # the name in the file -> why a teacher does not need it


@dataclass(frozen=True, kw_only=True)
class Published:
    """A model that its makers publish as a file."""

    name: str  # what ``--as`` takes
    title: str  # as its makers write it
    architectures: tuple[str, ...]  # the file's tensors choose among several
    tensors: Callable[[Any], Tensors]  # from what the file holds
    translated: Callable[[Tensors], Translation]
    licence: str  # "" where it is not known
    source: str  # paper and repository
    trained_on: str  # in words, for what cannot be checked
    datasets: tuple[str, ...] = ()  # published data sets that it was trained on, by the catalogue's or usual names
    label_names: tuple[str, ...] = ()  # of its outputs, where the file is known to have them
    eyes: Eyes | None = None  # its own, where its architecture has others


def nested(*keys: str) -> Callable[[Any], Tensors]:
    """Takes the tensors from below the first of `keys` that a file has, or from the file itself.

    The prefixes ``module.`` and ``backbone.``, of the usual classes around a network, are dropped.

    >>> import torch
    >>> list(nested("teacher")({"teacher": {"module.norm.weight": torch.ones(1)}, "epoch": 3}))
    ['norm.weight']
    """

    def tensors(content: Any) -> Tensors:
        inner = next((content[key] for key in keys if key in content), content) if isinstance(content, dict) else {}
        plain: Tensors = {}
        for name, tensor in inner.items() if isinstance(inner, dict) else ():
            if isinstance(tensor, Tensor):
                own = str(name).removeprefix("module.").removeprefix("backbone.")
                if own in plain:
                    raise ValueError(f"two tensors of the file would both be {own!r}; the second is {name!r}")
                plain[own] = tensor
        return plain

    return tensors


def without(tensors: Tensors, reasons: Mapping[str, str]) -> Translation:
    """Leaves out the tensors whose whole name matches a pattern; its value says why.

    >>> import torch
    >>> without({"mask_token": torch.ones(1), "norm.weight": torch.ones(1)}, {r"mask_.*": "of the pre-training"})
    Translation(tensors={'norm.weight': tensor([1.])}, left_out={'mask_token': 'of the pre-training'})
    """
    left_out = {name: why for name in tensors for pattern, why in reasons.items() if re.fullmatch(pattern, name)}
    return Translation({name: tensor for name, tensor in tensors.items() if name not in left_out}, left_out)


def unchanged(tensors: Tensors) -> Translation:
    """For files that have timm's names and nothing else."""
    return Translation(tensors, {})
