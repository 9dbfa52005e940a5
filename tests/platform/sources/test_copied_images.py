"""Copies among prepared images: named to the person who prepares, listed beside the store, counted for the record."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

import platform.prepare
from platform.phantoms.writers import write_retina
from platform.sources import copied_images
from platform.sources.places import Places
from trainables.data.listing import PHANTOM_MARK
from trainables.data.near_pairs import TooManyAlikeError
from trainables.data.store import Store


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """28 photographs of 14 patients, among which both eyes of the last patient are those of the first."""
    folder = tmp_path_factory.mktemp("data")
    write_retina(folder / "retina", num_patients=14, image_size_px=64, seed=1, progress=False)
    (folder / "retina" / PHANTOM_MARK).unlink()
    photographs = sorted((folder / "retina" / "train").iterdir(), key=lambda path: (int(path.stem.split("_")[0]), path))
    for source, copy in zip(photographs[:2], photographs[-2:], strict=True):
        shutil.copyfile(source, copy)
    return folder


def prepare(data: Path, results: Path) -> Store:
    assert platform.prepare.main(["retina", "--data", str(data), "--image-size", "64", "--results", str(results)]) == 0
    (path,) = (results / "stores").glob("*.arrow")
    return Store.open(path)


def test_copies_are_named_listed_and_counted_without_names(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = prepare(data, tmp_path)
    said = capsys.readouterr().out
    listed = pd.read_csv(copied_images.list_of(store))
    assert len(listed) == 2 and set(listed["kind"]) == {"identical"}
    assert {Path(path).suffix for path in listed["first_path"]} == {".jpeg"} and str(listed["first_path"][0]) in said
    assert f"all pairs by name: {copied_images.list_of(store)}" in said
    (tag,) = copied_images.tags(store).values()
    (count,) = json.loads(tag)["counts"]
    assert count["num_images"] == 2 and count["num_patients"] == 1
    assert not any(name in tag for name in (*listed["first_image"], *listed["first_patient"], "jpeg"))
    splits = {str(listed[f"{end}_split"][0]) for end in ("first", "second")}
    assert ("WARNING: 2 " in said) == (len(splits) == 2) and len(splits) == 2


def test_the_store_is_the_same_and_the_list_is_made_once(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = prepare(data, tmp_path)
    before, path = store.path.read_bytes(), copied_images.list_of(store)
    path.unlink()  # as of a store that an earlier version prepared
    assert copied_images.tags(store) == {} and copied_images.lines(store) == []
    prepare(data, tmp_path)
    assert store.path.read_bytes() == before and path.exists()
    monkeypatch.setattr(copied_images, "copies_in", lambda store: pytest.fail("searched again"))
    prepare(data, tmp_path)


def test_images_that_hardly_differ_are_said_to_be_unsearched(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = prepare(data, tmp_path)
    copied_images.list_of(store).unlink()

    def refuse(store: Store) -> pd.DataFrame:
        raise TooManyAlikeError("most of them hardly differ")

    monkeypatch.setattr(copied_images, "copies_in", refuse)
    prepare(data, tmp_path)
    assert copied_images.lines(store) == ["  WARNING: copies of images were not searched: most of them hardly differ"]
    assert json.loads(copied_images.tags(store)["copies"]) == {
        "not_searched": "not searched: most of them hardly differ"
    }


def test_no_copies_are_said_to_be_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Places.under(tmp_path)
    platform.prepare.main(["retina", "--phantom-size", "8", "--image-size", "32", "--results", str(tmp_path)])
    assert "  copies: no two images are identical or near-identical" in capsys.readouterr().out.splitlines()
