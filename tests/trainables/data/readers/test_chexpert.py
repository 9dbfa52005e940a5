"""CheXpert: two tables, views, and the folder in which the release may lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trainables.data.phantom.chest_writers import write_chexpert
from trainables.data.readers import chexpert, find, read

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


def test_both_tables_are_one_set_and_the_radiologists_images_are_told(tmp_path: Path) -> None:
    root = write_chexpert(tmp_path / "chexpert", num_images=60, image_size_px=32, seed=0, progress=False)
    rows = chexpert.read(root).rows
    assert len(rows) == 60 and set(rows["official_split"]) == {"train", "validation"}
    radiologists = np.stack(rows["labels"][rows["official_split"] == "validation"].to_list())
    assert set(np.unique(radiologists)) <= {0, 1}


@pytest.mark.parametrize("place", ["CheXpert-v1.0-small", "CheXpert-v1.0", "chexpert/CheXpert-v1.0-small", "chexpert"])
def test_the_release_is_found_where_its_zip_puts_it(tmp_path: Path, place: str) -> None:
    write(tmp_path / place, "CheXpert-v1.0/train/patient00001/study1/v.jpg,Male,5,Frontal,AP," + EMPTY)
    assert find("chexpert", tmp_path).name == place.split("/")[0]
    assert read("chexpert", tmp_path).root == tmp_path / place
