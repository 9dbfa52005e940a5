"""Taps see what the network computes; a truncated teacher computes nothing behind its tap, and never learns."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from trainables.models.architectures import build, known
from trainables.models.taps import Tapped, Taps, Truncated

# Fig. 2 of Akbarian et al. 2020 at 256 px: 32 planes of 8 x 8 in both students.
TAP_SIDE = {256: 8, 96: 3, 64: 2}


@pytest.fixture(params=["densenet121", "densenet40"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def first_gradient(student: nn.Module) -> Tensor:
    """Of the first layer's weights, which are behind every tap."""
    gradient = student.get_parameter("features.conv0.weight").grad
    assert gradient is not None
    return gradient


@pytest.mark.parametrize("size_px", TAP_SIDE)
def test_the_tap_is_32_planes_of_a_32nd_of_the_size(name, size_px):
    student = build(name, 2).eval()
    with torch.no_grad(), Taps(student, [known(name).taps["attention"].place]) as taps:
        student(torch.randn(1, 3, size_px, size_px))
    assert taps[known(name).taps["attention"].place].shape == (1, 32, TAP_SIDE[size_px], TAP_SIDE[size_px])


def test_taps_are_part_of_the_graph(name):
    student = build(name, 2)
    with Taps(student, [known(name).taps["attention"].place]) as taps:
        student(torch.randn(2, 3, 64, 64))
    taps[known(name).taps["attention"].place].sum().backward()
    assert first_gradient(student).any()
    assert student.get_parameter("classifier.weight").grad is None


def test_behind_its_block_a_tap_sees_nothing_and_leaves_no_hook():
    student = build("densenet40", 2).eval()
    with torch.no_grad(), Taps(student, ["attention", "features.conv0"]) as taps:
        student(torch.zeros(1, 3, 64, 64))
        first = taps["attention"]
        student(torch.ones(1, 3, 64, 64))
        assert not torch.equal(taps["attention"], first)
    seen = taps["attention"]
    with torch.no_grad():
        student(torch.zeros(1, 3, 64, 64))
    assert taps["attention"] is seen
    assert not any(module._forward_hooks for module in student.modules())


def test_a_tap_that_the_network_does_not_have_is_named():
    with pytest.raises(AttributeError, match="denseblock9"):
        Taps(build("densenet40", 2), ["features.denseblock9"])


def test_a_tapped_network_gives_its_output_and_the_taps(name):
    student, tap = build(name, 2).eval(), known(name).taps["attention"].place
    images = torch.randn(2, 3, 64, 64)
    with Taps(student, [tap]) as taps:
        expected = student(images)
    tapped = Tapped(student, [tap])
    output, own = tapped(images)
    assert torch.equal(output, expected) and torch.equal(own[tap], taps[tap])
    student(torch.zeros(1, 3, 64, 64))  # by itself it is watched no more
    assert torch.equal(own[tap], taps[tap]) and set(own) == {tap}
    own[tap].sum().backward()
    assert first_gradient(student).any()
    assert set(student.state_dict()) == set(build(name, 2).state_dict())


def test_a_truncated_network_gives_the_taps_output(name):
    network = build(name, 2).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad(), Taps(network, [known(name).taps["attention"].place]) as taps:
        network(images)
    assert torch.equal(
        Truncated(network, [known(name).taps["attention"].place])(images)[known(name).taps["attention"].place],
        taps[known(name).taps["attention"].place],
    )


def test_nothing_behind_the_tap_is_computed():
    network = build("densenet121", 2)
    ran = []
    for each in ("denseblock4.denselayer15", "denseblock4.denselayer16", "norm5"):
        network.get_submodule(f"features.{each}").register_forward_pre_hook(
            lambda module, inputs, each=each: ran.append(each)
        )
    network.get_submodule("classifier").register_forward_pre_hook(lambda module, inputs: ran.append("classifier"))
    Truncated(network, [known("densenet121").taps["attention"].place])(torch.randn(1, 3, 64, 64))
    assert ran == ["denseblock4.denselayer15"]


def test_a_teacher_stays_as_it_is_whatever_its_owner_does(name):
    teacher = Truncated(build(name, 2).train(), [known(name).taps["attention"].place])
    owner = torch.nn.ModuleList([teacher]).train()
    before = {key: tensor.clone() for key, tensor in teacher.state_dict().items()}
    images = torch.randn(2, 3, 64, 64, requires_grad=True)
    for _ in range(2):
        output = owner[0](images)[known(name).taps["attention"].place]
    assert not any(module.training for module in teacher.modules())
    assert all(torch.equal(tensor, before[key]) for key, tensor in teacher.state_dict().items())
    assert not output.requires_grad
    assert not any(parameter.requires_grad for parameter in teacher.parameters())
