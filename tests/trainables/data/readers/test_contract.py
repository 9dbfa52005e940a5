"""One contract for all readers: what a listing holds, and what each says of a folder that is not as it should be."""

from __future__ import annotations

import csv
import gzip
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from platform.phantoms.chest_writers import write_chexpert, write_mimic_cxr
from platform.phantoms.nih_writer import write_chestxray8
from platform.phantoms.radiologists_writer import write_chexpert_radiologists
from platform.phantoms.writers import write_generic, write_retina
from trainables.data.listing import ROW_COLUMNS, Listing
from trainables.data.readers import chestxray8, chexpert, chexpert_radiologists, generic, mimic_cxr, own, retina


def write_own(folder: Path) -> Path:
    """Twelve grey images of six patients, two labels."""
    folder.mkdir()
    with (folder / "mine.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "patient", "COVID-19", "Pneumonia", "age"])
        for number in range(12):
            Image.new("L", (40, 40), number * 10).save(folder / f"{number}.png")
            writer.writerow([f"{number}.png", f"p{number // 2}", number % 2, ["1", "0", "-1", ""][number % 4], 50])
    return folder


@dataclass(frozen=True)
class Case:
    """A data set, small: how it is made and read, its main table, and that table's columns."""

    write: Callable[[Path], Path]
    read: Callable[[Path], Listing]
    table: str
    image: str  # the column that names an image
    label: str  # a column of labels
    bad_label: str
    is_phantom: bool = True


def _few(write: Callable[..., Path], **options: object) -> Callable[[Path], Path]:
    return partial(write, **options, image_size_px=32, seed=0, progress=False)


NIH = partial(_few, write_chestxray8, num_images=16)
CASES = {
    "retina": Case(_few(write_retina, num_patients=8), retina.read, "trainLabels.csv", "image", "level", "5"),
    "chexpert": Case(_few(write_chexpert, num_images=16), chexpert.read, "train.csv", "Path", "Edema", "2.0"),
    "chestxray8 sample": Case(
        NIH(layout="sample"), chestxray8.read, "sample_labels.csv", "Image Index", "Finding Labels", "Flu"
    ),
    "chestxray8 full": Case(
        NIH(layout="full"), chestxray8.read, "Data_Entry_2017.csv", "Image Index", "Finding Labels", "Flu"
    ),
    "mimic-cxr": Case(
        _few(write_mimic_cxr, num_images=16),
        mimic_cxr.read,
        "mimic-cxr-2.0.0-chexpert.csv.gz",
        "study_id",
        "Edema",
        "2.0",
    ),
    "chexpert-radiologists": Case(
        _few(write_chexpert_radiologists, num_images=16),
        chexpert_radiologists.read,
        "groundtruth.csv",
        "Study",
        "Edema",
        "2.0",
    ),
    "own": Case(
        write_own, lambda root: own.read(root / "mine.csv"), "mine.csv", "image", "COVID-19", "yes", is_phantom=False
    ),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: case.write(tmp_path_factory.mktemp("sets") / "set") for name, case in CASES.items()}


@pytest.fixture(params=list(CASES))
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def root(case: str, written: dict[str, Path], tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(written[case], tmp_path / "set"))


def text_of(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


def put(path: Path, text: str) -> None:
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def change(root: Path, case: str, edit: Callable[[pd.DataFrame], pd.DataFrame], table: str = "") -> None:
    path = root / (table or CASES[case].table)
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    edit(frame).to_csv(path, index=False)


def test_a_listing_has_the_columns_and_types_that_it_promises(case: str, written: dict[str, Path]) -> None:
    listing = CASES[case].read(written[case])
    rows = listing.rows
    assert tuple(rows.columns) == ROW_COLUMNS and len(rows) >= 12 and listing.left_out.empty
    assert listing.is_phantom == CASES[case].is_phantom
    assert rows["path"].is_unique and (rows["patient"] != "").all()
    for path in rows["path"]:
        assert (listing.root / path).is_file()
    labels = np.stack(rows["labels"].to_list())
    assert labels.dtype == np.int8
    if listing.task == "multiclass":
        assert labels.shape[1] == 1 and labels.min() >= 0 and labels.max() < len(listing.label_names)
    else:
        assert labels.shape[1] == len(listing.label_names) and set(np.unique(labels)) <= {1, 0, -1, -2}
    assert set(rows["sex"]) <= {"F", "M", ""} and rows["age_years"].dtype == float
    assert set(rows["official_split"]) <= {"train", "validation", "test", ""}
    with Image.open(listing.root / rows["path"][0]) as image:
        assert (listing.channels == 1) == (image.mode in ("L", "RGBA"))


def test_byte_order_mark_and_windows_line_ends_change_nothing(case: str, root: Path) -> None:
    before = CASES[case].read(root)
    path = root / CASES[case].table
    put(path, "\ufeff" + text_of(path).replace("\r\n", "\n").replace("\n", "\r\n"))
    pd.testing.assert_frame_equal(CASES[case].read(root).rows, before.rows)


def test_a_missing_table_is_named_with_the_layout(case: str, root: Path) -> None:
    (root / CASES[case].table).unlink()
    table = "sample_labels.csv" if case.startswith("chestxray8") else CASES[case].table
    expected = f"no {table} in .*"
    with pytest.raises(FileNotFoundError, match=expected):
        CASES[case].read(root)


def test_a_renamed_column_is_named(case: str, root: Path) -> None:
    column = "patient" if case == "own" else CASES[case].label
    change(root, case, lambda frame: frame.rename(columns={column: "renamed"}))
    with pytest.raises(ValueError, match=rf"must have the column {column} of .*renamed"):
        CASES[case].read(root)


def test_a_label_that_is_none_is_named(case: str, root: Path) -> None:
    def spoil(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[3, CASES[case].label] = CASES[case].bad_label
        return frame

    change(root, case, spoil)
    with pytest.raises(ValueError, match=rf"must be .*{CASES[case].bad_label}"):
        CASES[case].read(root)


@pytest.mark.parametrize("path", ["../../secret", "/etc/passwd", ""])
def test_a_path_that_leaves_the_folder_is_refused(case: str, root: Path, path: str) -> None:
    if case == "mimic-cxr":
        table, column = "mimic-cxr-2.0.0-metadata.csv.gz", "dicom_id"
        path = f"../../../../{path}"  # its path is made of three columns
    else:
        table, column = CASES[case].table, CASES[case].image
    if case == "chexpert":
        path = f"CheXpert-v1.0-small/{path}"

    def spoil(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[0, column] = path
        return frame

    change(root, case, spoil, table)
    if case == "mimic-cxr":
        change(root, case, spoil, "mimic-cxr-2.0.0-split.csv.gz")
    with pytest.raises(ValueError, match="must"):
        CASES[case].read(root)


def test_an_image_that_is_listed_twice_is_named(case: str, root: Path) -> None:
    table = "mimic-cxr-2.0.0-metadata.csv.gz" if case == "mimic-cxr" else CASES[case].table
    change(root, case, lambda frame: pd.concat([frame, frame.iloc[[2]]]), table)
    with pytest.raises(ValueError, match=r"listed once|one-to-one|again"):
        CASES[case].read(root)


def test_an_empty_table_is_no_table(case: str, root: Path) -> None:
    put(root / CASES[case].table, "")
    with pytest.raises(ValueError, match="must be a whole CSV file"):
        CASES[case].read(root)


@pytest.mark.parametrize("name", ["chexpert", "metadata", "split"])
def test_a_gz_cut_short_is_no_whole_file(written: dict[str, Path], tmp_path: Path, name: str) -> None:
    root = Path(shutil.copytree(written["mimic-cxr"], tmp_path / "set"))
    path = root / f"mimic-cxr-2.0.0-{name}.csv.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="must be a whole CSV file"):
        mimic_cxr.read(root)


def test_the_generic_folder_of_classes(tmp_path: Path) -> None:
    root = _few(write_generic, num_images=20)(tmp_path / "generic")
    listing = generic.read(root)
    assert listing.task == "multiclass" and listing.channels == 3 and len(listing.rows) == 20
    assert len(listing.label_names) == 10 and listing.rows["patient"].is_unique
    with pytest.raises(FileNotFoundError, match="train"):
        generic.read(tmp_path / "nothing")
