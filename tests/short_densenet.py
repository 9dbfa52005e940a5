"""DenseNets with few layers, for tests of what a DenseNet is made of and not of how often.

They run the same code as the paper's networks, and have as many planes as those wherever methods compare plane by
plane, so that they teach the same students with the same methods.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from trainables.models import stages
from trainables.models.architectures import ARCHITECTURES, densenet_taps
from trainables.models.densenet import DenseNet, DenseNet40
from trainables.models.network_facts import Architecture

NAME = "short"


class Short(DenseNet):
    """As DenseNet-121, which has as many layers in its first block alone."""

    def __init__(self, num_labels: int) -> None:
        super().__init__((6, 1, 1, 2), num_labels)


class Short40(DenseNet40):
    """DenseNet-40 with a layer in each block."""

    def __init__(self, num_labels: int) -> None:
        super().__init__(num_labels, (1, 1))


@contextmanager
def registered() -> Iterator[str]:
    """Within it, this process knows `Short` by its name, as a student and as a teacher."""
    short = Architecture(
        title="Short",
        make=Short,
        taps=densenet_taps("features.denseblock4.denselayer1", "features.norm5", 120),
        output="classifier",
        fresh=("classifier",),
        first_weights=NAME,
        depths=stages.DENSENET_121,
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(ARCHITECTURES, NAME, short)
        yield NAME
