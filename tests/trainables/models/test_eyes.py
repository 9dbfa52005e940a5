"""A network that sees through its own eyes gets what its makers would have given it."""

from __future__ import annotations

import copy
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.data.normalising import IMAGENET_MEAN, IMAGENET_STD
from trainables.models.architectures import build, known
from trainables.models.eyes import PLAIN, Eyes, Looking, look_through
from trainables.teachers import shelf

HALF = (0.5, 0.5, 0.5)
OWN = Eyes(image_size_px=48, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.5))


def normalised(pixels_BCHW: Tensor, eyes: Eyes = PLAIN) -> Tensor:
    mean_C11, std_C11 = (torch.tensor(each)[:, None, None] for each in (eyes.mean, eyes.std))
    return (pixels_BCHW - mean_C11) / std_C11


def pixels(size_px: int = 32) -> Tensor:
    return torch.rand(2, 3, size_px, size_px, generator=torch.Generator().manual_seed(0))


class Seen(nn.Module):
    """Gives back what it sees."""

    def forward(self, views_BCHW: Tensor) -> Tensor:
        return views_BCHW


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size_px", [32, 64])
def test_a_view_arrives_resized_and_in_the_makers_units(size_px: int, interpolation: str) -> None:
    eyes = replace(OWN, interpolation=interpolation)
    network = look_through(Seen(), eyes)
    resized = functional.interpolate(
        pixels(size_px), size=(48, 48), mode=interpolation, align_corners=False, antialias=size_px > 48
    )
    torch.testing.assert_close(network(normalised(pixels(size_px))), normalised(resized, eyes), rtol=1e-4, atol=1e-4)


def test_plain_eyes_change_nothing_and_leave_no_hook() -> None:
    network, views = look_through(Seen(), PLAIN), normalised(pixels())
    assert network(views) is views and not network._forward_pre_hooks


def test_a_view_of_the_right_size_is_not_resized() -> None:
    views = normalised(pixels())
    assert Looking(Eyes(image_size_px=32)).view(views) is views


def test_new_eyes_take_the_place_of_the_old_ones() -> None:
    network = look_through(look_through(Seen(), OWN), Eyes(image_size_px=16))
    torch.testing.assert_close(network(torch.ones(1, 3, 32, 32)), torch.ones(1, 3, 16, 16))


def test_a_copy_sees_through_the_same_eyes() -> None:
    network = look_through(Seen(), OWN)
    assert torch.equal(copy.deepcopy(network)(normalised(pixels())), network(normalised(pixels())))


def test_a_network_takes_the_projects_views_whatever_its_makers_gave_it() -> None:
    name = "vit_tiny_patch16_224"  # timm's, of values between -1 and 1
    facts = known(name)
    assert (facts.eyes.mean, facts.eyes.std) == (HALF, HALF)
    torch.manual_seed(0)
    ours = build(name, 3).eval()
    theirs = facts.make(3).eval()
    theirs.load_state_dict(ours.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(
            ours(normalised(pixels())), theirs(normalised(pixels(), facts.eyes)), rtol=1e-4, atol=1e-5
        )


def test_a_teachers_own_eyes_are_in_its_record_and_in_its_fingerprint(tmp_path: Path) -> None:
    torch.manual_seed(0)
    weights = build("resnet18", 2).state_dict()
    facts: dict[str, Any] = {"task": "multilabel", "label_names": ("a", "b"), "source": "drawn", "is_phantom": True}
    plain = shelf.save(tmp_path, weights, name="plain", architecture="resnet18", **facts)
    other = shelf.save(tmp_path, weights, name="other", architecture="resnet18", eyes=OWN, **facts)
    assert plain.eyes == PLAIN and shelf.load(tmp_path, "other") == other and other.eyes == OWN
    assert plain.fingerprint != other.fingerprint
    seen: list[Tensor] = []
    network = other.network().eval()
    network.get_submodule("conv1").register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        network(normalised(pixels()))
    assert seen[0].shape == (2, 3, 48, 48)


def test_what_differs_is_told_and_an_interpolation_that_nothing_uses_does_not() -> None:
    assert PLAIN.facts == Eyes(interpolation="bilinear").facts == {}
    assert set(Eyes(image_size_px=224, interpolation="bilinear").facts) == {"image_size_px", "interpolation"}
    assert Eyes.from_dict(asdict(OWN)) == OWN
    assert str(PLAIN) == "the student's size, ImageNet's mean and standard deviation"
    assert (
        str(Eyes(image_size_px=392, mean=HALF, std=HALF)) == "392 px, mean 0.5 0.5 0.5, standard deviation 0.5 0.5 0.5"
    )
    assert (PLAIN.mean, PLAIN.std) == (IMAGENET_MEAN, IMAGENET_STD)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"image_size_px": -1}, "input size must be 0"),
        ({"std": (0.0, 1.0, 1.0)}, "the latter above 0"),
        ({"mean": (0.5,)}, "three numbers each"),
        ({"interpolation": "nearest"}, "must be one of bilinear, bicubic"),
        ({"num_planes": 2}, "1 plane or 3"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Eyes(**wrong)
