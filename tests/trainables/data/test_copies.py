"""Copies are found, near ones too; two pictures of one kind are none; counts say where the copies are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance
from scipy.ndimage import gaussian_filter

from trainables.data.catalogue import read
from trainables.data.copy_counts import OTHER, SAME, counts, described, in_words
from trainables.data.readers import own
from trainables.data.store import Store
from trainables.data.store_making import prepare

pytest.importorskip("imagehash")

from trainables.data import copies
from trainables.data.copies import IDENTICAL, MAX_BITS, NEAR, copies_in, correlation, detail

SIDE = 128
real_images = pytest.mark.skipif("TRANSFER_DATA" not in os.environ, reason="TRANSFER_DATA names no real images")


def picture(seed: int) -> Image.Image:
    """A grey picture of its own: blobs and finer grain."""
    rng = np.random.default_rng(seed)
    fields = [gaussian_filter(rng.normal(size=(SIDE, SIDE)), sigma) for sigma in (24, 8, 3)]
    mixed = sum(field / field.std() for field in fields)
    return Image.fromarray((128 + 30 * mixed).clip(0, 255).astype(np.uint8))


def write(folder: Path) -> Path:
    """Twelve patients, one picture each, three of which are copies: of 0, byte for byte, of 1 and of 2, changed."""
    folder.mkdir()
    pictures = {f"{number:02}.png": picture(number) for number in range(9)}
    pictures["09.png"] = picture(0)
    pictures["10.png"] = ImageEnhance.Contrast(ImageEnhance.Brightness(picture(1)).enhance(1.1)).enhance(0.9)
    for name, image in pictures.items():
        image.save(folder / name)
    picture(2).resize((SIDE // 2, SIDE // 2)).resize((SIDE, SIDE)).save(folder / "11.jpg", quality=50)
    names = sorted(path.name for path in folder.iterdir())
    lines = [f"{name},p{number},{int(number == 9)}" for number, name in enumerate(names)]
    (folder / "mine.csv").write_text("image,patient,sign\n" + "\n".join(lines) + "\n")
    return folder / "mine.csv"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Patients 0 to 5 train, 6 to 8 validate, 9 to 11 test."""
    folder = tmp_path_factory.mktemp("copies")
    listing = own.read(write(folder / "own"))
    store = prepare(listing, folder / "s.arrow", image_size_px=64, salt=b"salt", progress=False)
    split = np.array(["train"] * 6 + ["validation"] * 3 + ["test"] * 3)
    return store.with_split(split, np.where(split == "train", np.arange(12), -1))


def test_each_copy_is_found_and_nothing_else(store: Store) -> None:
    frame = copies_in(store, progress=False)
    assert frame[["first", "second", "kind"]].values.tolist() == [[0, 9, IDENTICAL], [1, 10, NEAR], [2, 11, NEAR]]
    assert frame["bits"][0] == 0 and frame["likeness"][0] == 1
    assert (frame["bits"] <= MAX_BITS).all() and frame["likeness"][1:].between(0.9, 1, inclusive="left").all()


def like(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    return correlation(detail(first), detail(second))


def test_the_likeness_is_numpys_correlation_of_the_detail(store: Store) -> None:
    one, other = store.gather(np.array([1, 10]))
    expected = np.corrcoef(detail(one).ravel(), detail(other).ravel())[0, 1]
    assert like(one, other) == pytest.approx(expected) and expected > 0.9
    brighter = (one.astype(int) // 2 + 60).astype(np.uint8)
    assert like(one, brighter) > 0.9 > 0.3 > abs(like(one, store.gather(np.array([3]))[0]))
    flat = np.full_like(one, 7)
    assert like(flat, one) == like(flat, flat) == 0


def test_the_pixels_decide_where_hashes_are_near(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "MAX_BITS", 200)  # every pair is a candidate now
    looked_at: list[NDArray[np.uint8]] = []

    def noting(image: NDArray[np.uint8]) -> NDArray[np.float64]:
        looked_at.append(image)
        return detail(image)

    monkeypatch.setattr(copies, "detail", noting)
    assert copies_in(store, progress=False)[["first", "second"]].values.tolist() == [[0, 9], [1, 10], [2, 11]]
    assert len(looked_at) == 11, "each picture is looked at once, however many candidates it has"


def test_many_copies_of_one_picture_are_listed_with_the_first_of_each_split() -> None:
    rows = np.arange(60)
    split = np.array(["train"] * 40 + ["test"] * 20)
    pairs = list(copies._within(rows, split))
    assert len(pairs) == len(set(pairs)) == 59 + 59 - 1  # with row 0, and with row 40, which are paired once
    ends = {row for pair in pairs if split[pair[0]] != split[pair[1]] for row in pair}
    assert ends == set(rows.tolist()), "each image has a copy in the other split, and each is listed with one there"
    assert len(list(copies._within(rows[:50], split[:50]))) == 50 * 49 // 2


def test_counts_by_hand(store: Store) -> None:
    frame = described(copies_in(store, progress=False), store)
    assert frame["labels_differ"].tolist() == [True, False, False]
    assert counts(frame) == [
        entry("identical", "test", "train", OTHER, images=1, patients=1, pairs=1, labels=1),
        entry("near-identical", "test", "train", OTHER, images=2, patients=2, pairs=2, labels=0),
    ]
    assert [in_words(each) for each in counts(frame)] == [
        "1 test image of 1 patient has an identical one of another patient's in train (1 of 1 pair with other labels)",
        "2 test images of 2 patients have a near-identical one of another patient's in train",
    ]
    assert counts(frame.iloc[:0]) == []


def test_a_pair_begins_with_the_earlier_split_and_an_image_counts_once(store: Store) -> None:
    pairs = pd.DataFrame(
        [(0, 9, IDENTICAL, 0, 1.0), (1, 9, NEAR, 3, 0.95), (0, 1, NEAR, 3, 0.95), (7, 9, IDENTICAL, 0, 1.0)],
        columns=list(copies.COLUMNS),
    )
    turned = store.with_split(np.array(["test"] * 2 + ["validation"] * 6 + ["train"] * 4), np.full(12, -1))
    frame = described(pairs, turned)
    assert frame[["first", "second"]].values.tolist() == [[9, 0], [9, 1], [0, 1], [9, 7]]
    assert frame["first_split"].tolist() == ["train", "train", "test", "train"]
    assert [(e["kind"], e["split"], e["copied_in"], e["num_images"], e["num_pairs"]) for e in counts(frame)] == [
        ("identical", "test", "train", 1, 1),
        ("near-identical", "test", "train", 1, 1),
        ("identical", "validation", "train", 1, 1),
        ("near-identical", "test", "test", 2, 1),
    ]


def test_copies_of_one_patient_are_told_apart(store: Store) -> None:
    pairs = pd.DataFrame([(0, 1, NEAR, 3, 0.95), (2, 3, NEAR, 3, 0.95)], columns=list(copies.COLUMNS))
    frame = described(pairs, store).assign(whose=[SAME, OTHER])
    store_of_one = described(pairs, _of_one_patient(store))
    assert store_of_one["whose"].tolist() == [SAME, OTHER]
    assert [(e["whose"], e["num_images"], e["num_patients"]) for e in counts(frame)] == [(OTHER, 2, 2), (SAME, 2, 2)]


def _of_one_patient(store: Store) -> Store:
    """The same images, of which the first two are one patient's."""
    other = store.with_split(store.split, store.train_rank)
    other.patient = store.patient.copy()
    other.patient[1] = other.patient[0]
    return other


@real_images
@pytest.mark.parametrize("dataset", ["retina", "chestxray8"])
def test_real_images_have_no_copies_until_some_are_made(dataset: str, tmp_path: Path) -> None:
    listing = read(dataset, Path(os.environ["TRANSFER_DATA"]))
    store = prepare(listing, tmp_path / "s.arrow", image_size_px=64, salt=b"salt", progress=False)
    assert copies_in(store, progress=False).empty
    rows = np.array([0, 1, 2, 0])
    with_copy = store.only(rows)
    assert copies_in(with_copy, progress=False)[["first", "second", "kind"]].values.tolist() == [[0, 3, IDENTICAL]]


def entry(kind: str, split: str, copied_in: str, whose: str, **numbers: int) -> dict[str, Any]:
    return {
        "kind": kind,
        "split": split,
        "copied_in": copied_in,
        "whose": whose,
        "num_images": numbers["images"],
        "num_patients": numbers["patients"],
        "num_pairs": numbers["pairs"],
        "num_labels_differ": numbers["labels"],
    }
