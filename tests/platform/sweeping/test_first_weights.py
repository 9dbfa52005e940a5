"""A student begins with weights of its own architecture that have seen images in its units, or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from platform.sweeping.fitting import check_first_weights
from trainables.models.architectures import known
from trainables.models.eyes import Eyes
from trainables.teachers.shelf import Teacher

VIT = "vit_tiny_patch16_224"
INIT = Teacher(
    name="found",
    folder=Path("found"),
    architecture=VIT,
    task="",
    label_names=(),
    source="drawn",
    is_phantom=True,
    fingerprint="f",
    eyes=known(VIT).eyes,
)


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(ValueError, match=f"of resnet18 must be those of a resnet18, but found is a {VIT}"):
        check_first_weights("resnet18", INIT)


def test_weights_that_have_seen_other_units_are_refused_but_for_a_teacher_that_keeps_its_eyes() -> None:
    other = replace(INIT, eyes=Eyes(mean=(0.5307,) * 3, std=(0.2583,) * 3))
    with pytest.raises(ValueError, match=r"found sees the student's size, mean 0\.5307 .*: give --init imagenet"):
        check_first_weights(VIT, other)
    check_first_weights(VIT, other, other.eyes)


def test_weights_that_have_seen_images_of_another_size_are_taken() -> None:
    check_first_weights(VIT, replace(INIT, eyes=replace(INIT.eyes, image_size_px=224)))
