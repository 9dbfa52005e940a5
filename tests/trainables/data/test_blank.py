"""A blank store has the rows of the real one, and no pixel of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trainables.data.blank import blank_store, store_of_the_papers_size
from trainables.data.catalogue import DATASETS
from trainables.data.readers import retina
from trainables.data.store import COLUMNS, Store

pytestmark = pytest.mark.filterwarnings("error")


def test_all_but_the_pixels_is_what_preparing_gives(root: Path, store: Store) -> None:
    blank = blank_store(retina.read(root), image_size_px=32, salt=b"salt")
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(blank, name), getattr(store, name))
    for name in ("dataset", "task", "label_names", "channels", "image_size_px", "is_phantom", "held_out", "left_out"):
        assert getattr(blank, name) == getattr(store, name)
    assert blank.gather(np.arange(3)).shape == (3, 32, 32, 3)
    assert blank.fingerprint == "" != store.fingerprint


def test_a_blank_store_opens_no_image(root: Path, tmp_path: Path) -> None:
    (tmp_path / "trainLabels.csv").write_bytes((root / "trainLabels.csv").read_bytes())
    images = tmp_path / "train"
    images.mkdir()
    for path in (root / "train").iterdir():
        (images / path.name).write_bytes(b"no image")
    assert blank_store(retina.read(tmp_path), image_size_px=32, salt=b"salt").num_images == 28


@pytest.mark.parametrize(("name", "num_images", "planes"), [("retina", 35126, 3), ("chexpert", 223648, 1)])
def test_the_papers_size_is_table_2s(name: str, num_images: int, planes: int) -> None:
    record = DATASETS[name]
    store = store_of_the_papers_size(record, 256)
    assert {split: len(store.rows(split)) for split in record.split_counts} == dict(record.split_counts)
    assert store.gather(np.arange(2)).shape == (2, 256, 256, planes)
    assert len(store.rows("train", 0.5)) == round(record.split_counts["train"] / 2)
    assert (store.labels == 1).any(axis=0).all()


def test_a_data_set_without_table_2_has_no_such_size() -> None:
    with pytest.raises(ValueError, match="Table II does not count generic: give --data DIR"):
        store_of_the_papers_size(DATASETS["generic"], 64)


def test_some_rows_alone_keep_their_columns_and_pixels(store: Store) -> None:
    rows = np.array([2, 5, 11])
    few = store.only(rows)
    np.testing.assert_array_equal(few.gather(np.arange(3)), store.gather(rows))
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(few, name), getattr(store, name)[rows])
