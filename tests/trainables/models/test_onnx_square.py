"""Pictures of any size in ONNX: the network sees the same bytes as in training, where Pillow made them."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trainables.data.catalogue import read
from trainables.data.decode import decode
from trainables.models import onnx_file, onnx_square

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

SIZES = [  # height, width
    (32, 32), (8, 8), (31, 9), (9, 31), (33, 34), (48, 64), (64, 48), (65, 48), (100, 300), (300, 100), (191, 191),
    (192, 192), (193, 500), (500, 193), (577, 575), (1200, 1000), (1000, 1599), (40, 33), (17, 1000), (1000, 17),
]  # fmt: skip


@cache
def session(size_px: int, channels: int, opset: int = 20) -> Any:
    """A network that gives its squares back, for pictures of any size."""
    helper, uint8 = onnx.helper, onnx.TensorProto.UINT8
    square = ["b", size_px, size_px, channels]
    values = [helper.make_tensor_value_info(name, uint8, square) for name in ("images", "same")]
    graph = helper.make_graph([helper.make_node("Identity", ["images"], ["same"])], "same", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    onnx_square.put_in_front(model, size_px=size_px, channels=channels)
    onnx.checker.check_model(model)
    return onnx_file.session_of(model.SerializeToString(), num_threads=1)


def seen(pixels_BHWC: np.ndarray, size_px: int, channels: int) -> np.ndarray:
    return session(size_px, channels).run(["same"], {"images": pixels_BHWC})[0]


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("planes", [1, 3])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: "{}x{}".format(*size))
def test_the_network_sees_the_bytes_that_the_store_holds(
    tmp_path: Path, size: tuple[int, int], planes: int, channels: int
) -> None:
    pixels = noise(*size, planes)
    Image.fromarray(pixels[..., 0] if planes == 1 else pixels).save(tmp_path / "image.png")
    expected = decode(tmp_path, "image.png", 32, channels)
    np.testing.assert_array_equal(seen(pixels[None], 32, channels)[0], expected)


@pytest.mark.parametrize("size_px", [64, 100, 256])
@pytest.mark.parametrize("size", [(700, 900), (1700, 1300), (90, 70), (531, 300), (2592, 3888)])
def test_at_other_working_sizes_too(tmp_path: Path, size: tuple[int, int], size_px: int) -> None:
    pixels = noise(*size, 3)
    Image.fromarray(pixels).save(tmp_path / "image.bmp")
    np.testing.assert_array_equal(seen(pixels[None], size_px, 3)[0], decode(tmp_path, "image.bmp", size_px, 3))


@pytest.mark.skipif("TRANSFER_DATA" not in os.environ, reason="TRANSFER_DATA names no folder of real images")
@pytest.mark.parametrize(("name", "channels"), [("retina", 3), ("chestxray8", 1)])
@pytest.mark.parametrize("size_px", [64, 256])
def test_real_photographs_and_x_rays_are_seen_as_the_store_holds_them(name: str, channels: int, size_px: int) -> None:
    listing = read(name, Path(os.environ["TRANSFER_DATA"]))
    assert listing.channels == channels
    for path in listing.rows["path"].tolist()[::60]:
        with Image.open(listing.root / path) as picture:
            mode = "L" if channels == 1 else "RGB"
            picture.draft(mode, (size_px, size_px))
            pixels = np.asarray(picture.convert(mode)).reshape(1, picture.height, picture.width, channels)
        np.testing.assert_array_equal(seen(pixels, size_px, channels)[0], decode(listing.root, path, size_px, channels))


def test_black_white_and_an_edge_stay_what_they_are() -> None:
    pixels = np.zeros((1, 500, 700, 1), np.uint8)
    pixels[:, :, 350:] = 255
    square = seen(pixels, 32, 1)[0, :, :, 0]
    assert (square[:, :15] == 0).all() and (square[:, 17:] == 255).all()


def test_the_pictures_of_a_batch_do_not_mix() -> None:
    pixels = noise(3, 210, 50, 3)
    alone = np.concatenate([seen(each[None], 32, 3) for each in pixels])
    np.testing.assert_array_equal(seen(pixels, 32, 3), alone)


def test_the_opset_of_the_model_is_taken() -> None:
    pixels = noise(1, 80, 90, 3)
    (square,) = session(32, 3, opset=18).run(["same"], {"images": pixels})
    np.testing.assert_array_equal(square, seen(pixels, 32, 3))
