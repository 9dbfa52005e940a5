"""Pictures in every format that is read, as bytes, for tests that spoil them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT = 72, 48
ORIENTATION = 0x0112  # EXIF's tag
ROWS, COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH]
# Different at each corner and noisy, so that neither turns nor missing parts go unseen; as smooth as JPEG needs.
COLOUR = np.stack([3 * COLUMNS, 5 * ROWS, 255 - 2 * COLUMNS - ROWS], axis=2).astype(np.uint8)
NOISE = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def saved(picture: Image.Image | NDArray[Any], kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(pixels: NDArray[Any], *, bits: int = 8, colour: int = 0, interlaced: bool = False, extra: bytes = b"") -> bytes:
    """A PNG as Pillow does not write it. `pixels`: values [H, W] or [H, W, planes] of `bits` bits each."""
    height, width = pixels.shape[:2]
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced))
    body = b"".join(_scan(part, bits) for part in (_passes(pixels) if interlaced else [pixels]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND")


def chunk(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _passes(pixels: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Adam7."""
    for row, column, down, right in (
        (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1),
    ):  # fmt: skip
        yield pixels[row::down, column::right]


def _scan(pixels: NDArray[Any], bits: int) -> bytes:
    flat = pixels.reshape(len(pixels), -1)
    if bits == 16:
        lines = flat.astype(">u2").view(np.uint8).reshape(len(pixels), -1)
    elif bits == 8:
        lines = flat.astype(np.uint8)
    else:
        ones = (flat[..., None] >> np.arange(bits)[::-1]) & 1
        lines = np.packbits(ones.reshape(len(pixels), -1).astype(np.uint8), axis=1)
    return b"".join(b"\0" + line.tobytes() for line in lines)


def oriented(kind: str, orientation: int, pixels: NDArray[np.uint8] = COLOUR, **options: Any) -> bytes:
    """The picture as a camera keeps it that was held otherwise: turned, with the EXIF that turns it back."""
    turn = Image.Transpose
    undo = {
        2: turn.FLIP_LEFT_RIGHT, 3: turn.ROTATE_180, 4: turn.FLIP_TOP_BOTTOM, 5: turn.TRANSPOSE,
        6: turn.ROTATE_90, 7: turn.TRANSVERSE, 8: turn.ROTATE_270,
    }  # fmt: skip
    image = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return saved(image.transpose(undo[orientation]) if orientation in undo else image, kind, exif=exif, **options)


def with_thumbnail() -> bytes:
    """A JPEG whose EXIF holds a whole JPEG."""
    exif = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + saved(NOISE[:16, :16], "JPEG")
    return saved(NOISE, "JPEG", exif=exif)


FORMATS: dict[str, Callable[[], bytes]] = {
    "PNG": lambda: saved(NOISE, "PNG"),
    "PNG interlaced": lambda: png(NOISE, colour=2, interlaced=True),
    "PNG 16 bits": lambda: png(NOISE[..., 0].astype(np.uint16) * 257, bits=16),
    "PNG palette": lambda: saved(Image.fromarray(NOISE).quantize(64), "PNG"),
    "JPEG": lambda: saved(NOISE, "JPEG"),
    "JPEG progressive": lambda: saved(NOISE, "JPEG", progressive=True),
    "JPEG grey": lambda: saved(NOISE[..., 0], "JPEG"),
    "JPEG CMYK": lambda: saved(Image.fromarray(NOISE).convert("CMYK"), "JPEG"),
    "JPEG with a thumbnail": with_thumbnail,
    "JPEG with restarts": lambda: saved(NOISE, "JPEG", restart_marker_rows=1),
    "GIF": lambda: saved(Image.fromarray(NOISE).quantize(64), "GIF"),
    "BMP": lambda: saved(NOISE, "BMP"),
    "TIFF": lambda: saved(NOISE, "TIFF"),
    "TIFF LZW": lambda: saved(NOISE, "TIFF", compression="tiff_lzw"),
    "TIFF deflate": lambda: saved(NOISE, "TIFF", compression="tiff_adobe_deflate"),
    "TIFF JPEG": lambda: saved(NOISE, "TIFF", compression="jpeg"),
    "WebP": lambda: saved(NOISE, "WEBP"),
    "WebP lossless": lambda: saved(NOISE, "WEBP", lossless=True),
    "PPM": lambda: saved(NOISE, "PPM"),
    "JPEG 2000": lambda: saved(NOISE, "JPEG2000"),
    "AVIF": lambda: saved(NOISE, "AVIF"),
}


def film(kind: str, **options: Any) -> bytes:
    """Three pictures in one file."""
    frames = [Image.fromarray(np.roll(COLOUR, 9 * number, axis=1)) for number in range(3)]
    return saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)
