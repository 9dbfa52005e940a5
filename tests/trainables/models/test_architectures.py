"""Every network of the table is what the table says: outputs, taps, first weights."""

from __future__ import annotations

import copy
import functools

import pytest
import torch
from torch import nn

from trainables.models.architectures import ARCHITECTURES, TAPS, build, known, load_backbone, restored
from trainables.models.freezing import num_trainable
from trainables.models.taps import Taps, Truncated

pytestmark = pytest.mark.slow

# As torchvision's documentation publishes them, at 1,000 outputs.
PUBLISHED = {
    "densenet121": 7_978_856,
    "densenet169": 14_149_480,
    "resnet18": 11_689_512,
    "resnet50": 25_557_032,
    "resnet152": 60_192_808,
    "efficientnet_b0": 5_288_548,
    "convnext_tiny": 28_589_128,
}
STRIDES = {"shallow": 4, "middle": 8, "attention": 32, "embedding": 32}
SIZE_PX = 64


@functools.cache
def drawn(name: str) -> nn.Module:
    """A network of 1,000 outputs for tests that do not alter it."""
    return build(name, 1000).eval()


def views(seed: int = 0) -> torch.Tensor:
    return torch.randn(2, 3, SIZE_PX, SIZE_PX, generator=torch.Generator().manual_seed(seed))


def test_the_table_holds_what_torchvision_publishes_and_densenet40() -> None:
    assert set(ARCHITECTURES) == {*PUBLISHED, "densenet40"}
    for name, facts in ARCHITECTURES.items():
        assert (facts.weights.meta["num_params"] if facts.weights else None) == PUBLISHED.get(name)


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_a_network_is_what_the_table_says(name: str) -> None:
    facts, network = ARCHITECTURES[name], drawn(name)
    if name in PUBLISHED:
        assert num_trainable(network) == PUBLISHED[name]
    with torch.no_grad(), Taps(network, [*(tap.module for tap in facts.taps.values()), facts.output]) as taps:
        logits = network(views())
    assert torch.equal(taps[facts.output], logits) and logits.shape == (2, 1000)
    for role, tap in facts.taps.items():
        side = SIZE_PX // STRIDES[role]
        assert taps[tap.module].shape == (2, tap.num_planes, side, side), role


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_a_truncated_teacher_gives_what_the_whole_one_does(name: str) -> None:
    network, tap = copy.deepcopy(drawn(name)), TAPS[name]["attention"].module
    with torch.no_grad(), Taps(network, [tap]) as whole:
        network(views())
    ran = []
    network.get_submodule(ARCHITECTURES[name].output).register_forward_hook(lambda *_: ran.append(True))
    truncated = Truncated(network, [tap])(views())[tap]
    assert torch.equal(truncated, whole[tap]) and truncated.std() > 0
    assert not ran


@pytest.mark.parametrize("name", ["densenet169", "resnet18", "resnet50", "efficientnet_b0", "convnext_tiny"])
def test_a_backbone_is_taken_whole_and_the_head_is_not(name: str) -> None:
    giver, taker = drawn(name), build(name, 2).eval()
    head = taker.get_submodule(ARCHITECTURES[name].output).state_dict()
    load_backbone(taker, giver.state_dict())
    tap = TAPS[name]["embedding"].module
    with torch.no_grad(), Taps(giver, [tap]) as giving, Taps(taker, [tap]) as taken:
        giver(views()), taker(views())
    assert torch.equal(giving[tap], taken[tap])
    now = taker.get_submodule(ARCHITECTURES[name].output).state_dict()
    assert all(torch.equal(head[key], now[key]) for key in head)


def test_another_architectures_backbone_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"every shared layer, but \d+ do not fit: conv1\.weight .*, found none"):
        load_backbone(build("resnet18", 2), drawn("densenet121").state_dict())


def test_an_unknown_architecture_is_named_with_its_role() -> None:
    with pytest.raises(ValueError, match=r"the teacher must be one of densenet121, .*, but got 'vgg'"):
        known("vgg", "teacher")


@pytest.mark.parametrize("name", ["densenet40", "convnext_tiny"])
def test_a_restored_network_has_its_own_copy_of_the_weights_and_draws_none(name: str) -> None:
    expected = build(name, 3)
    weights = {
        key: (tensor.half() if tensor.is_floating_point() else tensor.clone()) + 1
        for key, tensor in expected.state_dict().items()
    }
    expected.load_state_dict(weights)
    before = torch.random.get_rng_state()
    network = restored(name, 3, weights)
    assert torch.equal(torch.random.get_rng_state(), before)
    for key, tensor in expected.state_dict().items():
        own = network.state_dict()[key]
        assert own.dtype == tensor.dtype and own.stride() == tensor.stride() and torch.equal(own, tensor)
        assert own.data_ptr() != weights[key].data_ptr()
    assert all(parameter.requires_grad for parameter in network.parameters())
    with pytest.raises(RuntimeError, match="Missing key"):
        restored(name, 3, dict(list(weights.items())[1:]))
