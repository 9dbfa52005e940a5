"""Images of every kind that turns up in a download: converted, or refused with the reason."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainables.data.decode import UnreadableImageError, decode

GRADIENT = np.tile(np.linspace(0, 255, 64, dtype=np.uint8), (64, 1))


def grey(path, pixels=GRADIENT):
    Image.fromarray(pixels).save(path)
    return path.name


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "LA", "1", "CMYK"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode_becomes_eight_bits_of_the_wanted_planes(tmp_path, mode, channels):
    name = "picture.tif" if mode == "CMYK" else "picture.png"
    Image.fromarray(GRADIENT).convert("RGB").convert(mode).save(tmp_path / name)
    image = decode(tmp_path, name, 32, channels)
    assert image.shape == (32, 32, channels) and image.dtype == np.uint8
    if mode != "1":  # a dithered picture is only alike on average
        expected = np.tile(np.linspace(2, 253, 32), (32, 1))
        assert np.abs(image.mean(axis=2) - expected).max() < 12


def test_a_cmyk_jpeg_is_read_in_its_colours(tmp_path):
    Image.new("RGB", (64, 64), (200, 30, 30)).convert("CMYK").save(tmp_path / "red.jpeg", quality=95)
    image = decode(tmp_path, "red.jpeg", 32, 3)
    assert np.abs(image.reshape(-1, 3).mean(axis=0) - [200, 30, 30]).max() < 10


def test_of_sixteen_bits_the_upper_eight_are_kept(tmp_path):
    Image.fromarray(GRADIENT.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    assert np.abs(decode(tmp_path, "deep.png", 64, 1)[..., 0].astype(int) - GRADIENT).max() <= 1


def test_a_wide_and_a_tall_picture_are_cut_at_both_sides_alike(tmp_path):
    pixels = np.zeros((32, 96), np.uint8)
    pixels[:, 32:64] = 200
    assert (decode(tmp_path, grey(tmp_path / "wide.png", pixels), 32, 1) == 200).all()
    assert (decode(tmp_path, grey(tmp_path / "tall.png", pixels.T), 32, 1) == 200).all()


@pytest.mark.parametrize("highest", [(1 << 16), (1 << 16) + 5])
def test_a_number_above_sixteen_bits_is_no_pixel(tmp_path, highest):
    pixels = GRADIENT.astype(np.int32) + 5
    pixels[0, 0] = highest
    Image.fromarray(pixels).save(tmp_path / "deep.tif")
    with pytest.raises(UnreadableImageError, match=f"pixels from 5 to {highest}, which are no 16 bits"):
        decode(tmp_path, "deep.tif", 32, 1)


def test_two_pictures_in_one_file_are_refused(tmp_path):
    first, second = Image.fromarray(GRADIENT), Image.fromarray(GRADIENT.T.copy())
    first.save(tmp_path / "pages.tif", save_all=True, append_images=[second])
    with pytest.raises(UnreadableImageError, match="2 pictures in one file"):
        decode(tmp_path, "pages.tif", 32, 1)


def test_a_machine_without_memory_is_not_a_damaged_image(tmp_path, monkeypatch):
    def full(*_, **__):
        raise MemoryError

    name = grey(tmp_path / "whole.png")
    monkeypatch.setattr(Image.Image, "resize", full)
    with pytest.raises(MemoryError):
        decode(tmp_path, name, 32, 1)


def test_a_one_pixel_image_is_too_small(tmp_path):
    with pytest.raises(UnreadableImageError, match="1 x 1 pixels, less than 8 on a side"):
        decode(tmp_path, grey(tmp_path / "dot.png", np.zeros((1, 1), np.uint8)), 32, 1)


def test_a_decompression_bomb_is_refused_by_its_size(tmp_path):
    header = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IEND" + b"\xaeB`\x82")
    with pytest.raises(UnreadableImageError, match="30000 x 30000 pixels, more than 150,000,000"):
        decode(tmp_path, "bomb.png", 32, 1)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "the file is empty"), (b"GIF89 no, this is text", "not an image that is read here")],
)
def test_what_is_no_image_is_named_so(tmp_path, content, reason):
    (tmp_path / "file.jpeg").write_bytes(content)
    with pytest.raises(UnreadableImageError, match=reason):
        decode(tmp_path, "file.jpeg", 32, 3)


def test_an_absent_file_is_named_so(tmp_path):
    with pytest.raises(UnreadableImageError, match="no such file"):
        decode(tmp_path, "none.jpeg", 32, 3)


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.95])
def test_a_jpeg_cut_short_is_damaged(tmp_path, kept):
    pixels = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "cut.jpeg")
    data = (tmp_path / "cut.jpeg").read_bytes()
    (tmp_path / "cut.jpeg").write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(UnreadableImageError, match="damaged"):
        decode(tmp_path, "cut.jpeg", 32, 3)


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    grey(tmp_path / "secret.png")
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(UnreadableImageError, match=r"leads out of the data folder, to .*secret\.png"):
        decode(root, "link.png", 32, 1)


def step_by_step(file, size_px, channels):
    """The same pixels by Pillow's own calls, with every copy."""
    mode = "RGB" if channels == 3 else "L"
    with Image.open(file) as image:
        image.draft(mode, (size_px, size_px))
        whole = image.convert(mode)
    side = min(whole.size)
    left, top = (whole.width - side) // 2, (whole.height - side) // 2
    box = (left, top, left + side, top + side)
    square = whole.resize((size_px, size_px), Image.Resampling.BILINEAR, box=box, reducing_gap=3.0)
    return np.asarray(square).reshape(size_px, size_px, channels)


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [(mode, "png") for mode in ("RGB", "L", "P", "RGBA", "LA", "1")]
    + [(mode, "jpeg") for mode in ("RGB", "L", "CMYK")]
    + [("CMYK", "tif"), ("RGB", "mpo")],
)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size_px", [32, 128, 300])
def test_the_pixels_are_pillows_to_the_last_bit(tmp_path, mode, suffix, channels, size_px):
    pixels = np.random.default_rng(0).integers(0, 256, (270, 401, 3), dtype=np.uint8)
    name = f"noise.{suffix}"
    Image.fromarray(pixels).convert(mode).save(tmp_path / name)
    assert np.array_equal(decode(tmp_path, name, size_px, channels), step_by_step(tmp_path / name, size_px, channels))


@pytest.mark.skipif("TRANSFER_DATA" not in os.environ, reason="needs real images in TRANSFER_DATA")
@pytest.mark.parametrize(
    ("folder", "channels"), [("retina/train", 3), ("retina/train", 1), ("chestxray8/sample/images", 1)]
)
def test_the_pixels_of_real_images_are_pillows_to_the_last_bit(folder, channels):
    root = Path(os.environ["TRANSFER_DATA"])
    files = sorted((root / folder).iterdir())[::40]
    assert len(files) > 5
    for file in files:
        decoded = decode(root, str(file.relative_to(root)), 256, channels)
        assert np.array_equal(decoded, step_by_step(file, 256, channels)), file


@pytest.mark.parametrize("path", ["a/0.png", "a/../a/0.png", "./a/0.png", "within/0.png", "a/link.png"])
def test_a_file_is_found_by_every_name_that_stays_in_the_folder(tmp_path, path):
    (tmp_path / "a").mkdir()
    grey(tmp_path / "a" / "0.png")
    (tmp_path / "within").symlink_to("a")
    (tmp_path / "a" / "link.png").symlink_to("0.png")
    assert np.array_equal(decode(tmp_path, path, 64, 1)[..., 0], GRADIENT)


@pytest.mark.parametrize("path", ["../secret.png", "a/../../secret.png", "out/secret.png", "{folder}/secret.png"])
def test_no_name_leads_out_of_the_folder(tmp_path, path):
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (root / "out").symlink_to(tmp_path)
    grey(tmp_path / "secret.png")
    with pytest.raises(UnreadableImageError, match=r"leads out of the data folder, to .*secret\.png"):
        decode(root, path.format(folder=tmp_path), 32, 1)
