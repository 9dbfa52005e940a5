"""Kaggle's Diabetic Retinopathy Detection: names, grades, and the real photographs where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trainables.data.catalogue import read
from trainables.data.readers import retina


def write(root: Path, *lines: str) -> Path:
    (root / "trainLabels.csv").write_text("image,level\n" + "".join(f"{line}\n" for line in lines))
    return root


def test_the_patient_is_the_number_before_the_side(tmp_path: Path) -> None:
    rows = retina.read(write(tmp_path, "10_left,0", "10_right,4", "13_left,2")).rows
    assert rows["patient"].tolist() == ["10", "10", "13"]
    assert rows["view"].tolist() == ["left", "right", "left"]
    assert rows["path"].tolist()[1] == "train/10_right.jpeg"
    assert [int(labels[0]) for labels in rows["labels"]] == [0, 4, 2]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("10_left,5", r"a grade must be one of 0 to 4, but row 2 of .*trainLabels.csv has level='5' for '10_left'"),
        ("10_left,-1", r"level='-1'"),
        ("10_left,", r"level=''"),
        ("10_top,1", r"must be named <patient>_<left or right>, but row 2 of .*trainLabels.csv has '10_top'"),
        ("../10_left,1", r"must lie inside .* names 'train/../10_left.jpeg'"),
    ],
)
def test_what_the_release_does_not_have_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        retina.read(write(tmp_path, line))


def test_the_folder_is_looked_for_under_the_data_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"the data folder must exist, but there is no .*nothing"):
        read("retina", tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="the folder that holds retina/, but there is none in"):
        read("retina", tmp_path)
    with pytest.raises(ValueError, match=r"must be one of mimic-cxr, .* but got 'brain'"):
        read("brain", tmp_path)


@pytest.mark.skipif("TRANSFER_DATA" not in os.environ, reason="TRANSFER_DATA names no folder of real images")
def test_the_real_photographs() -> None:
    listing = read("retina", Path(os.environ["TRANSFER_DATA"]))
    grades = [int(labels[0]) for labels in listing.rows["labels"]]
    assert [grades.count(grade) for grade in range(5)] == [537, 44, 102, 17, 20]
    assert listing.rows["patient"].nunique() == 360 and not listing.is_phantom
    assert all((listing.root / path).is_file() for path in listing.rows["path"])
