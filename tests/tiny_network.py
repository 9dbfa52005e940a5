"""A network of a few thousand weights with all that the project asks of one, for tests to which no network matters."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn

from trainables.models.architectures import ARCHITECTURES
from trainables.models.network_facts import Architecture
from trainables.models.taps import INPUT, VECTOR, Tap

NAME = "tiny"
STAGES = {"shallow": (8, 4), "middle": (12, 2), "attention": (16, 4), "final": (20, 1)}  # planes, and stride

DEPTHS = {"head": "classifier", "from-middle": "features.middle", "all": "features.shallow"}


class Tiny(nn.Module):
    """Four convolutions that halve the input five times, each with batch norm, and a linear head of L outputs."""

    def __init__(self, num_labels: int) -> None:
        super().__init__()
        stages, num_before = OrderedDict[str, nn.Module](), 3
        for role, (num_planes, stride) in STAGES.items():
            conv = nn.Conv2d(num_before, num_planes, 5, stride=stride, padding=2)
            stages[role], num_before = nn.Sequential(conv, nn.BatchNorm2d(num_planes), nn.ReLU()), num_planes
        self.features = nn.Sequential(stages)
        self.classifier = nn.Linear(num_before, num_labels)

    def forward(self, x: Tensor) -> Tensor:
        """Images [B, 3, H, W] to logits [B, L]."""
        return self.classifier(torch.flatten(nn.functional.adaptive_avg_pool2d(self.features(x), 1), 1))


@contextmanager
def registered() -> Iterator[str]:
    """Within it, this process knows the network by its name, as a student and as a teacher."""
    taps = {role: Tap(f"features.{role}", num_planes) for role, (num_planes, _) in STAGES.items()}
    taps["embedding"] = Tap(f"classifier{INPUT}", STAGES["final"][0], VECTOR)
    tiny = Architecture(
        title="Tiny",
        make=Tiny,
        taps=taps,
        output="classifier",
        fresh=("classifier",),
        first_weights=NAME,
        depths=DEPTHS,
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(ARCHITECTURES, NAME, tiny)
        yield NAME
