"""From an image file to uint8 at the working size: shorter side resized, centre cropped (Akbarian et al. 2020, V.A)."""

from __future__ import annotations

import mmap
import os
import stat
import unicodedata
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from trainables.data import dicom

MIN_SIDE_PX = 8  # less is no photograph, whatever the file says
MAX_PIXELS = 150_000_000  # eight times the largest fundus photograph; more is a decompression bomb
SIXTEEN_BIT_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N")
# Of Pillow's many readers those of pictures alone: the one of EPS would run Ghostscript on the file.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
NO_IMAGE = f"not an image that is read here ({', '.join(FORMATS)} or DICOM)"
FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
JPEG_SCAN, JPEG_END = b"\xff\xda", b"\xff\xd9"

Image.MAX_IMAGE_PIXELS = (
    None  # the check here names the file and its size; Pillow's own would only warn up to twice its limit
)


class UnreadableImageError(ValueError):
    """One image cannot be used; the message is the reason, without the image's name."""


def decode(root: Path, path: str, image_size_px: int, channels: int) -> NDArray[np.uint8]:
    """The image at ``root/path`` as uint8 [image_size_px, image_size_px, channels].

    It is turned as its EXIF says. Palette, CMYK, RGBA (without its transparency) and 16-bit images are converted; a
    JPEG is decoded at reduced scale where that is enough. Where only a DICOM file of the same name is there, it is
    taken.

    Raises:
        UnreadableImageError: the file is absent, no file, damaged, cut short, no image, several images, too small or
            too large, or leads out of `root`.
    """
    file = located(root, path)
    if file.suffix.lower() in dicom.SUFFIXES:
        return resized_square(_dicom(file).convert("RGB" if channels == 3 else "L"), image_size_px, channels)
    try:
        with Image.open(file, formats=FORMATS) as image:
            _check_size(*image.size)
            _check_one_and_whole(image, file)
            mode = "RGB" if channels == 3 else "L"
            image.draft(mode, (image_size_px, image_size_px))
            image.load()
            _turn(image)
            return resized_square(_eight_bits(image, mode), image_size_px, channels)
    except UnidentifiedImageError:
        size = file.stat().st_size
        raise UnreadableImageError("the file is empty" if size == 0 else NO_IMAGE) from None
    except PermissionError as error:
        raise UnreadableImageError(f"cannot be opened: {error.strerror}") from None
    except (UnreadableImageError, MemoryError):
        raise
    except Exception as error:  # of a damaged file, Pillow raises whatever its reading ran into
        raise UnreadableImageError(f"damaged: {error or type(error).__name__}") from error


def located(root: Path, path: str) -> Path:
    """The file of an image, which is one, and lies in `root`.

    A name with accents is found in either of Unicode's normal forms: a table may have one, and the disk the other.

    Raises:
        UnreadableImageError: there is no such file, it is a folder, a pipe or a device, or a link leads out of `root`
            or to itself.
    """
    if plain := _plain_file(root, path):
        return plain
    try:
        spellings = [path] if path.isascii() else [path, *(unicodedata.normalize(form, path) for form in FORMS)]
        file = next((it for one in spellings if (it := dicom.stand_in(root / one)).exists()), root / path)
        target = file.resolve()
        if not target.is_relative_to(root.resolve()):
            raise UnreadableImageError(f"a link that leads out of the data folder, to {target}")
        kind = target.stat().st_mode
    except FileNotFoundError:
        raise UnreadableImageError("no such file") from None
    except RuntimeError:  # what pathlib says of links in a circle
        raise UnreadableImageError("a link that leads to itself") from None
    except OSError as error:
        raise UnreadableImageError(f"cannot be opened: {error.strerror}") from None
    if not stat.S_ISREG(kind):  # a pipe would be waited for without end
        raise UnreadableImageError("a folder, and no file" if stat.S_ISDIR(kind) else "a pipe or a device, and no file")
    return file


def _plain_file(root: Path, path: str) -> Path | None:
    """The file at ``root/path`` where no part of `path` is a link, so that nothing can lead out of `root`.

    Most files are such, and resolving the names of all folders above takes ten times as long. None where one is not,
    or where anything else is odd: then `located` looks closely, and says what is wrong.
    """
    parts = Path(path).parts
    if Path(path).is_absolute() or ".." in parts:
        return None
    place = str(root)
    kind = 0
    for part in parts:
        place = f"{place}/{part}"
        try:
            kind = os.lstat(place).st_mode
        except (OSError, ValueError):
            return None
        if stat.S_ISLNK(kind):
            return None
    return Path(place) if stat.S_ISREG(kind) else None


def _check_one_and_whole(image: Image.Image, file: Path) -> None:
    """Of several pictures nobody knows which is meant; of a part, the rest would be grey."""
    num_frames = getattr(image, "n_frames", 1)
    if num_frames > 1 and image.format != "MPO":  # which is a JPEG with previews of itself behind it
        raise UnreadableImageError(f"{num_frames} pictures in one file; save the one that is meant")
    if image.format == "PNG":
        with Image.open(file, formats=("PNG",)) as again:
            again.verify()  # the checksum of each part, which decoding does not look at
    elif isinstance(image, JpegImageFile) and image.fp:  # MPO, too
        with mmap.mmap(image.fp.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if content.rfind(JPEG_END) < content.rfind(JPEG_SCAN):  # zeros behind a part count as pixels otherwise
                raise UnreadableImageError("damaged: the file is cut short, for its end is missing")


def _turn(image: Image.Image) -> None:
    """Turns the image as its EXIF says; one whose EXIF cannot be read stays as it is."""
    with suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what else is wrong with it
        ImageOps.exif_transpose(image, in_place=True)


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
    """The image in `mode`. Of 12 or 16 bits a pixel the upper eight are kept: `Image.convert` would clip instead.

    Files do not say how many of their 16 bits are used: none above the twelfth means twelve, as X-ray detectors have.
    """
    if image.mode == "F":
        raise UnreadableImageError("pixels are fractions, whose black and white nobody knows; save them as integers")
    if image.mode not in SIXTEEN_BIT_MODES:
        return image if image.mode == mode else image.convert(mode)  # which would copy it
    values = np.asarray(image).astype(np.int64)
    lowest, highest = values.min(), values.max()
    if lowest < 0 or highest >= 1 << 16:
        raise UnreadableImageError(f"pixels from {lowest} to {highest}, which are no 16 bits; save them as such")
    shift = 0 if highest < 1 << 8 else 4 if highest < 1 << 12 else 8
    return Image.fromarray((values >> shift).astype(np.uint8)).convert(mode)


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
