"""MIMIC-CXR-JPG: three tables that must fit together."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from platform.phantoms.chest_writers import write_mimic_cxr
from trainables.data.readers import mimic_cxr


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mimic") / "mimic-cxr"
    return write_mimic_cxr(folder, num_images=60, image_size_px=32, seed=0, progress=False)


def table(root: Path, name: str) -> tuple[Path, pd.DataFrame]:
    path = root / f"mimic-cxr-2.0.0-{name}.csv.gz"
    return path, pd.read_csv(path, dtype=str, keep_default_na=False)


def test_the_releases_split_is_by_patient(written: Path) -> None:
    rows = mimic_cxr.read(written).rows
    assert set(rows["official_split"]) == {"train", "validation", "test"}
    assert (rows.groupby("patient")["official_split"].nunique() == 1).all()
    assert rows["path"].str.match(r"files/p1\d/p1\d{7}/s5\d{7}/[0-9a-f-]+\.jpg").all()


def test_images_of_a_study_without_labels_are_left_out_by_name(written: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(written, tmp_path / "set"))
    path, labelled = table(root, "chexpert")
    labelled.iloc[1:].to_csv(path, index=False)
    listing = mimic_cxr.read(root)
    gone = labelled["study_id"][0]
    assert listing.left_out["path"].str.contains(f"/s{gone}/").all() and len(listing.left_out)
    assert set(listing.left_out["reason"]) == {"its study has no row of labels"}
    assert len(listing.rows) + len(listing.left_out) == 60


@pytest.mark.parametrize(
    ("split", "message"),
    [("holdout", r"a split must be one of train, validate, test, .*'holdout'"), ("other", r"is in two splits")],
)
def test_a_split_that_contradicts_is_refused(written: Path, tmp_path: Path, split: str, message: str) -> None:
    root = Path(shutil.copytree(written, tmp_path / "set"))
    path, splits = table(root, "split")
    patient = splits["subject_id"].value_counts().index[0]  # of several images
    row = splits.index[splits["subject_id"] == patient][0]
    other = "test" if splits.loc[row, "split"] == "train" else "train"
    splits.loc[row, "split"] = other if split == "other" else split
    splits.to_csv(path, index=False)
    with pytest.raises(ValueError, match=message):
        mimic_cxr.read(root)
