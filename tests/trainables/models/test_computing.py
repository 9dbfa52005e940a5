"""Parameters and multiply-accumulates: by hand for a small network, and as published for the paper's."""

from __future__ import annotations

import pytest
from torchvision.models import DenseNet121_Weights, DenseNet169_Weights, ResNet50_Weights

from tests import tiny_network
from trainables.models.computing import multiply_accumulates, parameters


def test_a_small_network_by_hand() -> None:
    # 5 x 5 kernels; maps of 8, 4, 1 and 1 pixels a side for images of 32 pixels.
    convolutions = 25 * (8**2 * 3 * 8 + 4**2 * 8 * 12 + 12 * 16 + 16 * 20)
    weights = 25 * (3 * 8 + 8 * 12 + 12 * 16 + 16 * 20)
    biases_and_norms = 3 * (8 + 12 + 16 + 20)
    with tiny_network.registered() as name:
        assert multiply_accumulates(name, 5, 32) == convolutions + 20 * 5
        assert parameters(name, 5) == weights + biases_and_norms + 20 * 5 + 5


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("densenet121", DenseNet121_Weights.IMAGENET1K_V1),
        ("densenet169", DenseNet169_Weights.IMAGENET1K_V1),
        ("resnet50", ResNet50_Weights.IMAGENET1K_V1),
    ],
)
def test_known_networks_have_the_published_numbers(name: str, published: DenseNet121_Weights) -> None:
    assert parameters(name, 1000) == published.meta["num_params"]
    assert multiply_accumulates(name, 1000, 224) / 1e9 == pytest.approx(published.meta["_ops"], abs=6e-4)


def test_a_networks_work_grows_with_the_image() -> None:
    small, large = (multiply_accumulates("densenet40", 14, size) for size in (64, 128))
    assert large == pytest.approx(4 * small, rel=1e-3)
