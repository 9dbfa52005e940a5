"""Boxes go where the pixels go: numbers worked by hand, pixels found again, and every box left out counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from platform.phantoms.nih_writer import write_chestxray8
from trainables.data import boxes
from trainables.data.boxes import EDGES, in_square, placed
from trainables.data.catalogue import DATASETS
from trainables.data.decode import decode
from trainables.data.readers import chestxray8
from trainables.data.store import Store
from trainables.data.store_making import prepare

SALT = b"salt"


def test_a_wide_image_is_cropped_left_and_right_by_hand() -> None:
    # 200 x 100 px: the square begins at x = 50; 50 px of 100 halve every length
    inside, cut, outside = (60, 20, 90, 40), (40, 0, 70, 100), (0, 10, 50, 30)
    squares = in_square(np.array([inside, cut, outside]), 200, 100, 50)
    np.testing.assert_allclose(squares[:2], [(5, 10, 20, 20), (0, 0, 10, 50)])
    assert squares[2, 0] == squares[2, 2] == 0  # nothing is left of its width


def test_a_tall_image_with_an_odd_margin_is_cropped_as_pillow_crops_it() -> None:
    # 100 x 125 px: 25 px too many, of which 12 (not 12.5) are above
    np.testing.assert_allclose(in_square(np.array([(0, 12, 100, 112)]), 100, 125, 50), [(0, 0, 50, 50)])


@pytest.mark.parametrize("size", [(128, 96), (96, 128), (131, 96)])
def test_a_box_lies_where_decoding_puts_its_pixels(tmp_path: Path, size: tuple[int, int]) -> None:
    picture = np.zeros((size[1], size[0]), np.uint8)
    picture[30:60, 40:70] = 255
    Image.fromarray(picture).save(tmp_path / "a.png")
    left, top, right, bottom = in_square(np.array([(40, 30, 70, 60)]), *size, 48)[0]
    y, x = np.nonzero(decode(tmp_path, "a.png", 48, 1)[..., 0] > 127)
    assert abs(x.min() - left) <= 1 and abs(x.max() + 1 - right) <= 1
    assert abs(y.min() - top) <= 1 and abs(y.max() + 1 - bottom) <= 1


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "chestxray8"
    return write_chestxray8(folder, num_images=40, image_size_px=64, seed=0, progress=False)


@pytest.fixture(scope="module")
def store(root: Path) -> Store:
    out = root.parents[1] / "store.arrow"
    return prepare(chestxray8.read(root), out, image_size_px=32, salt=SALT, progress=False)


def test_every_box_finds_its_image_and_label(root: Path, store: Store) -> None:
    frame, left_out = placed(chestxray8.read(root), store, SALT)
    listed = chestxray8.boxes(root)
    assert len(frame) + sum(left_out.values()) == len(listed) and len(frame) > 10
    for box in frame.itertuples():
        assert store.labels[box.row, store.label_names.index(box.label)] == 1
    edges = frame[EDGES].to_numpy()
    assert edges.min() >= 0 and edges.max() <= 32 and (edges[:, 2:] > edges[:, :2]).all()
    biggest = listed.assign(area=listed["width"] * listed["height"])["area"].max()
    assert ((edges[:, 2] - edges[:, 0]) * (edges[:, 3] - edges[:, 1])).max() == pytest.approx(biggest / 4)


def write_boxes(root: Path, monkeypatch: pytest.MonkeyPatch, rows: Sequence[tuple]) -> None:
    frame = chestxray8.boxes(root).iloc[:0]
    for row in rows:
        frame.loc[len(frame)] = row
    record = DATASETS["chestxray8"]
    assert record.boxes
    changed = replace(record, boxes=replace(record.boxes, read=lambda _: frame))
    monkeypatch.setitem(DATASETS, "chestxray8", changed)


def test_what_is_left_out_is_counted_by_reason(root: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    image = chestxray8.read(root).rows["path"].iloc[0].rpartition("/")[2]
    rows = [("99999999_000.png", "Mass", 0.0, 0.0, 5.0, 5.0), (image, "Boredom", 0.0, 0.0, 5.0, 5.0)]
    rows += [(image, "Mass", 70.0, 0.0, 5.0, 5.0), (image, "Mass", 60.0, 0.0, 20.0, 6.0)]
    write_boxes(root, monkeypatch, rows)
    frame, left_out = placed(chestxray8.read(root), store, SALT)
    assert left_out == {boxes.NO_IMAGE: 1, boxes.NO_LABEL: 1, boxes.CROPPED: 1}
    assert frame[EDGES].to_numpy().tolist() == [[30.0, 0.0, 32.0, 3.0]]


def test_boxes_of_the_release_are_in_its_own_pixels_whatever_the_copy(
    root: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = chestxray8.read(root)
    image = listing.rows["path"].iloc[0].rpartition("/")[2]
    write_boxes(root, monkeypatch, [(image, "Mass", 256.0, 512.0, 128.0, 64.0)])
    monkeypatch.setattr(type(listing), "is_phantom", False)
    frame, _ = placed(replace(listing), store, SALT)
    assert frame[EDGES].to_numpy().tolist() == [[8.0, 16.0, 12.0, 18.0]]  # 1024 px become 32


def test_another_salt_or_folder_is_refused(root: Path, store: Store) -> None:
    with pytest.raises(ValueError, match=r"none of the 40 of .*chestxray8 is"):
        placed(chestxray8.read(root), store, b"other")


def test_without_the_list_there_are_no_boxes(root: Path, store: Store, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no BBox_List_2017\.csv"):
        placed(replace(chestxray8.read(root), root=tmp_path), store, SALT)
