"""From an image file to uint8 at the working size: shorter side resized, centre cropped (Akbarian et al. 2020, V.A)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from trainables.data import dicom

MIN_SIDE_PX = 8  # less is no photograph, whatever the file says
MAX_PIXELS = 150_000_000  # eight times the largest fundus photograph; more is a decompression bomb
SIXTEEN_BIT_MODES = ("I", "I;16", "I;16B", "I;16L")

Image.MAX_IMAGE_PIXELS = (
    None  # the check here names the file and its size; Pillow's own would only warn up to twice its limit
)


class UnreadableImageError(ValueError):
    """One image cannot be used; the message is the reason, without the image's name."""


def decode(root: Path, path: str, image_size_px: int, channels: int) -> NDArray[np.uint8]:
    """The image at ``root/path`` as uint8 [image_size_px, image_size_px, channels].

    Palette, CMYK, RGBA and 16-bit images are converted; a JPEG is decoded at reduced scale where that is enough.
    Where only a DICOM file of the same name is there, it is taken.

    Raises:
        UnreadableImageError: the file is absent, damaged, no image, too small or too large, or leads out of `root`.
    """
    file = dicom.stand_in(root / path)
    if not file.resolve().is_relative_to(root.resolve()):
        raise UnreadableImageError(f"a link that leads out of the data folder, to {file.resolve()}")
    if file.suffix.lower() in dicom.SUFFIXES:
        return resized_square(_dicom(file).convert("RGB" if channels == 3 else "L"), image_size_px, channels)
    try:
        with Image.open(file) as image:
            _check_size(*image.size)
            mode = "RGB" if channels == 3 else "L"
            image.draft(mode, (image_size_px, image_size_px))
            return resized_square(_eight_bits(image, mode), image_size_px, channels)
    except FileNotFoundError:
        raise UnreadableImageError("no such file") from None
    except UnidentifiedImageError:
        size = file.stat().st_size
        raise UnreadableImageError("the file is empty" if size == 0 else "not an image that Pillow knows") from None
    except UnreadableImageError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # Pillow's ways to say that a file is damaged
        raise UnreadableImageError(f"damaged: {error}") from error


def _dicom(file: Path) -> Image.Image:
    try:
        return dicom.picture(file, _check_size)
    except (UnreadableImageError, ImportError):
        raise
    except Exception as error:  # a damaged DICOM file makes pydicom raise whatever its reading ran into
        raise UnreadableImageError(f"not a DICOM picture that can be read: {error}") from error


def _check_size(width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE_PX:
        raise UnreadableImageError(f"{width} x {height} pixels, less than {MIN_SIDE_PX} on a side")
    if width * height > MAX_PIXELS:
        raise UnreadableImageError(f"{width} x {height} pixels, more than {MAX_PIXELS:,} in all")


def _eight_bits(image: Image.Image, mode: str) -> Image.Image:
    """The image in `mode`. Of 16 bits a pixel the upper eight are kept: `Image.convert` would clip instead."""
    if image.mode not in SIXTEEN_BIT_MODES:
        return image.convert(mode)
    values = np.asarray(image).astype(np.int64)
    shift = 8 if values.max(initial=0) > 255 else 0
    return Image.fromarray((values >> shift).clip(0, 255).astype(np.uint8)).convert(mode)


def centre_square(width: int, height: int) -> tuple[int, int, int]:
    """The square that is cut out of an image: left edge, upper edge and side, in its pixels."""
    side = min(width, height)
    return (width - side) // 2, (height - side) // 2, side


def resized_square(image: Image.Image, image_size_px: int, channels: int) -> NDArray[np.uint8]:
    """The centre square of a grey or RGB image as uint8 [image_size_px, image_size_px, channels].

    `trainables.models.onnx_square` does the same in ONNX: change both, or neither.
    """
    left, top, side = centre_square(*image.size)
    square = image.resize(
        (image_size_px, image_size_px),
        Image.Resampling.BILINEAR,
        box=(left, top, left + side, top + side),
        reducing_gap=3.0,
    )
    return np.asarray(square).reshape(image_size_px, image_size_px, channels)
