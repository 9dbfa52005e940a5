"""An epoch of the loop, with weight decay: what is frozen stays bit for bit, and all that is unfrozen changes."""

from __future__ import annotations

import pytest
import torch

from tests import tiny_network
from tests.trainables.small_training import make
from trainables.data.store import Store
from trainables.loop import train_one_epoch
from trainables.models.architectures import ARCHITECTURES, build, known
from trainables.models.freezing import unfreeze
from trainables.models.stages import stage_names

pytestmark = pytest.mark.slow

NAMES = [*(name for name in ARCHITECTURES if name != tiny_network.NAME), "resnet18", "vit_tiny_patch16_224"]


@pytest.mark.parametrize(("name", "depth"), [(name, list(known(name).depths)[1]) for name in NAMES])
def test_an_epoch_leaves_the_frozen_layers_as_they_were(store: Store, name: str, depth: str) -> None:
    torch.manual_seed(2)
    student = build(name, 5)
    unfreeze(student, name, depth)
    before = {key: tensor.clone() for key, tensor in student.state_dict().items()}
    train_one_epoch(make(store, student, student=name, unfreeze=depth, weight_decay=0.1), 1)
    names = stage_names(student)
    frozen = tuple(f"{stage}." for stage in names[: names.index(known(name).depths[depth])])
    unchanged = {key for key, tensor in student.state_dict().items() if torch.equal(tensor, before[key])}
    roots = {key for key, _ in student.named_parameters(recurse=False)}  # a class token, positions
    assert unchanged == {key for key in before if key.startswith(frozen)} | roots
