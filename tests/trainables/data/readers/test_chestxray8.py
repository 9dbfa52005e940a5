"""NIH ChestX-ray: the oddities of the release and of the sample, and the real sample where it is at hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from platform.phantoms.nih_writer import write_chestxray8
from trainables.data.catalogue import read
from trainables.data.readers import chestxray8
from trainables.data.store_making import prepare

HEADER = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position\n"


def write(root: Path, *lines: str, header: str = HEADER, table: str = "sample_labels.csv") -> Path:
    root.mkdir(exist_ok=True)
    (root / table).write_text(header + "".join(f"{line}\n" for line in lines))
    return root


def test_findings_become_fifteen_labels_in_the_releases_order(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        "00000013_005.png,Effusion|Pleural_Thickening,5,13,060Y,M,AP",
        "00000014_000.png,No Finding,0,14,20,F,PA",
    )
    rows = chestxray8.read(root).rows
    assert np.stack(rows["labels"].to_list()).tolist() == [
        [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    ]
    assert rows["patient"].tolist() == ["13", "14"] and rows["view"].tolist() == ["AP", "PA"]
    assert rows["path"].tolist() == ["images/00000013_005.png", "images/00000014_000.png"]  # neither is there


@pytest.mark.parametrize(
    ("age", "years"), [("060Y", 60.0), ("58", 58.0), ("018M", 1.5), ("010D", 10 / 365.25), ("002W", 14 / 365.25)]
)
def test_ages_are_years_whatever_their_unit(tmp_path: Path, age: str, years: float) -> None:
    listing = chestxray8.read(write(tmp_path, f"00000001_000.png,Mass,0,1,{age},F,PA"))
    assert listing.rows["age_years"][0] == pytest.approx(years) and listing.notes == ()


def test_ages_that_nobody_has_are_unknown_and_counted(tmp_path: Path) -> None:
    ages = ["411", "155Y", "060Y"]
    listing = chestxray8.read(
        write(tmp_path, *(f"0000000{n}_000.png,Mass,0,{n},{age},F,PA" for n, age in enumerate(ages)))
    )
    assert listing.rows["age_years"].isna().tolist() == [True, True, False]
    assert listing.notes == ("2 ages over 120 years count as unknown",)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("00000001_000.png,Flu,0,1,60,F,PA", r"a finding must be one of Atelectasis, .*'Flu' for 00000001_000.png"),
        ("00000001_000.png,Mass|No Finding,0,1,60,F,PA", r"No Finding must stand alone, .*'Mass\|No Finding'"),
        ("00000001_000.png,Mass,0,1,old,F,PA", r"an age must be like 060Y, .*'old'"),
        (
            "00000001_000.png,Mass,0,2,60,F,PA",
            r"must be named <patient>_<number>.png, .*'00000001_000.png' for patient '2'",
        ),
        ("scan.png,Mass,0,2,60,F,PA", r"must be named <patient>_<number>.png, .*'scan.png'"),
    ],
)
def test_what_the_release_does_not_have_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        chestxray8.read(write(tmp_path, line))


def test_the_table_of_2020_names_the_sex_column_otherwise(tmp_path: Path) -> None:
    header = HEADER.replace("Patient Gender", "Patient Sex")
    line = "00000001_000.png,Mass,0,1,60,F,PA"
    root = write(tmp_path, line, header=header, table="Data_Entry_2017_v2020.csv")
    assert chestxray8.read(root).rows["sex"].tolist() == ["F"]
    with pytest.raises(ValueError, match="must have the column Patient Gender or Patient Sex"):
        chestxray8.read(write(tmp_path, line, header=HEADER.replace("Gender", "X"), table="sample_labels.csv"))


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release") / "chestxray8"
    return write_chestxray8(folder, num_images=60, image_size_px=32, seed=0, layout="full", progress=False)


def test_the_releases_lists_are_its_official_split(release: Path) -> None:
    rows = chestxray8.read(release).rows
    listed = set((release / "test_list.txt").read_text().split())
    assert {Path(path).name for path in rows["path"][rows["official_split"] == "test"]} == listed
    assert set(rows["official_split"]) == {"train", "test"}
    assert rows["path"].str.match(r"images_0\d\d/images/\d{8}_\d{3}\.png").all()


def in_both(name: str) -> dict[str, str]:
    return {"train_val_list.txt": name, "test_list.txt": name}


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        (in_both, "an image must be in one list alone, but 00000001_000.png is in both"),
        (
            lambda name: {"train_val_list.txt": name, "test_list.txt": "00000001_001.png"},
            "the release splits by patient, but patient 1 of sample_labels.csv",
        ),
    ],
)
def test_lists_that_contradict_the_table_are_refused(
    tmp_path: Path, lists: Callable[[str], dict[str, str]], message: str
) -> None:
    root = write(tmp_path, "00000001_000.png,Mass,0,1,60,F,PA", "00000001_001.png,Mass,1,1,60,F,PA")
    for name, text in lists("00000001_000.png").items():
        (root / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        chestxray8.read(root)


def test_boxes_name_findings_as_the_labels_do(release: Path) -> None:
    boxes = chestxray8.boxes(release)
    assert len(boxes) and set(boxes["finding"]) <= set(chestxray8.LABELS)
    assert (boxes[["width", "height"]] > 0).all(axis=None)
    images = {Path(path).name for path in chestxray8.read(release).rows["path"]}
    assert set(boxes["image"]) <= images


@pytest.mark.skipif("TRANSFER_DATA" not in os.environ, reason="TRANSFER_DATA names no folder of real images")
def test_the_real_sample(tmp_path: Path) -> None:
    listing = read("chestxray8", Path(os.environ["TRANSFER_DATA"]))
    assert not listing.is_phantom and len(listing.rows) == 421 and listing.rows["patient"].nunique() == 421
    few = pd.concat([listing.rows.head(30), listing.rows.tail(30)], ignore_index=True)
    store = prepare(
        listing.__class__(**{**vars(listing), "rows": few}), tmp_path / "s", image_size_px=64, salt=b"s", progress=False
    )
    assert store.channels == 1 and store.gather(np.arange(60)).std() > 30
