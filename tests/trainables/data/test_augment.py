"""Views are pure functions of (seed, epoch, image), and turn as torchvision's rotation does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torchvision.transforms import functional
from torchvision.transforms.functional import InterpolationMode

from trainables.data import augment, turning
from trainables.data.normalising import IMAGENET_MEAN, IMAGENET_STD
from trainables.recipe_views import ViewRecipe


def pictures(num_images: int, size_px: int = 33, planes: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (num_images, size_px, size_px, planes), dtype=torch.uint8, generator=generator)


def views(images: torch.Tensor, rows: list[int], **change: Any) -> torch.Tensor:
    drawn_from = {"seed": 3, "epoch": 5} | {name: change.pop(name) for name in ("seed", "epoch") if name in change}
    return augment.training_views(images, np.array(rows), ViewRecipe(**change), **drawn_from)


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


def test_each_draw_decides_one_thing_and_keeps_its_place():
    assert [draw.name for draw in sorted(augment.Draw)] == [
        *("ANGLE", "MIRRORED", "CROP_AREA", "CROP_ASPECT", "CROP_ACROSS", "CROP_DOWN", "BRIGHTNESS", "CONTRAST"),
        *("PARTNER", "SHARE"),
    ]
    assert sorted(augment.Draw) == [*range(10)]


def test_draws_are_uniform_and_independent_of_their_neighbours():
    draws = augment.draws(0, 1, np.arange(20_000), 2)
    assert draws.shape == (20_000, 2)
    assert draws.min() >= 0 and draws.max() < 1
    assert np.histogram(draws, bins=10, range=(0, 1))[0] == pytest.approx([4000] * 10, rel=0.06)
    assert abs(np.corrcoef(draws[:, 0], draws[:, 1])[0, 1]) < 0.03
    assert abs(np.corrcoef(draws[:-1, 0], draws[1:, 0])[0, 1]) < 0.03


def split_mix(*numbers: int) -> float:
    """`draws` in Python's own integers: SplitMix64's finaliser (Steele et al. 2014) over the numbers in turn."""
    golden, bits = 0x9E3779B97F4A7C15, 2**64 - 1

    def mix(z: int) -> int:
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & bits
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & bits
        return z ^ (z >> 31)

    seed, epoch, image, draw = numbers
    state = mix(seed + golden & bits)
    for number in (epoch, image):
        state = mix(state ^ mix(number + golden & bits))
    return (mix(state + (draw + 1) * golden & bits) >> 11) / 2**53


@pytest.mark.parametrize(("seed", "epoch", "image", "draw"), [(0, 1, 0, 0), (3, 128, 223_413, 1), (2**40, 7, 5, 0)])
def test_a_draw_is_split_mixs_to_the_last_bit(seed, epoch, image, draw):
    assert augment.draws(seed, epoch, np.array([image]), 2)[0, draw] == split_mix(seed, epoch, image, draw)


@pytest.fixture(scope="module")
def turns() -> tuple[np.ndarray, np.ndarray]:
    """Angles in degrees and flips of 100,000 views with the paper's recipe."""
    angles, mirrored = augment.turns(np.arange(100_000), seed=0, epoch=1, rotation_deg=15.0, flip=True)
    return np.rad2deg(angles), mirrored


def test_angles_are_uniform_between_15_degrees_to_either_side(turns):
    angles_deg, _ = turns
    assert angles_deg.min() >= -15 and angles_deg.max() <= 15
    # Kolmogorov and Smirnov: a uniform sample of 100,000 stays below this distance in 999 of 1,000 cases.
    assert stats.kstest(angles_deg, stats.uniform(-15, 30).cdf).statistic < 1.95 / np.sqrt(100_000)


def test_half_of_the_views_are_mirrored_whatever_their_angle(turns):
    angles_deg, mirrored = turns
    assert mirrored.mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(100_000))
    # Point-biserial: the angle says nothing of the flip.
    assert abs(np.corrcoef(angles_deg, mirrored)[0, 1]) < 4 / np.sqrt(100_000)
    assert not augment.turns(np.arange(1000), seed=0, epoch=1, rotation_deg=15.0, flip=False)[1].any()


def test_the_pixels_are_turned_by_up_to_15_degrees_to_either_side_and_half_of_them_mirrored():
    # A spot to the right of the centre, in 2,000 views: where it lies says how the picture was turned.
    num_views, size_px, radius_px = 2000, 65, 28
    image = torch.zeros((1, size_px, size_px, 1), dtype=torch.uint8)
    image[0, 31:34, 31 + radius_px : 34 + radius_px] = 255
    turned = views(image.expand(num_views, -1, -1, -1), list(range(num_views)))[:, 0]
    bright = (turned - turned.amin()).double()
    total = bright.sum(dim=(1, 2))
    offset = torch.arange(size_px).double() - 32
    right = (bright.sum(dim=1) * offset).sum(dim=1) / total
    up = -(bright.sum(dim=2) * offset).sum(dim=1) / total
    angles_deg = torch.rad2deg(torch.atan2(up, right.abs())) * torch.sign(right)
    assert angles_deg.abs().max() < 15.5  # half a pixel at this radius is one degree; three pixels' mean is nearer
    assert angles_deg.min() < -14 and angles_deg.max() > 14
    assert angles_deg.abs().mean() == pytest.approx(7.5, abs=0.4)
    assert angles_deg.mean() == pytest.approx(0, abs=4 * 15 / np.sqrt(3 * num_views))
    assert (right < 0).double().mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(num_views))


@pytest.mark.parametrize("rotation_deg", [15.0, 90.0])
def test_a_view_is_torchvisions_rotation_by_the_same_angle(rotation_deg):
    images, rows = pictures(16, size_px=64), list(range(16))
    angles, mirrored = augment.turns(np.array(rows), seed=3, epoch=5, rotation_deg=rotation_deg, flip=True)
    assert 0 < mirrored.sum() < 16
    ours = views(images, rows, rotation_deg=rotation_deg)
    for row in rows:
        theirs = functional.rotate(images[row].permute(2, 0, 1), np.rad2deg(angles[row]), InterpolationMode.NEAREST)
        theirs = functional.hflip(theirs) if mirrored[row] else theirs
        theirs = functional.normalize(theirs.float() / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        # Pixels whose source lies half-way between two may be rounded either way.
        assert torch.isclose(ours[row], theirs, atol=1e-5).float().mean() > 0.99


def test_without_rotation_and_flip_a_view_is_the_normalised_picture():
    images = pictures(2)
    expected = functional.normalize(images.permute(0, 3, 1, 2).float() / 255, list(IMAGENET_MEAN), list(IMAGENET_STD))
    torch.testing.assert_close(views(images, [0, 1], rotation_deg=0.0, flip=False), expected, atol=1e-5, rtol=1e-5)


def test_a_flip_mirrors_left_to_right_about_half_of_the_views():
    images = pictures(64)
    plain = views(images, list(range(64)), rotation_deg=0.0, flip=False)
    flipped = views(images, list(range(64)), rotation_deg=0.0, flip=True)
    mirrored = (flipped == plain.flip(3)).flatten(1).all(dim=1)
    same = (flipped == plain).flatten(1).all(dim=1)
    assert (mirrored | same).all()
    assert 16 < mirrored.sum() < 48


@pytest.mark.parametrize("turn", [turning.turn_by_pillow, turning.turn_by_gathering])
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
    by_pillow = turning.turn_by_pillow(
        images, np.deg2rad([angle_deg]), np.array([mirrored]), turning.PILLOWS["bilinear"]
    )
    by_sampling = turning.turn_by_sampling(images, np.deg2rad([angle_deg]), np.array([mirrored]))
    y, x = torch.meshgrid(torch.arange(size_px), torch.arange(size_px), indexing="ij")
    within = (
        torch.hypot(x - (size_px - 1) / 2, y - (size_px - 1) / 2) < size_px / 2 - 1.5
    )  # the borders differ by design
    for ours in (by_pillow, by_sampling):
        distance = (ours[0].permute(2, 0, 1).float() - theirs).abs()[:, within]
        assert distance.max() <= 1.01 and distance.mean() < 0.6  # bytes, which Pillow cuts off, against floats
    assert distance.max() <= 0.51  # sampling rounds: to the nearest byte


@pytest.mark.parametrize("size_px", [(32, 64), (65, 40)])
@pytest.mark.parametrize("angle_deg", [-30.0, 0.0, 15.0])
@pytest.mark.parametrize("mirrored", [False, True])
def test_an_oblong_picture_is_turned_as_torchvision_turns_it(angle_deg, size_px, mirrored):
    image = torch.randint(0, 256, (1, *size_px, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    angles, flips = np.deg2rad([angle_deg]), np.array([mirrored])

    def rotated(picture, interpolation):
        turned = functional.rotate(picture[0].permute(2, 0, 1), angle_deg, interpolation)
        return (turned.flip(2) if mirrored else turned).permute(1, 2, 0)

    for turn in (turning.turn_by_pillow, turning.turn_by_gathering):
        assert (turn(image, angles, flips)[0] == rotated(image, InterpolationMode.NEAREST)).float().mean() > 0.99
    far = (turning.turn_by_sampling(image, angles, flips)[0] - rotated(image.float(), InterpolationMode.BILINEAR)).abs()
    assert (far <= 0.51).float().mean() > 0.95  # all but the borders, which differ by design


def test_the_interpolation_changes_a_turned_view_alone():
    images = pictures(2)
    assert not torch.equal(views(images, [0, 1]), views(images, [0, 1], interpolation="bilinear"))
    still = {"rotation_deg": 0.0}
    assert torch.equal(views(images, [0, 1], **still), views(images, [0, 1], interpolation="bilinear", **still))


def test_grey_pictures_are_widened_to_three_planes():
    grey = pictures(2, planes=1)
    assert torch.equal(views(grey, [0, 1]), views(grey.expand(-1, -1, -1, 3), [0, 1]))
