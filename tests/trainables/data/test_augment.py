"""Views are pure functions of (seed, epoch, image), and turn as torchvision's rotation does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision.transforms import functional
from torchvision.transforms.functional import InterpolationMode

from trainables.data import augment


def pictures(num_images: int, size_px: int = 33, planes: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (num_images, size_px, size_px, planes), dtype=torch.uint8, generator=generator)


def views(images: torch.Tensor, rows: list[int], **change) -> torch.Tensor:
    arguments = {"seed": 3, "epoch": 5, "rotation_deg": 15.0, "flip": True, **change}
    return augment.training_views(images, np.array(rows), **arguments)


def test_a_view_does_not_depend_on_its_batch():
    images = pictures(4)
    together = views(images, [10, 11, 12, 13])
    alone = views(images[2:3], [12])
    assert torch.equal(together[2:3], alone)


@pytest.mark.parametrize("change", [{"seed": 4}, {"epoch": 6}])
def test_seed_and_epoch_change_every_view(change):
    images = pictures(8)
    rows = list(range(8))
    differs = (views(images, rows) != views(images, rows, **change)).flatten(1).any(dim=1)
    assert differs.all()


def test_draws_are_uniform_and_independent_of_their_neighbours():
    draws = augment.draws(0, 1, np.arange(20_000), 2)
    assert draws.shape == (20_000, 2)
    assert draws.min() >= 0 and draws.max() < 1
    assert np.histogram(draws, bins=10, range=(0, 1))[0] == pytest.approx([4000] * 10, rel=0.06)
    assert abs(np.corrcoef(draws[:, 0], draws[:, 1])[0, 1]) < 0.03
    assert abs(np.corrcoef(draws[:-1, 0], draws[1:, 0])[0, 1]) < 0.03


def test_without_rotation_and_flip_a_view_is_the_normalised_picture():
    images = pictures(2)
    expected = functional.normalize(
        images.permute(0, 3, 1, 2).float() / 255, list(augment.IMAGENET_MEAN), list(augment.IMAGENET_STD)
    )
    torch.testing.assert_close(views(images, [0, 1], rotation_deg=0.0, flip=False), expected, atol=1e-5, rtol=1e-5)


def test_a_flip_mirrors_left_to_right_about_half_of_the_views():
    images = pictures(64)
    plain = views(images, list(range(64)), rotation_deg=0.0, flip=False)
    flipped = views(images, list(range(64)), rotation_deg=0.0, flip=True)
    mirrored = (flipped == plain.flip(3)).flatten(1).all(dim=1)
    same = (flipped == plain).flatten(1).all(dim=1)
    assert (mirrored | same).all()
    assert 16 < mirrored.sum() < 48


@pytest.mark.parametrize("turn", [augment._turn_by_pillow, augment._turn_by_gathering])
@pytest.mark.parametrize("planes", [1, 3])
@pytest.mark.parametrize("size_px", [33, 64])
@pytest.mark.parametrize("angle_deg", [-15.0, -4.0, 0.0, 9.5, 90.0])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_rotation_agrees_with_torchvisions_nearest_one(turn, angle_deg, size_px, planes, mirrored):
    images = pictures(1, size_px, planes)
    ours = turn(images, np.deg2rad([angle_deg]), np.array([mirrored]))[0].permute(2, 0, 1)
    theirs = functional.rotate(images[0].permute(2, 0, 1), angle_deg, InterpolationMode.NEAREST)
    if mirrored:
        theirs = theirs.flip(2)
    # Pixels whose source lies half-way between two may be rounded either way.
    assert (ours == theirs).float().mean() > 0.99


@pytest.mark.parametrize("planes", [1, 3])
@pytest.mark.parametrize("size_px", [33, 64])
@pytest.mark.parametrize("angle_deg", [-15.0, -4.0, 0.0, 9.5, 90.0])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_bilinear_rotation_agrees_with_torchvisions(angle_deg, size_px, planes, mirrored):
    images = pictures(1, size_px, planes)
    theirs = functional.rotate(images[0].permute(2, 0, 1).float(), angle_deg, InterpolationMode.BILINEAR)
    theirs = theirs.flip(2) if mirrored else theirs
    by_pillow = augment._turn_by_pillow(
        images, np.deg2rad([angle_deg]), np.array([mirrored]), augment.PILLOWS["bilinear"]
    )
    by_sampling = augment._turn_by_sampling(images, np.deg2rad([angle_deg]), np.array([mirrored]))
    y, x = torch.meshgrid(torch.arange(size_px), torch.arange(size_px), indexing="ij")
    within = (
        torch.hypot(x - (size_px - 1) / 2, y - (size_px - 1) / 2) < size_px / 2 - 1.5
    )  # the borders differ by design
    for ours in (by_pillow, by_sampling):
        distance = (ours[0].permute(2, 0, 1).float() - theirs).abs()[:, within]
        assert distance.max() <= 1.01 and distance.mean() < 0.6  # bytes, which Pillow cuts off, against floats


def test_the_interpolation_changes_a_turned_view_alone():
    images = pictures(2)
    assert not torch.equal(views(images, [0, 1]), views(images, [0, 1], interpolation="bilinear"))
    still = {"rotation_deg": 0.0}
    assert torch.equal(views(images, [0, 1], **still), views(images, [0, 1], interpolation="bilinear", **still))


def test_grey_pictures_are_widened_to_three_planes():
    grey = pictures(2, planes=1)
    assert torch.equal(views(grey, [0, 1]), views(grey.expand(-1, -1, -1, 3), [0, 1]))
