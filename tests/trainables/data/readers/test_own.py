"""A user's own CSV: classes or labels, grey or coloured, and what it must not have."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from trainables.data.readers import own


def write(folder: Path, *lines: str, name: str = "covid.csv", mode: str = "L") -> Path:
    for number in range(4):
        Image.new(mode, (8, 8)).save(folder / f"{number}.png")
    (folder / name).write_text("".join(f"{line}\n" for line in lines))
    return folder / name


def test_one_label_column_is_classes(tmp_path: Path) -> None:
    path = write(tmp_path, "image,patient,label,sex,age,view", "0.png,a,well,male,120,PA", "1.png,b,ill,F,,AP")
    listing = own.read(path)
    assert (listing.dataset, listing.task, listing.label_names) == ("covid", "multiclass", ("ill", "well"))
    assert [int(labels[0]) for labels in listing.rows["labels"]] == [1, 0]
    assert listing.rows["sex"].tolist() == ["M", "F"] and listing.rows["age_years"].isna().tolist() == [False, True]


def test_a_column_a_label_is_multilabel(tmp_path: Path) -> None:
    listing = own.read(write(tmp_path, "image,patient,COVID-19,Oedema", "0.png,a,1,", "1.png,a,0,-1"))
    assert listing.task == "multilabel" and listing.label_names == ("COVID-19", "Oedema")
    assert [labels.tolist() for labels in listing.rows["labels"]] == [[1, -2], [0, -1]]


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("I;16", 1)])
def test_grey_images_are_kept_grey(tmp_path: Path, mode: str, channels: int) -> None:
    assert own.read(write(tmp_path, "image,patient,x", "0.png,a,1", "1.png,b,0", mode=mode)).channels == channels


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["image,patient,x"], "must name images, but has none"),
        (["image,label", "0.png,a"], "must have the column patient"),
        (
            ["image,patient,x", "0.png,,1"],
            "every image must have a patient, but 0.png in row 2 of .*covid.csv has none",
        ),
        (["image,patient,x", "0.png,a,1", "0.png,b,1"], "every image must be listed once, .*'0.png' again"),
        (["image,patient,label", "0.png,a,well"], "there must be 2 to 127 classes, .* has 1"),
        (["image,patient,label", "0.png,a,", "1.png,a,x"], "every image must have a label, but 0.png has none"),
        (["image,patient", "0.png,a"], "either one column called label or one column per label, but has none"),
        (
            ["image,patient,label,x", "0.png,a,1,1"],
            "either one column called label or one column per label, but has label, x",
        ),
        (["image,patient,defined", "0.png,a,1"], "auc_defined is the name of a mean, so no label of .* 'defined'"),
        (["image,patient,x,age", "0.png,a,1,121"], "age must be years from 0 to 120, or empty, but .* has '121'"),
        (["image,patient,x", "0.png,a,maybe"], "must be 1, 0, -1 or empty, .*'maybe' for x of image 0.png"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        own.read(write(tmp_path, *lines))


def test_the_files_name_must_do_as_the_sets_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"named after its CSV, .*'drop table;'"):
        own.read(write(tmp_path, "image,patient,x", "0.png,a,1", name="drop table;.csv"))
