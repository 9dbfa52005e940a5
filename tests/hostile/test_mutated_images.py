"""Pictures cut short, spoilt, turned, of other depths and kinds: read rightly, or refused with the reason."""

from __future__ import annotations

import random
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.hostile.pictures import COLOUR, FORMATS, chunk, film, oriented, png, saved
from trainables.data.decode import UnreadableImageError, decode

SIZE_PX = 48
GREY = COLOUR[..., 0]  # 0 to 213, from left to right
KNOWS_ITS_END = [name for name in FORMATS if name.startswith(("PNG", "JPEG")) and name != "JPEG 2000"]


@cache
def whole(name: str) -> bytes:
    return FORMATS[name]()


def seen(folder: Path, content: bytes, channels: int = 3, name: str = "0.png") -> NDArray[np.int64]:
    (folder / name).write_bytes(content)
    return decode(folder, name, SIZE_PX, channels).astype(np.int64)


def upright(channels: int = 3) -> NDArray[np.uint8]:
    """The middle square of `COLOUR` or `GREY`."""
    middle = COLOUR[:, 12:60]
    return middle if channels == 3 else middle[..., :1]


def refused_or_whole(folder: Path, content: bytes, name: str) -> None:
    """Cut off may be what no pixel needs; then it is the same picture."""
    try:
        pixels = seen(folder, content)
    except UnreadableImageError:
        return
    assert (pixels == seen(folder, whole(name), name="whole.png")).all(), "a part was taken for the whole"


@pytest.mark.parametrize("percent", range(5, 100, 5))
@pytest.mark.parametrize("name", FORMATS)
def test_a_picture_cut_short_is_refused(name: str, percent: int, tmp_path: Path) -> None:
    content = whole(name)[: len(whole(name)) * percent // 100]
    if name in KNOWS_ITS_END:
        with pytest.raises(UnreadableImageError):
            seen(tmp_path, content)
    else:
        refused_or_whole(tmp_path, content, name)


@pytest.mark.parametrize("percent", range(10, 100, 10))
@pytest.mark.parametrize("name", KNOWS_ITS_END)
def test_a_download_with_zeros_for_its_end_is_refused(name: str, percent: int, tmp_path: Path) -> None:
    kept = len(whole(name)) * percent // 100
    with pytest.raises(UnreadableImageError, match=r"damaged|not an image"):
        seen(tmp_path, whole(name)[:kept] + bytes(len(whole(name)) - kept))


@pytest.mark.parametrize("percent", range(2, 100, 7))
@pytest.mark.parametrize("name", [name for name in FORMATS if name.startswith("PNG")])
def test_a_flipped_bit_of_a_png_is_seen(name: str, percent: int, tmp_path: Path) -> None:
    content = bytearray(whole(name))
    content[len(content) * percent // 100] ^= 16
    refused_or_whole(tmp_path, bytes(content), name)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("name", FORMATS)
def test_any_spoilt_bytes_are_read_or_refused(name: str, seed: int, tmp_path: Path) -> None:
    """Flipped bits of a JPEG can be another JPEG; but nothing else than pixels or our own error comes of them."""
    draw, content = random.Random(seed), bytearray(whole(name))
    for _ in range(draw.randint(1, 6)):
        content[draw.randrange(len(content) if seed % 2 else min(200, len(content)))] = draw.randrange(256)
    try:
        assert seen(tmp_path, bytes(content)).shape == (SIZE_PX, SIZE_PX, 3)
    except UnreadableImageError as error:
        assert str(error)


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize(
    ("kind", "most"), [("PNG", 0), ("TIFF", 0), ("WEBP", 12), ("JPEG", 12), ("AVIF", 12)], ids=lambda it: str(it)
)
def test_a_picture_is_turned_as_its_exif_says(kind: str, most: int, orientation: int, tmp_path: Path) -> None:
    options: dict[str, Any] = {"quality": 95} if most else {}
    assert np.abs(seen(tmp_path, oriented(kind, orientation, **options)) - upright()).max() <= most


@pytest.mark.parametrize(
    "exif", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0" + b"\xff" * 40, b"no"]
)
def test_exif_that_cannot_be_read_changes_nothing(exif: bytes, tmp_path: Path) -> None:
    plain = seen(tmp_path, saved(COLOUR, "JPEG"), name="plain.png")
    assert (seen(tmp_path, saved(COLOUR, "JPEG", exif=exif)) == plain).all()


def test_a_large_turned_jpeg_is_decoded_at_a_reduced_scale(tmp_path: Path) -> None:
    large = np.repeat(np.repeat(COLOUR, 8, axis=0), 8, axis=1)
    assert np.abs(seen(tmp_path, oriented("JPEG", 6, large, quality=95)) - upright()).mean() < 4


def _picture(mode: str) -> bytes:
    return saved(Image.fromarray(COLOUR).convert(mode), "TIFF" if mode == "CMYK" else "PNG")


_SHOWN = (255 - GREY.astype(np.int64)) // 2  # not transparent everywhere
DEEP = {
    "palette": (_picture("P"), 3, 60),
    "RGBA": (saved(np.dstack([COLOUR, np.full_like(GREY, 255)]), "PNG"), 3, 0),
    "RGBA half transparent": (saved(np.dstack([COLOUR, _SHOWN.astype(np.uint8)]), "PNG"), 3, 0),
    "grey with alpha": (png(np.dstack([GREY, GREY]), colour=4), 1, 0),
    "interlaced": (png(COLOUR, colour=2, interlaced=True), 3, 0),
    "interlaced grey": (png(GREY, interlaced=True), 1, 0),
    "16 bits": (png(GREY.astype(np.uint16) * 256 + 77, bits=16), 1, 0),
    "16 bits, interlaced": (png(GREY.astype(np.uint16) * 256 + 77, bits=16, interlaced=True), 1, 0),
    "16 bits in colour": (png(COLOUR.astype(np.uint16) * 257, bits=16, colour=2), 3, 0),
    "12 bits in 16": (png(GREY.astype(np.uint16) * 16 + 5, bits=16), 1, 0),
    "12 bits in 16, TIFF": (saved(GREY.astype(np.uint16) * 16 + 5, "TIFF"), 1, 0),
    "8 bits in 16": (png(GREY.astype(np.uint16), bits=16), 1, 0),
    "16 bits, TIFF": (saved(GREY.astype(np.uint16) * 256, "TIFF"), 1, 0),
    "16 bits in 32, TIFF": (saved(GREY.astype(np.int32) * 256, "TIFF"), 1, 0),
    "4 bits": (png(GREY >> 4, bits=4), 1, 16),
    "2 bits": (png(GREY >> 6, bits=2), 1, 64),
    "CMYK, TIFF": (_picture("CMYK"), 3, 2),
    "CMYK, JPEG": (saved(Image.fromarray(COLOUR).convert("CMYK"), "JPEG", quality=95), 3, 16),
    "a PNG with a text": (png(COLOUR, colour=2, extra=chunk(b"tEXt", b"Patient\0Doe")), 3, 0),
    "a JPEG with more behind it": (saved(COLOUR, "JPEG", quality=95) + b"camera's own \xff\xd8" * 9, 3, 12),
    "a picture of stereo cameras": (film("MPO", quality=95), 3, 12),
    "one frame of a GIF": (saved(Image.fromarray(COLOUR).convert("P"), "GIF"), 3, 60),
}


@pytest.mark.parametrize("name", DEEP)
def test_whatever_its_depth_a_picture_looks_as_it_should(name: str, tmp_path: Path) -> None:
    content, channels, most = DEEP[name]
    assert np.abs(seen(tmp_path, content, channels) - upright(channels)).max() <= most


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".jpg", ".JPeG", ".tif", ".txt", ".gif", ""])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_what_a_file_is_counts_and_not_what_it_is_called(kind: str, suffix: str, tmp_path: Path) -> None:
    options = {"quality": 95} if kind in ("JPEG", "WEBP") else {}
    pixels = seen(tmp_path, saved(COLOUR, kind, **options), name=f"0{suffix}")
    assert np.abs(pixels - upright()).max() <= (12 if options else 0)


def _bomb(kind: str) -> bytes:
    """The head of a file that says it is 60,000 pixels wide and high."""
    side = 60_000
    content = bytearray(whole(kind))
    if kind == "PNG":
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", side.to_bytes(4) * 2 + b"\x08\2\0\0\0") + bytes(content[33:])
    if kind == "JPEG":
        at = content.index(b"\xff\xc0")
        content[at + 5 : at + 9] = side.to_bytes(2) * 2
    if kind == "GIF":
        content[6:10] = side.to_bytes(2, "little") * 2
    if kind == "BMP":
        content[18:26] = side.to_bytes(4, "little") * 2
    if kind == "PPM":
        return f"P6 {side} {side} 255\n".encode() + bytes(99)
    return bytes(content)


REFUSED = {
    "nothing": (b"", "the file is empty"),
    "a text": (b"this is a note on the patient", "not an image"),
    "an HTML page": (b"<!DOCTYPE html><html>404</html>", "not an image"),
    "an SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "not an image"),
    "a PDF": (b"%PDF-1.7\n1 0 obj\n", "not an image"),
    "a program of PostScript": (saved(COLOUR, "EPS"), "not an image"),
    "an icon": (saved(COLOUR, "ICO", sizes=[(32, 32)]), "not an image"),
    "a zip": (b"PK\x03\x04" + bytes(99), "not an image"),
    "a Git LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "not an image"),
    "zeros": (bytes(4096), "not an image"),
    "a head alone": (b"\x89PNG\r\n\x1a\n", "damaged|not an image"),
    "1 x 1": (saved(COLOUR[:1, :1], "PNG"), "1 x 1 pixels, less than"),
    "7 x 48": (saved(COLOUR[:, :7], "PNG"), "7 x 48 pixels, less than"),
    "a line": (saved(COLOUR[:1], "PNG"), "72 x 1 pixels, less than"),
    "no width": (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(8) + b"\x08\2\0\0\0") + chunk(b"IEND"), "pixels|not an"),
    "an animated GIF": (film("GIF"), "3 pictures in one file"),
    "an animated PNG": (film("PNG"), "3 pictures in one file"),
    "an animated WebP": (film("WEBP"), "3 pictures in one file"),
    "an animated AVIF": (film("AVIF"), "3 pictures in one file"),
    "a TIFF of pages": (film("TIFF"), "3 pictures in one file"),
    "fractions": (saved(GREY.astype(np.float32) / 255, "TIFF"), "fractions"),
    "negative numbers": (saved(GREY.astype(np.int32) - 1000, "TIFF"), "pixels from -1000 to .* no 16 bits"),
    "more than 16 bits": (saved(GREY.astype(np.int32) << 16, "TIFF"), "no 16 bits"),
    "a text that unpacks without end": (
        png(COLOUR, colour=2, extra=chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 27)))),
        "damaged",
    ),
    **{f"a bomb, {kind}": (_bomb(kind), "60000 x 60000 pixels, more") for kind in ("PNG", "JPEG", "GIF", "BMP", "PPM")},
}  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_single_picture_is_refused(name: str, tmp_path: Path) -> None:
    content, reason = REFUSED[name]
    with pytest.raises(UnreadableImageError, match=reason):
        seen(tmp_path, content)
