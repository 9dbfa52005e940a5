"""CheXpert: two tables, views, and the folder in which the release may lie."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from platform.phantoms.chest_writers import write_chexpert
from trainables.data.catalogue import find, read
from trainables.data.listing import ROW_COLUMNS, Listing
from trainables.data.readers import chexpert
from trainables.data.store import Store
from trainables.data.store_making import prepare

HEADER = ",".join(("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *chexpert.LABELS))
EMPTY = "," * 13


def write(root: Path, *train: str) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for name, lines in (("train.csv", train), ("valid.csv", ())):
        (root / name).write_text(HEADER + "\n" + "".join(f"{line}\n" for line in lines))
    return root


def test_values_views_and_patients(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        "CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg,Female,68,Frontal,AP,1.0,0.0,-1.0" + EMPTY[2:],
        "CheXpert-v1.0-small/train/patient00001/study1/view2_lateral.jpg,Female,68,Lateral,," + EMPTY,
        "CheXpert-v1.0-small/train/patient00002/study2/view1_frontal.jpg,Unknown,0,Frontal,," + EMPTY,
    )
    assert tuple(chexpert.rows_of(root / "train.csv", "train").columns) == ROW_COLUMNS
    rows = chexpert.read(root).rows
    assert rows["labels"][0][:4].tolist() == [1, 0, -1, -2]
    assert rows["view"].tolist() == ["AP", "lateral", "frontal"]
    assert rows["patient"].tolist() == ["patient00001", "patient00001", "patient00002"]
    assert rows["path"][0] == "train/patient00001/study1/view1_frontal.jpg"
    assert rows["sex"].tolist() == ["F", "F", ""] and rows["age_years"].tolist() == [68, 68, 0]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "CheXpert-v1.0/train/study1/x.jpg,Male,5,Frontal,AP," + EMPTY,
            r"a path must be like .*'CheXpert-v1.0/train/study1",
        ),
        (
            "CheXpert-v1.0/train/patient00001/study1/v.jpg,Male,5,Oblique,," + EMPTY,
            r"Frontal/Lateral must be one of the two, .*'Oblique'",
        ),
    ],
)
def test_what_the_release_does_not_have_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        chexpert.read(write(tmp_path, line))


@pytest.mark.parametrize("column", ["Sex", "Age", "Frontal/Lateral", "AP/PA"])
def test_only_the_test_set_may_come_without_what_is_known_of_the_patients(tmp_path: Path, column: str) -> None:
    root = write(tmp_path, "CheXpert-v1.0/train/patient00001/study1/view1_frontal.jpg,Male,5,Frontal,AP," + EMPTY)
    table = root / "train.csv"
    table.write_text(table.read_text().replace(column, "Other", 1))
    with pytest.raises(ValueError, match=rf"train\.csv must have the column {column} of "):
        chexpert.read(root)


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of 60 images; whoever alters it takes a copy."""
    folder = tmp_path_factory.mktemp("phantom") / "chexpert"
    return write_chexpert(folder, num_images=60, image_size_px=32, seed=0, progress=False)


def test_both_tables_are_one_set_and_the_radiologists_images_are_told(phantom: Path) -> None:
    rows = chexpert.read(phantom).rows
    assert len(rows) == 60 and set(rows["official_split"]) == {"train", "validation"}
    radiologists = np.stack(rows["labels"][rows["official_split"] == "validation"].to_list())
    assert set(np.unique(radiologists)) <= {0, 1}


def test_without_the_radiologists_table_the_rest_is_read_and_it_is_noted(phantom: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(phantom, tmp_path / "chexpert"))
    whole = chexpert.read(root)
    (root / "valid.csv").unlink()
    rest = chexpert.read(root)
    of_train = whole.rows[whole.rows["official_split"] == "train"]
    assert rest.rows["path"].tolist() == of_train["path"].tolist() and set(rest.rows["official_split"]) == {"train"}
    assert whole.notes == () and len(rest.notes) == 1 and rest.notes[0].startswith("there is no valid.csv: ")
    (root / "train.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"no train\.csv in "):
        chexpert.read(root)


@pytest.mark.parametrize("place", ["CheXpert-v1.0-small", "CheXpert-v1.0", "chexpert/CheXpert-v1.0-small", "chexpert"])
def test_the_release_is_found_where_its_zip_puts_it(tmp_path: Path, place: str) -> None:
    write(tmp_path / place, "CheXpert-v1.0/train/patient00001/study1/v.jpg,Male,5,Frontal,AP," + EMPTY)
    assert find("chexpert", tmp_path).name == place.split("/")[0]
    assert read("chexpert", tmp_path).root == tmp_path / place


def with_test_set(phantom: Path, root: Path, name: str, header: str, facts: str) -> Path:
    """The phantom release, to which copies of three of its images are added as the test set of two other patients."""
    shutil.copytree(phantom, root)
    lines = [header]
    for number, view in enumerate(("view1_frontal", "view2_lateral", "view1_frontal")):
        path = f"test/patient9999{number // 2}/study1/{view}.jpg"
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(next(root.glob("train/*/*/*.jpg")), root / path)
        side = "Lateral" if "lateral" in view else "Frontal"
        lines.append(f"CheXpert-v1.0/{path}," + facts.format(side=side) + ",".join(["1.0", "0.0"] * 7))
    (root / name).write_text("\n".join(lines) + "\n")
    return root


@pytest.mark.parametrize(
    ("name", "header", "facts"),
    [
        ("test.csv", HEADER, "Male,60,{side},,"),
        ("test_labels.csv", ",".join(("Path", *chexpert.LABELS)), ""),
    ],
)
def test_the_official_test_set_is_used_with_the_official_split_alone(
    phantom: Path, tmp_path: Path, name: str, header: str, facts: str
) -> None:
    root = with_test_set(phantom, tmp_path / "chexpert", name, header, facts)
    listing = chexpert.read(root)
    assert listing.rows["view"].tolist()[-3:] == ["frontal", "lateral", "frontal"]

    def store(listing: Listing, *, official: bool) -> Store:
        out = tmp_path / f"{official}.arrow"
        options: dict[str, Any] = {"image_size_px": 32, "salt": b"s", "num_threads": 1, "progress": False}
        return prepare(listing, out, is_official_split=official, **options)

    drawn = store(listing, official=False)
    assert drawn.num_images == 60
    assert drawn.fingerprint == store(chexpert.read(phantom), official=False).fingerprint
    official = store(listing, official=True)
    counts = {split: int((official.split == split).sum()) for split in ("train", "validation", "test")}
    radiologists = int((listing.rows["official_split"] == "validation").sum())
    assert counts == {"train": 60 - radiologists, "validation": radiologists, "test": 3}
    assert set(official.labels[official.rows("test"), 0]) == {1}


def test_a_test_set_whose_views_cannot_be_told_is_named(tmp_path: Path) -> None:
    root = write(tmp_path, "CheXpert-v1.0/train/patient00001/study1/v.jpg,Male,5,Frontal,AP," + EMPTY)
    line = "CheXpert-v1.0/test/patient00009/study1/oblique.jpg," + "," * 13
    (root / "test_labels.csv").write_text(",".join(("Path", *chexpert.LABELS)) + f"\n{line}\n")
    message = r"of the two, but row 2 of .*test_labels.csv has '' for .*patient00009/study1/oblique"
    with pytest.raises(ValueError, match=message):
        chexpert.read(root)
