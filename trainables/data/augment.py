"""Training views: pure functions of (seed, epoch, image) and of the recipe (`trainables.recipe_views`).

A view never depends on batch order, worker or resumption, so two trials with one seed see the same pictures, a resumed
trial sees what the uninterrupted one saw, and a teacher's answer to a view can be kept for all of them.

An image is rotated, mirrored and cropped in one pass (`trainables.data.turning`), then its brightness and contrast are
changed, then it is normalised; `trainables.data.mixup` mixes two such views.

Shapes: B images, H x W pixels, C planes as stored (1 grey or 3 colours); float views always have 3 planes.
Source of the recipe: Akbarian et al. 2020, section V.A (rotation in [-15, +15] degrees, horizontal flip, ImageNet's
mean and standard deviation).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainables.data.normalising import normalise
from trainables.data.turning import PILLOWS, Crops, turn_by_gathering, turn_by_pillow, turn_by_sampling
from trainables.recipe_views import ViewRecipe

GREY = (0.2989, 0.587, 0.114)  # ITU-R 601-2's luma, as torchvision's ColorJitter takes it
LARGEST_ASPECT = 4 / 3  # of a crop's sides, in shares of the image's; the smallest is its inverse


class Draw(IntEnum):
    """Which of a view's draws decides what; a new one goes to the end, so that earlier views stay as they are."""

    ANGLE = 0
    MIRRORED = 1
    CROP_AREA = 2
    CROP_ASPECT = 3
    CROP_ACROSS = 4
    CROP_DOWN = 5
    BRIGHTNESS = 6
    CONTRAST = 7
    PARTNER = 8
    SHARE = 9


def draws(seed: int, epoch: int, image_indices: NDArray[np.int64], num_draws: int) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1), [B, num_draws], each a pure function of (seed, epoch, image index, draw index).

    A counter-based generator (the finaliser of SplitMix64, Steele et al. 2014) over the four numbers: vectorised, and
    the same on every machine.
    """
    with np.errstate(over="ignore"):  # arithmetic modulo 2**64 is the point
        state = _mix(np.uint64(seed) + _GOLDEN)
        state = _mix(state ^ _mix(np.uint64(epoch) + _GOLDEN))
        state_B1 = _mix(state ^ _mix(image_indices.astype(np.uint64) + _GOLDEN))[:, None]
        bits_BD = _mix(state_B1 + (np.arange(num_draws, dtype=np.uint64) + np.uint64(1)) * _GOLDEN)
    return np.multiply(bits_BD >> np.uint64(11), 2.0**-53, dtype=np.float64)


def turns(
    image_indices: NDArray[np.int64], *, seed: int, epoch: int, rotation_deg: float, flip: bool
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """How each view differs from its image: angles [B] in radians, counter-clockwise, and whether it is mirrored [B].

    Angles are uniform in [-rotation_deg, +rotation_deg); half of the views are mirrored, or none without `flip`.
    """
    uniform_BD = draws(seed, epoch, image_indices, Draw.MIRRORED + 1)
    angles_B = np.deg2rad((uniform_BD[:, Draw.ANGLE] * 2 - 1) * rotation_deg)
    mirrored_B = (uniform_BD[:, Draw.MIRRORED] < 0.5) & flip
    return angles_B, mirrored_B


def crops(image_indices: NDArray[np.int64], *, seed: int, epoch: int, scale_min: float) -> Crops:
    """Which rectangle of each image becomes its view (Szegedy et al. 2015, section 6).

    Its area is uniform in [scale_min, 1] of the image's, its aspect log-uniform between 3/4 and 4/3 as far as the image
    has room for it, and its place uniform. torchvision's RandomResizedCrop draws again where there is no room.
    """
    uniform_BD = draws(seed, epoch, image_indices, Draw.CROP_DOWN + 1)
    areas_B = scale_min + uniform_BD[:, Draw.CROP_AREA] * (1 - scale_min)
    largest_B = np.minimum(LARGEST_ASPECT, 1 / areas_B)
    aspects_B = largest_B ** (2 * uniform_BD[:, Draw.CROP_ASPECT] - 1)
    widths_B, heights_B = np.sqrt(areas_B * aspects_B), np.sqrt(areas_B / aspects_B)
    across_B = (uniform_BD[:, Draw.CROP_ACROSS] - 0.5) * (1 - widths_B)
    down_B = (uniform_BD[:, Draw.CROP_DOWN] - 0.5) * (1 - heights_B)
    return Crops(widths_B, heights_B, across_B, down_B)


def training_views(
    images_BHWC: Tensor, image_indices: NDArray[np.int64], recipe: ViewRecipe, *, seed: int, epoch: int
) -> Tensor:
    """Normalised views, float32 [B, 3, H, W], on the device of `images_BHWC` (uint8); not mixed with one another.

    Rotation is about the image's centre, with black corners, and a crop is taken from the rotated image; "nearest"
    takes the nearest pixel, as torchvision's RandomRotation does by default, "bilinear" mixes the four around.
    """
    flip, rotation_deg = recipe.flip, recipe.rotation_deg
    angles_B, mirrored_B = turns(image_indices, seed=seed, epoch=epoch, rotation_deg=rotation_deg, flip=flip)
    is_cropped = recipe.crop_scale_min < 1
    rectangles = crops(image_indices, seed=seed, epoch=epoch, scale_min=recipe.crop_scale_min) if is_cropped else None
    if images_BHWC.is_cuda:
        turn = {"nearest": turn_by_gathering, "bilinear": turn_by_sampling}[recipe.interpolation]
        turned_BHWC = turn(images_BHWC, angles_B, mirrored_B, rectangles)
    else:
        turned_BHWC = turn_by_pillow(images_BHWC, angles_B, mirrored_B, PILLOWS[recipe.interpolation], rectangles)
    if not (recipe.brightness or recipe.contrast):
        return normalise(turned_BHWC)
    uniform_BD = draws(seed, epoch, image_indices, Draw.CONTRAST + 1)
    brightness_B = 1 + recipe.brightness * (2 * uniform_BD[:, Draw.BRIGHTNESS] - 1)
    contrast_B = 1 + recipe.contrast * (2 * uniform_BD[:, Draw.CONTRAST] - 1)
    return normalise(relit(turned_BHWC, brightness_B, contrast_B))


def relit(images_BHWC: Tensor, brightness_B: NDArray[np.float64], contrast_B: NDArray[np.float64]) -> Tensor:
    """Images with these factors of brightness, then of contrast, float32 in [0, 255].

    As torchvision's ColorJitter in that order, but not rounded to bytes: brightness multiplies each pixel, contrast its
    distance from the image's mean grey.
    """
    factors_2B = torch.from_numpy(np.stack([brightness_B, contrast_B]).astype(np.float32)).to(images_BHWC.device)
    brightness_B111, contrast_B111 = factors_2B[:, :, None, None, None]
    bright_BHWC = (images_BHWC.to(torch.float32) * brightness_B111).clamp_(0, 255)
    weights_C = torch.tensor(GREY if images_BHWC.shape[3] == 3 else (1.0,), device=images_BHWC.device)
    grey_B111 = (bright_BHWC.mean(dim=(1, 2)) * weights_C).sum(dim=1)[:, None, None, None]
    return torch.lerp(grey_B111, bright_BHWC, contrast_B111).clamp_(0, 255)


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mix(x: np.uint64 | NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = np.asarray(x, dtype=np.uint64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
