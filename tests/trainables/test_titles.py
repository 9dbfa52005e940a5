"""What people call cells: each cell by words of its own, and what has no words by its name."""

from __future__ import annotations

import pytest

from trainables import titles
from trainables.transfer import METHODS
from trainables.transfer.attention import AttentionTransfer


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("attention/imagenet/densenet121/all", "Attention transfer, ImageNet teacher, DenseNet-121"),
        ("attention/mimic-cxr/resnet50/all@0.25", "Attention transfer, MIMIC-CXR teacher, ResNet-50, 25% of the "
         "training data"),
        ("distillation/imagenet+mimic-cxr/resnet18/all", "Distillation, ImageNet and MIMIC-CXR teachers, ResNet-18"),
        ("attention/imagenet-resnet50/resnet50/all", "Attention transfer, ImageNet ResNet-50 teacher, ResNet-50"),
        ("transfer/none/densenet121/last34", "Plain transfer, DenseNet-121, last 34 layers trained"),
        ("transfer/none/densenet121/all@ones", "Plain transfer, DenseNet-121, uncertain labels: ones"),
        ("transfer/none/resnet18/all@from-random,flip=1", "Plain transfer, ResNet-18, from random weights, flip=1"),
        ("transfer/none/resnet18/all@from-matched-imagenet", "Plain transfer, ResNet-18, from random weights scaled as "
         "ImageNet weights"),
        ("itself/mimic-cxr/none/none", "MIMIC-CXR teacher itself"),
        ("hers/mine/tiny/all", "hers, mine teacher, tiny"),
    ],
)  # fmt: skip
def test_a_cell_is_called_by_what_it_is(name: str, title: str) -> None:
    assert titles.of_name(name) == title


def test_what_is_no_cell_keeps_its_name() -> None:
    assert titles.of_name("teacher imagenet") == "teacher imagenet"


def test_a_method_without_a_title_is_called_by_its_name_and_not_by_its_parents_title() -> None:
    try:

        class Child(AttentionTransfer):
            name = "child-of-attention"

        assert Child.title == "Child-of-attention" == titles.method("child-of-attention")
    finally:
        METHODS.pop("child-of-attention", None)
