"""Training views: a rotation and a flip that are a pure function of (seed, epoch, image).

A view never depends on batch order, worker or resumption, so two trials with one seed see the same pictures, a resumed
trial sees what the uninterrupted one saw, and a teacher's answer to a view can be kept for all of them.

Shapes: B images, H x W pixels, C planes as stored (1 grey or 3 colours); float views always have 3 planes.
Source of the recipe: Akbarian et al. 2020, section V.A (rotation in [-15, +15] degrees, horizontal flip, ImageNet's
mean and standard deviation).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

# torchvision's documentation of its pre-trained classifiers; the teacher and the students start from those weights.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
PILLOWS = {"nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR}


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
    uniform_BD = draws(seed, epoch, image_indices, 2)
    angles_B = np.deg2rad((uniform_BD[:, 0] * 2 - 1) * rotation_deg)
    mirrored_B = (uniform_BD[:, 1] < 0.5) & flip
    return angles_B, mirrored_B


def training_views(
    images_BHWC: Tensor,
    image_indices: NDArray[np.int64],
    *,
    seed: int,
    epoch: int,
    rotation_deg: float,
    flip: bool,
    interpolation: str = "nearest",
) -> Tensor:
    """Rotated, flipped and normalised views, float32 [B, 3, H, W], on the device of `images_BHWC` (uint8).

    Rotation is about the centre, with black corners; "nearest" takes the nearest pixel, as torchvision's RandomRotation
    does by default, "bilinear" mixes the four around.
    """
    angles_B, mirrored_B = turns(image_indices, seed=seed, epoch=epoch, rotation_deg=rotation_deg, flip=flip)
    if not images_BHWC.is_cuda:
        return normalise(turn_by_pillow(images_BHWC, angles_B, mirrored_B, PILLOWS[interpolation]))
    turn = {"nearest": turn_by_gathering, "bilinear": turn_by_sampling}[interpolation]
    return normalise(turn(images_BHWC, angles_B, mirrored_B))


def normalise(images_BHWC: Tensor) -> Tensor:
    """uint8 [B, H, W, C] to float32 [B, 3, H, W] in channels-last memory; a grey plane is widened to three."""
    planes, width = 3, images_BHWC.shape[2]
    scale = 1 / (255 * torch.tensor(IMAGENET_STD, device=images_BHWC.device))
    offset = -255 * torch.tensor(IMAGENET_MEAN, device=images_BHWC.device) * scale
    if images_BHWC.shape[3] == 1:
        images_BHWC = _widened(images_BHWC)
    # Constants as long as a row of pixels, not as one pixel: 18,600 images/s of 256 px, not 4,000 (one CPU core).
    rows_BHX = images_BHWC.to(torch.float32).flatten(2)
    torch.addcmul(offset.repeat(width), rows_BHX, scale.repeat(width), out=rows_BHX)
    return rows_BHX.unflatten(2, (width, planes)).permute(0, 3, 1, 2)


def _widened(grey_BHW1: Tensor) -> Tensor:
    """Three equal planes; plane by plane, which is faster than a broadcast copy with three bytes in its inner loop."""
    wide_BHWC = grey_BHW1.new_empty((*grey_BHW1.shape[:3], 3))
    for plane in range(3):
        wide_BHWC[..., plane] = grey_BHW1[..., 0]
    return wide_BHWC


def turn_by_pillow(
    images_BHWC: Tensor,
    angles_B: NDArray[np.float64],
    mirrored_B: NDArray[np.bool_],
    pick: Image.Resampling = Image.Resampling.NEAREST,
) -> Tensor:
    """On a CPU: one affine pass over the bytes of each image; mirroring and turning are one matrix."""
    images = images_BHWC.numpy()
    turned = np.empty_like(images)
    grey = images.shape[3] == 1
    height, width = images.shape[1:3]
    for place, (angle, mirrored) in enumerate(zip(angles_B.tolist(), mirrored_B.tolist(), strict=True)):
        cos, sin, sign = math.cos(angle), math.sin(angle), -1.0 if mirrored else 1.0
        # Each output pixel asks where it came from: offset from the centre, mirrored, then turned back.
        row_x = (cos * sign, -sin, (width - cos * sign * width + sin * height) / 2)
        row_y = (sin * sign, cos, (height - sin * sign * width - cos * height) / 2)
        image = Image.fromarray(images[place, :, :, 0] if grey else images[place])
        moved = image.transform((width, height), Image.Transform.AFFINE, (*row_x, *row_y), pick)
        turned[place] = np.asarray(moved).reshape(images.shape[1:])
    return torch.from_numpy(turned)


def turn_by_gathering(images_BHWC: Tensor, angles_B: NDArray[np.float64], mirrored_B: NDArray[np.bool_]) -> Tensor:
    """On a GPU: the whole batch at once, without leaving the device."""
    batch, height, width, planes = images_BHWC.shape
    device = images_BHWC.device
    cos_B11, sin_B11, sign_B11 = (
        torch.from_numpy(values.astype(np.float32)).to(device)[:, None, None]
        for values in (np.cos(angles_B), np.sin(angles_B), np.where(mirrored_B, -1.0, 1.0))
    )
    # Each output pixel asks where it came from: offsets from the centre, mirrored, then turned back.
    y_H1 = (torch.arange(height, device=device, dtype=torch.float32) - (height - 1) / 2)[:, None]
    x_1W = (torch.arange(width, device=device, dtype=torch.float32) - (width - 1) / 2)[None, :]
    x_BHW = sign_B11 * x_1W
    column_BHW = torch.round(cos_B11 * x_BHW - sin_B11 * y_H1 + (width - 1) / 2).long()
    row_BHW = torch.round(sin_B11 * x_BHW + cos_B11 * y_H1 + (height - 1) / 2).long()
    inside_BHW = (column_BHW >= 0) & (column_BHW < width) & (row_BHW >= 0) & (row_BHW < height)
    source_BP = (row_BHW.clamp(0, height - 1) * width + column_BHW.clamp(0, width - 1)).view(batch, -1)
    pixels_BPC = images_BHWC.reshape(batch, height * width, planes)
    turned_BPC = pixels_BPC.gather(1, source_BP.unsqueeze(-1).expand(-1, -1, planes))
    return turned_BPC.view(batch, height, width, planes) * inside_BHW.unsqueeze(-1)


def turn_by_sampling(images_BHWC: Tensor, angles_B: NDArray[np.float64], mirrored_B: NDArray[np.bool_]) -> Tensor:
    """On a GPU, bilinear: as `turn_by_gathering`, by the mean of the four pixels around, each by its nearness."""
    height, width = images_BHWC.shape[1:3]
    cos_B, sin_B, sign_B = np.cos(angles_B), np.sin(angles_B), np.where(mirrored_B, -1.0, 1.0)
    none_B = np.zeros_like(cos_B)
    # In units of half a side, which the two sides of an oblong picture do not share.
    rows_2B3 = (
        (cos_B * sign_B, -sin_B * height / width, none_B),
        (sin_B * sign_B * width / height, cos_B, none_B),
    )
    turns_B23 = torch.from_numpy(np.array(rows_2B3, np.float32)).permute(2, 0, 1).to(images_BHWC.device)
    images_BCHW = images_BHWC.permute(0, 3, 1, 2).float()
    grid_BHW2 = functional.affine_grid(turns_B23, list(images_BCHW.shape), align_corners=False)
    turned_BCHW = functional.grid_sample(images_BCHW, grid_BHW2, align_corners=False)
    return turned_BCHW.round().to(torch.uint8).permute(0, 2, 3, 1)


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mix(x: np.uint64 | NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = np.asarray(x, dtype=np.uint64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
