"""Random crops, brightness and contrast: pure functions with the stated distributions, the same on both devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torchvision.transforms import functional

from trainables.data import augment, turning
from trainables.data.turning import Crops
from trainables.recipe_views import ViewRecipe

MANY = np.arange(50_000)
STILL: dict[str, Any] = {"rotation_deg": 0.0, "flip": False}
WAYS: list[Callable[..., torch.Tensor]] = [
    lambda images, angles, mirrored, crops: turning.turn_by_pillow(images, angles, mirrored, crops=crops),
    turning.turn_by_gathering,
    lambda images, angles, mirrored, crops: turning.turn_by_pillow(
        images, angles, mirrored, turning.PILLOWS["bilinear"], crops
    ),
    turning.turn_by_sampling,
]


def smooth(num_images: int, height: int = 64, width: int = 64, planes: int = 3) -> torch.Tensor:
    """Pictures without sharp edges, whose values bilinear and nearest pixels agree on up to a few grey levels."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(num_images, planes, 4, 4, generator=generator) * 255
    fine = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=True)
    return fine.clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def views(images: torch.Tensor, rows: list[int], **recipe: Any) -> torch.Tensor:
    return augment.training_views(images, np.array(rows), ViewRecipe(**recipe), seed=3, epoch=5)


def crops(scale_min: float, rows: np.ndarray = MANY) -> Crops:
    return augment.crops(rows, seed=0, epoch=1, scale_min=scale_min)


@pytest.mark.parametrize("scale_min", [0.05, 0.3, 0.9])
def test_crops_lie_in_the_image_with_uniform_areas_and_places(scale_min: float) -> None:
    widths, heights, across, down = crops(scale_min)
    areas, aspects = widths * heights, widths / heights
    # Kolmogorov and Smirnov: a uniform sample of 50,000 stays below this distance in 999 of 1,000 cases.
    bound = 1.95 / np.sqrt(len(MANY))
    assert stats.kstest(areas, stats.uniform(scale_min, 1 - scale_min).cdf).statistic < bound
    assert aspects.min() >= 3 / 4 - 1e-9 and aspects.max() <= 4 / 3 + 1e-9 and abs(np.log(aspects).mean()) < 0.01
    assert max(widths.max(), heights.max()) <= 1 + 1e-12
    for side, centre in ((widths, across), (heights, down)):
        assert (np.abs(centre) + side / 2).max() <= 0.5 + 1e-9
        assert stats.kstest((centre / (1 - side) + 0.5)[side < 1 - 1e-6], "uniform").statistic < 2 * bound
    assert abs(np.corrcoef(across, down)[0, 1]) < 0.02 and abs(np.corrcoef(areas, aspects)[0, 1]) < 0.05


def test_a_crop_leaves_angle_and_flip_as_they_were() -> None:
    images = smooth(3)
    whole = views(images, [0, 1, 2])
    nearly = views(images, [0, 1, 2], crop_scale_min=0.9999)
    assert not torch.equal(views(images, [0, 1, 2], crop_scale_min=0.3), whole)
    assert (whole == nearly).float().mean() > 0.9  # nearest pixels of almost the same places


@pytest.mark.parametrize("turn", WAYS, ids=["pillow", "gathering", "pillow bilinear", "sampling"])
@pytest.mark.parametrize("size", [(64, 64), (48, 80)])
def test_a_crop_is_the_enlarged_rectangle(turn: Any, size: tuple[int, int]) -> None:
    images = smooth(1, *size)
    height, width = size
    rectangle = Crops(*(np.array([share]) for share in (0.5, 0.75, -0.25, 0.125)))  # on the left and at the bottom
    cropped = turn(images, np.zeros(1), np.zeros(1, bool), rectangle)[0].permute(2, 0, 1).float()
    by_hand = images[0, height // 4 :, : width // 2].permute(2, 0, 1)
    expected = functional.resize(by_hand, list(size), antialias=False).float()
    assert (cropped - expected)[:, 2:-2, 2:-2].abs().mean() < 3
    mirrored = turn(images, np.zeros(1), np.ones(1, bool), rectangle)[0].permute(2, 0, 1).float()
    other_side = Crops(rectangle.widths_B, rectangle.heights_B, -rectangle.across_B, rectangle.down_B)
    flipped = turn(images.flip(2), np.zeros(1), np.zeros(1, bool), rectangle)[0].permute(2, 0, 1).float()
    assert (mirrored - flipped).abs().mean() < 3
    assert (flipped - turn(images, np.zeros(1), np.zeros(1, bool), other_side)[0].permute(2, 0, 1)).abs().mean() > 3


@pytest.mark.parametrize("planes", [1, 3])
@pytest.mark.parametrize("size", [(64, 64), (65, 40)])
def test_a_gpus_crops_are_those_of_a_cpu(size: tuple[int, int], planes: int) -> None:
    images, rows = smooth(16, *size, planes), np.arange(16)
    angles, mirrored = augment.turns(rows, seed=3, epoch=2, rotation_deg=40, flip=True)
    rectangles = augment.crops(rows, seed=3, epoch=2, scale_min=0.2)
    pillow, gathered, bilinear, sampled = (way(images, angles, mirrored, rectangles) for way in WAYS)
    assert (pillow == gathered).float().mean() > 0.999
    assert ((bilinear.float() - sampled.float()).abs() <= 1).float().mean() > 0.95  # all but the borders


def test_a_crop_of_a_turned_image_is_that_of_torchvisions_rotation() -> None:
    images, angle = smooth(1), 30.0
    rectangle = Crops(*(np.array([share]) for share in (0.5, 0.5, 0.25, -0.25)))
    ours = turning.turn_by_gathering(images, np.deg2rad([angle]), np.zeros(1, bool), rectangle)[0].permute(2, 0, 1)
    rotated = functional.rotate(images[0].permute(2, 0, 1), angle)[:, :32, 32:]
    expected = functional.resize(rotated, [64, 64], functional.InterpolationMode.NEAREST)
    assert (ours.float() - expected.float()).abs().mean() < 3


def test_brightness_and_contrast_are_torchvisions() -> None:
    images = smooth(2)
    factors = np.array([0.7, 1.6]), np.array([1.4, 0.3])
    for ours, image, bright, contrast in zip(augment.relit(images, *factors), images, *factors, strict=True):
        theirs = image.permute(2, 0, 1).float() / 255
        theirs = functional.adjust_contrast(functional.adjust_brightness(theirs, bright), contrast)
        torch.testing.assert_close(ours.permute(2, 0, 1) / 255, theirs, atol=1e-5, rtol=1e-5)


def test_grey_pictures_are_relit_as_grey_ones() -> None:
    grey, factors = smooth(2, planes=1), (np.array([0.7, 1.6]), np.array([1.4, 0.3]))
    wide = augment.relit(grey.expand(-1, -1, -1, 3), *factors)
    torch.testing.assert_close(augment.relit(grey, *factors).expand(-1, -1, -1, 3), wide, atol=0.05, rtol=1e-4)
    assert views(grey, [0, 1], brightness=0.5, contrast=0.5).shape == (2, 3, 64, 64)


@pytest.mark.parametrize("name", ["brightness", "contrast"])
def test_factors_are_uniform_about_1_and_each_views_own(name: str) -> None:
    flat = torch.full((4000, 2, 2, 1), 100, dtype=torch.uint8)
    flat[:, 0] = 60  # a mean of 80, and 20 on either side
    bright = views(flat, list(range(4000)), **STILL, **{name: 0.5})
    grey = (bright[:, 0].double() * 0.229 + 0.485) * 255
    factors = grey.mean(dim=(1, 2)) / 80 if name == "brightness" else (grey[:, 1, 0] - 80) / 20
    assert stats.kstest(factors.numpy(), stats.uniform(0.5, 1).cdf).statistic < 1.95 / np.sqrt(4000)


def test_a_relit_cropped_view_does_not_depend_on_its_batch() -> None:
    images, recipe = smooth(4), {"crop_scale_min": 0.3, "brightness": 0.3, "contrast": 0.3}
    together, alone = views(images, [10, 11, 12, 13], **recipe), views(images[2:3], [12], **recipe)
    assert torch.equal(together[2:3], alone)
