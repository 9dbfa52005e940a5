"""The students have the paper's sizes, are torchvision's network, and train what they are told to train."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn

from trainables.models.architectures import build, load_backbone
from trainables.models.freezing import num_trainable, unfreeze
from trainables.models.taps import Taps

LAST_34_LAYERS = ("features.transition3", "features.denseblock4", "features.norm5", "classifier")
# Akbarian et al. 2020, section VI and Table VI; at 14 outputs.
NUM_PARAMETERS = {
    ("densenet121", "all"): 6_968_206,
    ("densenet121", "last34"): 2_700_814,
    ("densenet40", "all"): 1_364_142,
}


def images(size_px: int = 64, num_images: int = 2) -> torch.Tensor:
    return torch.randn(num_images, 3, size_px, size_px, generator=torch.Generator().manual_seed(0))


def train_one_step(student: nn.Module) -> None:
    student.train()
    optimizer = torch.optim.Adam([each for each in student.parameters() if each.requires_grad], lr=0.01)
    student(images()).square().sum().backward()
    optimizer.step()


@pytest.fixture(scope="module")
def state_121():
    torch.manual_seed(1)
    return build("densenet121", 3).state_dict()


@pytest.mark.parametrize(("name", "depth"), NUM_PARAMETERS)
def test_the_papers_numbers_of_trainable_parameters(name, depth):
    student = build(name, 14)
    unfreeze(student, name, depth)
    assert num_trainable(student) == NUM_PARAMETERS[name, depth]


def test_all_after_last34_trains_everything_again():
    student = build("densenet121", 14)
    unfreeze(student, "densenet121", "last34")
    unfreeze(student, "densenet121", "all")
    assert num_trainable(student) == 6_968_206
    assert all(module.training for module in student.train().modules())


@pytest.mark.parametrize("size_px", [64, 96])
def test_densenet121_gives_the_logits_of_torchvisions(size_px):
    ours, theirs = build("densenet121", 5).eval(), torchvision.models.densenet121(num_classes=5).eval()
    ours.load_state_dict(theirs.state_dict())
    with torch.no_grad():
        assert torch.equal(ours(images(size_px)), theirs(images(size_px)))


def test_a_frozen_front_changes_no_logit(state_121):
    student = build("densenet121", 3).eval()
    student.load_state_dict(state_121)
    with torch.no_grad():
        before = student(images())
        unfreeze(student, "densenet121", "last34")
        assert torch.equal(student(images()), before)


@pytest.mark.parametrize("name", ["densenet121", "densenet40"])
@pytest.mark.parametrize(("height", "width"), [(65, 64), (64, 48), (16, 32), (0, 32)])
def test_a_size_that_is_no_multiple_of_32_is_refused(name, height, width):
    with pytest.raises(ValueError, match=f"multiples of 32 pixels, but got {height} x {width}"):
        build(name, 2)(torch.zeros(1, 3, height, width))


def test_an_unknown_student_is_named():
    with pytest.raises(ValueError, match=r"must be one of densenet121, densenet40, .*, but got 'resnet'"):
        build("resnet", 2)


def test_a_student_has_at_least_one_output():
    with pytest.raises(ValueError, match="but got num_labels=0"):
        build("densenet40", 0)


def test_last34_leaves_the_front_as_it_was_statistics_included():
    student = build("densenet121", 3)
    unfreeze(student, "densenet121", "last34")
    before = {name: tensor.clone() for name, tensor in student.state_dict().items()}
    train_one_step(student)
    changed = {name for name, tensor in student.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {name for name in before if name.startswith(LAST_34_LAYERS)}


def test_last34_keeps_the_front_out_of_the_graph():
    student = build("densenet121", 3)
    unfreeze(student, "densenet121", "last34")
    student.train()
    with Taps(student, ["features.denseblock3", "features.transition3"]) as taps:
        student(images()).sum().backward()
    assert taps["features.denseblock3"].grad_fn is None
    assert taps["features.transition3"].grad_fn is not None
    with_gradient = {name for name, each in student.named_parameters() if each.grad is not None}
    assert with_gradient == {name for name, _ in student.named_parameters() if name.startswith(LAST_34_LAYERS)}


def test_all_trains_every_layer():
    student = build("densenet40", 3)
    unfreeze(student, "densenet40", "all")
    before = {name: tensor.clone() for name, tensor in student.state_dict().items()}
    train_one_step(student)
    assert [name for name, tensor in student.state_dict().items() if torch.equal(tensor, before[name])] == []


@pytest.mark.parametrize("name", ["densenet121", "densenet40"])
def test_a_student_takes_all_that_it_shares_but_the_classifier(name, state_121):
    student = build(name, 7)
    own = {key: tensor.clone() for key, tensor in student.state_dict().items()}
    load_backbone(student, name, state_121)
    for key, tensor in student.state_dict().items():
        assert torch.equal(tensor, state_121[key] if key.startswith("features.") else own[key]), key


def test_densenet40_takes_the_first_two_blocks(state_121):
    shared = {key for key in build("densenet40", 7).state_dict() if key in state_121 and "classifier" not in key}
    assert {key.split(".")[1] for key in shared} == {"conv0", "norm0", "denseblock1", "transition1", "denseblock2"}


@pytest.mark.parametrize("name", ["densenet121", "densenet40"])
def test_first_weights_without_a_shared_tensor_are_refused(name, state_121):
    part = {key: tensor for key, tensor in state_121.items() if key != "features.conv0.weight"}
    student = build(name, 3)
    before = {key: tensor.clone() for key, tensor in student.state_dict().items()}
    with pytest.raises(ValueError, match=r"1 do not fit: features.conv0.weight \(64, 3, 7, 7\), found none"):
        load_backbone(student, name, part)
    assert all(torch.equal(tensor, before[key]) for key, tensor in student.state_dict().items())


def test_first_weights_of_another_shape_are_refused(state_121):
    grey = {**state_121, "features.conv0.weight": torch.zeros(64, 1, 7, 7)}
    with pytest.raises(ValueError, match=r"\(64, 3, 7, 7\), found \(64, 1, 7, 7\)"):
        load_backbone(build("densenet121", 3), "densenet121", grey)
