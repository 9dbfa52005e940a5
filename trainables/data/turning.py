"""Turning, mirroring and cropping a batch of images, in one pass: by Pillow on a CPU, by indices or samples on a GPU.

Each pixel of a view asks where it came from. Its offset from the view's centre is shrunk to the crop's sides and moved
to the crop's centre, then mirrored, then turned back about the image's centre; what lies outside the image is black.

Shapes: B images, H x W pixels, C planes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

PILLOWS = {"nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR}
Numbers = NDArray[np.float64]


class Crops(NamedTuple):
    """A rectangle of each image, which becomes the whole view; all in shares of the image's own sides.

    Args:
        widths_B, heights_B: above 0, up to 1.
        across_B, down_B: from the image's centre to the rectangle's.
    """

    widths_B: Numbers
    heights_B: Numbers
    across_B: Numbers
    down_B: Numbers


def whole(num_images: int) -> Crops:
    """Rectangles that are the whole images."""
    ones, zeros = np.ones(num_images), np.zeros(num_images)
    return Crops(ones, ones, zeros, zeros)


def turn_by_pillow(
    images_BHWC: Tensor,
    angles_B: Numbers,
    mirrored_B: NDArray[np.bool_],
    pick: Image.Resampling = Image.Resampling.NEAREST,
    crops: Crops | None = None,
) -> Tensor:
    """On a CPU: one affine pass over the bytes of each image; cropping, mirroring and turning are one matrix."""
    images = images_BHWC.numpy()
    turned = np.empty_like(images)
    grey = images.shape[3] == 1
    height, width = images.shape[1:3]
    signs = np.where(mirrored_B, -1.0, 1.0).tolist()
    rectangles = np.stack(crops or whole(len(images)), axis=1).tolist()
    for place, (angle, sign, rectangle) in enumerate(zip(angles_B.tolist(), signs, rectangles, strict=True)):
        cos, sin = math.cos(angle), math.sin(angle)
        wide, high, across, down = rectangle
        across, down = across * width, down * height
        a, b, d, e = cos * sign * wide, sin * high, sin * sign * wide, cos * high
        row_x = (a, -b, (width - a * width + b * height) / 2 + (cos * sign * across - sin * down))
        row_y = (d, e, (height - d * width - e * height) / 2 + (sin * sign * across + cos * down))
        image = Image.fromarray(images[place, :, :, 0] if grey else images[place])
        moved = image.transform((width, height), Image.Transform.AFFINE, (*row_x, *row_y), pick)
        turned[place] = np.asarray(moved).reshape(images.shape[1:])
    return torch.from_numpy(turned)


def turn_by_gathering(
    images_BHWC: Tensor, angles_B: Numbers, mirrored_B: NDArray[np.bool_], crops: Crops | None = None
) -> Tensor:
    """On a GPU: the whole batch at once, without leaving the device, by the nearest pixel."""
    batch, height, width, planes = images_BHWC.shape
    device = images_BHWC.device
    crops = crops or whole(batch)
    cos_B11, sin_B11, sign_B11, wide_B11, high_B11, across_B11, down_B11 = (
        torch.from_numpy(values.astype(np.float32)).to(device)[:, None, None]
        for values in (
            *(np.cos(angles_B), np.sin(angles_B), np.where(mirrored_B, -1.0, 1.0), crops.widths_B, crops.heights_B),
            *(crops.across_B * width, crops.down_B * height),
        )
    )
    y_H1 = (torch.arange(height, device=device, dtype=torch.float32) - (height - 1) / 2)[:, None]
    x_1W = (torch.arange(width, device=device, dtype=torch.float32) - (width - 1) / 2)[None, :]
    x_BHW = sign_B11 * (wide_B11 * x_1W + across_B11)
    y_BHW = high_B11 * y_H1 + down_B11
    column_BHW = torch.round(cos_B11 * x_BHW - sin_B11 * y_BHW + (width - 1) / 2).long()
    row_BHW = torch.round(sin_B11 * x_BHW + cos_B11 * y_BHW + (height - 1) / 2).long()
    inside_BHW = (column_BHW >= 0) & (column_BHW < width) & (row_BHW >= 0) & (row_BHW < height)
    source_BP = (row_BHW.clamp(0, height - 1) * width + column_BHW.clamp(0, width - 1)).view(batch, -1)
    pixels_BPC = images_BHWC.reshape(batch, height * width, planes)
    turned_BPC = pixels_BPC.gather(1, source_BP.unsqueeze(-1).expand(-1, -1, planes))
    return turned_BPC.view(batch, height, width, planes) * inside_BHW.unsqueeze(-1)


def turn_by_sampling(
    images_BHWC: Tensor, angles_B: Numbers, mirrored_B: NDArray[np.bool_], crops: Crops | None = None
) -> Tensor:
    """On a GPU, bilinear: as `turn_by_gathering`, by the mean of the four pixels around, each by its nearness."""
    height, width = images_BHWC.shape[1:3]
    cos_B, sin_B, sign_B = np.cos(angles_B), np.sin(angles_B), np.where(mirrored_B, -1.0, 1.0)
    wide_B, high_B, across_B, down_B = crops or whole(len(images_BHWC))
    across_B, down_B = sign_B * across_B * width, down_B * height
    # In units of half a side, which the two sides of an oblong picture do not share.
    rows_2B3 = (
        (
            cos_B * sign_B * wide_B,
            -sin_B * high_B * height / width,
            (cos_B * across_B - sin_B * down_B) * 2 / width,
        ),
        (
            sin_B * sign_B * wide_B * width / height,
            cos_B * high_B,
            (sin_B * across_B + cos_B * down_B) * 2 / height,
        ),
    )
    turns_B23 = torch.from_numpy(np.array(rows_2B3, np.float32)).permute(2, 0, 1).to(images_BHWC.device)
    images_BCHW = images_BHWC.permute(0, 3, 1, 2).float()
    grid_BHW2 = functional.affine_grid(turns_B23, list(images_BCHW.shape), align_corners=False)
    turned_BCHW = functional.grid_sample(images_BCHW, grid_BHW2, align_corners=False)
    return turned_BCHW.round().to(torch.uint8).permute(0, 2, 3, 1)
