"""Patients are found in a maker's list of training images, whatever its columns are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainables.data.catalogue import DATASETS
from trainables.teachers import image_list

PATHS = {
    "chestxray8": ("images_001/images/00000013_005.png", "13"),
    "chexpert": ("CheXpert-v1.0/train/patient00004/study1/view1_frontal.jpg", "patient00004"),
    "mimic-cxr": ("files/p10/p10000032/s50414267/02aa804e-bde0afdd-112c0b34-7bc16630-4e384014.dcm", "10000032"),
    "retina": ("train/10_left.jpeg", "10"),
}
SAME_PATHS = {"chexpert": ("chexpert", "chexpert-radiologists")}  # two sets of one release, with other patients
OTHERS = (
    "216840111366964012959786432872012009033142846_01-066-109.png",  # PadChest
    "id_0001/Study_1.2.3/Series_4.5.6/image-7.8.9.png",  # BRAX
    "123_456.png",
)


def written(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("dataset", PATHS)
def test_a_patient_is_called_as_the_reader_calls_it(tmp_path: Path, dataset: str) -> None:
    path, patient = PATHS[dataset]
    listed = image_list.read(written(tmp_path / "l.csv", "number,where", *(f"{n},{path}" for n in (1, 2))))
    assert listed.patients == {name: {patient} for name in SAME_PATHS.get(dataset, (dataset,))}
    assert (listed.num_rows, listed.num_unknown) == (2, 0)


def test_every_published_data_set_has_such_a_path() -> None:
    assert PATHS.keys() == {name for name, record in DATASETS.items() if record.published}


def test_rows_of_other_data_sets_are_counted(tmp_path: Path) -> None:
    path, _ = PATHS["chexpert"]
    listed = image_list.read(written(tmp_path / "l.csv", "dataset,image", *(f"x,{one}" for one in (*OTHERS, path))))
    assert listed.patients == {name: {"patient00004"} for name in SAME_PATHS["chexpert"]}
    assert (
        listed.report()
        == "4 training images: patients 1 of chexpert, 1 of chexpert-radiologists; 3 images of other data sets"
    )


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (("a", *OTHERS), r"must list images of .*chexpert.* but none of its 3 rows does"),
        (("a,b", "1,2", "1,2,3,4"), "must be a whole CSV file"),
        ((), "must be a whole CSV file"),
    ],
    ids=["no known set", "no CSV", "empty"],
)
def test_another_file_is_refused(tmp_path: Path, rows: tuple[str, ...], message: str) -> None:
    path = tmp_path / "l.csv"
    path.write_text("\n".join(rows))
    with pytest.raises(ValueError, match=message):
        image_list.read(path)
    with pytest.raises(FileNotFoundError, match="no list of training images"):
        image_list.read(tmp_path / "none.csv")
