"""Phantom X-rays on disk: columns, paths and values of CheXpert, MIMIC-CXR-JPG and NIH ChestX-ray14."""

import csv
import gzip
import hashlib
import os
import re
from collections import Counter, defaultdict
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from joblib.externals.loky import ProcessPoolExecutor  # type: ignore[import-untyped]
from PIL import Image

from platform.phantoms import folder as folder_module
from platform.phantoms.chest_studies import MOST_STUDIES, plan
from platform.phantoms.chest_writers import write_chexpert, write_mimic_cxr
from platform.phantoms.nih_writer import write_chestxray8

NUM_IMAGES, SIZE = 24, 32
WRITERS = {
    "chexpert": (write_chexpert, {}),
    "mimic-cxr": (write_mimic_cxr, {}),
    "sample": (write_chestxray8, {}),
    "full": (write_chestxray8, {"layout": "full"}),
}


def make(name, folder, **changes):
    write, options = WRITERS[name]
    arguments = dict(num_images=NUM_IMAGES, image_size_px=SIZE, seed=0, progress=False) | options | changes
    return write(folder, **arguments)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {name: make(name, tmp_path_factory.mktemp("data") / name) for name in WRITERS}


@pytest.fixture(scope="module")
def two_processes():
    """A pool that all writers use, which would else start one each."""
    with pytest.MonkeyPatch.context() as patched, ProcessPoolExecutor(2) as pool:
        patched.setattr(folder_module, "ProcessPoolExecutor", lambda num_processes: nullcontext(pool))
        yield


def table(path):
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    return list(csv.DictReader(text.splitlines()))


def images(folder):
    return [path for path in folder.rglob("*") if path.suffix in (".jpg", ".png")]


def test_every_layout_has_exactly_as_many_grey_images_as_asked_for(folders):
    for name, folder in folders.items():
        paths = images(folder)
        assert len(paths) == NUM_IMAGES, name
        for path in paths:
            with Image.open(path) as image:
                assert image.mode in ("L", "RGBA") and min(image.size) == SIZE <= max(image.size) <= 1.25 * SIZE


@pytest.mark.parametrize("name", list(WRITERS))
def test_the_same_arguments_give_the_same_bytes(folders, two_processes, tmp_path, name):
    def digests(folder):
        files = (path for path in folder.rglob("*") if path.is_file())
        return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    assert digests(make(name, tmp_path / name, num_processes=2)) == digests(folders[name])


def test_chexpert_has_the_releases_columns_paths_and_values(folders):
    folder = folders["chexpert"]
    header = (
        "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,"
        "Lung Lesion,Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,"
        "Pleural Other,Fracture,Support Devices"
    )
    patients: dict[str, set[str]] = {}
    for split, values in (("train", {"1.0", "0.0", "-1.0", ""}), ("valid", {"1.0", "0.0"})):
        assert (folder / f"{split}.csv").read_text().splitlines()[0] == header
        rows = table(folder / f"{split}.csv")
        pattern = rf"CheXpert-v1\.0-small/{split}/patient(\d{{5}})/study\d+/view\d_(frontal|lateral)\.jpg"
        for row in rows:
            parts = re.fullmatch(pattern, row["Path"])
            assert parts and parts[2] == row["Frontal/Lateral"].lower()
            assert (folder / row["Path"].removeprefix("CheXpert-v1.0-small/")).is_file()
            assert row["Sex"] in ("Male", "Female") and 18 <= int(row["Age"]) <= 90
            assert row["AP/PA"] in (("AP", "PA") if parts[2] == "frontal" else ("",))
            patients.setdefault(split, set()).add(parts[1])
        assert {row[label] for row in rows for label in header.split(",")[5:]} <= values
    assert not patients["train"] & patients["valid"]
    assert any("lateral" in row["Path"] for row in table(folder / "train.csv"))
    per_patient = Counter(row["Path"].split("/")[2] for row in table(folder / "train.csv"))
    assert max(per_patient.values()) > 1


def test_mimic_has_the_releases_columns_paths_and_keys(folders):
    folder = folders["mimic-cxr"]
    labels, metadata, split = (table(folder / f"mimic-cxr-2.0.0-{n}.csv.gz") for n in ("chexpert", "metadata", "split"))
    assert list(labels[0])[:2] == ["subject_id", "study_id"] and list(labels[0])[2:] == sorted(list(labels[0])[2:])
    assert list(metadata[0])[:7] == [
        "dicom_id", "subject_id", "study_id", "PerformedProcedureStepDescription", "ViewPosition", "Rows", "Columns",
    ]  # fmt: skip
    assert list(split[0]) == ["dicom_id", "study_id", "subject_id", "split"]
    assert {(row["subject_id"], row["study_id"]) for row in labels} == {
        (r["subject_id"], r["study_id"]) for r in metadata
    }
    assert {row["split"] for row in split} == {"train", "validate", "test"}
    splits = defaultdict(set)
    for row, about in zip(split, metadata, strict=True):
        assert row["dicom_id"] == about["dicom_id"]
        assert re.fullmatch(r"([0-9a-f]{8}-){4}[0-9a-f]{8}", row["dicom_id"])
        subject, study = row["subject_id"], row["study_id"]
        path = folder / "files" / f"p{subject[:2]}" / f"p{subject}" / f"s{study}" / f"{row['dicom_id']}.jpg"
        with Image.open(path) as image:
            assert image.size == (int(about["Columns"]), int(about["Rows"]))
        assert about["ViewPosition"] in ("PA", "AP", "LATERAL")
        splits[subject].add(row["split"])
    assert all(len(names) == 1 for names in splits.values())


def test_the_nih_sample_has_kaggles_columns(folders):
    folder = folders["sample"]
    rows = table(folder / "sample_labels.csv")
    assert ",".join(rows[0]) == (
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,OriginalImageWidth,"
        "OriginalImageHeight,OriginalImagePixelSpacing_x,OriginalImagePixelSpacing_y"
    )
    for row in rows:
        assert row["Image Index"] == f"{int(row['Patient ID']):08d}_{int(row['Follow-up #']):03d}.png"
        assert (folder / "sample" / "images" / row["Image Index"]).is_file()
        assert re.fullmatch(r"0\d\dY", row["Patient Age"]) and row["View Position"] in ("PA", "AP")
    if "TRANSFER_DATA" in os.environ:
        real = Path(os.environ["TRANSFER_DATA"]) / "chestxray8" / "sample_labels.csv"
        assert list(table(real)[0]) == list(rows[0])


def test_the_full_nih_release_has_its_lists_folders_and_boxes(folders):
    folder = folders["full"]
    with open(folder / "Data_Entry_2017.csv") as file:
        header, *rows = csv.reader(file)
    assert (
        header[:2] == ["Image Index", "Finding Labels"]
        and header[-1] == ""
        and all(len(r) == len(header) for r in rows)
    )
    assert {path.name for path in folder.glob("images_*")} == {f"images_{number:03d}" for number in range(1, 13)}
    assert {path.name for path in images(folder)} == {row[0] for row in rows}
    lists = {n: set((folder / f"{n}.txt").read_text().split()) for n in ("train_val_list", "test_list")}
    assert lists["train_val_list"] | lists["test_list"] == {row[0] for row in rows}
    assert not {name[:8] for name in lists["train_val_list"]} & {name[:8] for name in lists["test_list"]}


@pytest.mark.parametrize(("layout", "listed"), [("sample", "sample_labels.csv"), ("full", "Data_Entry_2017.csv")])
def test_both_nih_layouts_say_where_findings_were_drawn(folders, layout, listed):
    with open(folders[layout] / listed) as file:
        labels = {row[0]: row[1].replace("Infiltration", "Infiltrate").split("|") for row in csv.reader(file)}
    with open(folders[layout] / "BBox_List_2017.csv") as file:
        header, *boxes = csv.reader(file)
    assert ",".join(header) == "Image Index,Finding Label,Bbox [x,y,w,h],,,"
    assert boxes
    for name, label, x, y, width, height, *_ in boxes:
        assert label in labels[name]
        assert 0 <= float(x) <= float(x) + float(width) <= SIZE + 0.01
        assert 0 <= float(y) <= float(y) + float(height) <= SIZE + 0.01


@pytest.mark.parametrize("has_laterals", [True, False])
def test_a_plan_holds_exactly_the_images_asked_for(has_laterals):
    rng = np.random.default_rng(0)
    for num_images in (1, 2, 57):
        studies = plan(rng, num_images, mean_studies=2.5, has_laterals=has_laterals, first_patient=5)
        assert sum(study.num_images for study in studies) == num_images
        assert studies[0].patient == 5 and max(study.study for study in studies) < MOST_STUDIES
        assert len({(study.patient, study.study) for study in studies}) == len(studies)
        assert {study.num_images for study in studies} <= ({1, 2} if has_laterals else {1})


@pytest.mark.parametrize("name", list(WRITERS))
@pytest.mark.parametrize(("argument", "value"), [("num_images", 0), ("image_size_px", 8)])
def test_bad_counts_are_refused(tmp_path, name, argument, value):
    with pytest.raises(ValueError, match=f"{argument}={value}"):
        make(name, tmp_path / name, **{argument: value})


def test_an_unknown_layout_is_refused(tmp_path):
    with pytest.raises(ValueError, match="layout='half'"):
        make("sample", tmp_path / "nih", layout="half")
