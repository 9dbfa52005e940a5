"""CheXpert's test set: labels by image or by study, the readings with two labels the other way round, and valid.csv."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from platform.phantoms.chest_writers import write_chexpert
from platform.phantoms.radiologists_writer import REFERENCE, write_chexpert_radiologists
from platform.sources.images import store_of
from platform.sources.places import Places
from trainables.data.listing import UNCERTAIN
from trainables.data.readers import chexpert, chexpert_radiologists
from trainables.data.store import salted_hashes
from trainables.data.votes import kept_votes, votes_of

NUM_IMAGES = 24


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets") / "chexpert-radiologists"
    return write_chexpert_radiologists(folder, num_images=NUM_IMAGES, image_size_px=32, seed=0, progress=False)


@pytest.fixture
def root(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "set"))


def test_each_image_has_the_label_of_its_study(written: Path) -> None:
    listing = chexpert_radiologists.read(written)
    truth = pd.read_csv(written / "groundtruth.csv").set_index("Study")
    assert len(listing.rows) == NUM_IMAGES > len(truth) == listing.rows["patient"].nunique()
    for row in listing.rows.itertuples():
        study = f"CheXpert-v1.0-small/{row.path.rsplit('/', 1)[0]}"
        assert dict(zip(listing.label_names, row.labels, strict=True)) == truth.loc[study].to_dict()
    assert set(listing.rows["view"]) == {"frontal", "lateral"}


def test_the_ground_truth_is_the_majority_of_the_five_whatever_the_order_of_the_columns(written: Path) -> None:
    listing = chexpert_radiologists.read(written)
    votes = listing.votes
    assert votes is not None
    header = (written / "radiologists/groundtruth/bc1_gt.csv").read_text().splitlines()[0].split(",")
    assert header.index("Lung Lesion") < header.index("Lung Opacity"), "as published: not the order of the ground truth"
    assert votes.groupby("role")["reader"].nunique().to_dict() == {"benchmark": 3, "reference": 5, "report": 1}
    reference = votes[votes["role"] == "reference"]
    assert set(reference["reader"]) == set(REFERENCE)
    for path, labels in zip(listing.rows["path"], listing.rows["labels"], strict=True):
        of_image = np.stack(reference.loc[reference["path"] == path, "labels"].to_list())
        assert len(of_image) == 5 and ((of_image == 1).sum(axis=0) >= 3).tolist() == (labels == 1).tolist()
    reports = np.stack(votes.loc[votes["role"] == "report", "labels"].to_list())
    assert (reports == UNCERTAIN).any(), "labels mined from reports may be uncertain"


def test_labels_by_image_go_before_those_by_study(root: Path) -> None:
    by_study = chexpert_radiologists.read(root)
    named = by_study.rows.iloc[:5]
    labels = pd.DataFrame(np.stack(named["labels"].to_list()), columns=list(by_study.label_names)).astype(str)
    labels.insert(0, "Path", named["path"])  # CheXlocalize's begin with test/
    labels.to_csv(root / "test_labels.csv", index=False)
    listing = chexpert_radiologists.read(root)
    assert listing.rows["path"].tolist() == named["path"].tolist()
    assert listing.rows["patient"].tolist() == named["patient"].tolist()
    assert set(listing.rows["view"]) <= {"frontal", "lateral"}


def test_the_readings_may_lie_in_their_clone(root: Path) -> None:
    before = chexpert_radiologists.read(root)
    (root / chexpert_radiologists.CLONE).mkdir()
    for name in ("groundtruth.csv", "radiologists", "labeler"):
        (root / name).rename(root / chexpert_radiologists.CLONE / name)
    after = chexpert_radiologists.read(root)
    pd.testing.assert_frame_equal(after.rows, before.rows)
    assert before.votes is not None and after.votes is not None
    pd.testing.assert_frame_equal(after.votes, before.votes)


def test_without_a_test_set_the_three_radiologists_images_are_taken_and_said_to_be_shared(tmp_path: Path) -> None:
    root = write_chexpert(tmp_path / "CheXpert-v1.0-small", num_images=100, image_size_px=32, seed=0, progress=False)
    listing, whole = chexpert_radiologists.read(root), chexpert.read(root)
    valid = whole.rows[whole.rows["official_split"] == "validation"]
    assert listing.rows["path"].tolist() == valid["path"].tolist() and listing.votes is None
    assert listing.notes == (chexpert_radiologists.NOTE_VALID,) and "trained on" in listing.notes[0]
    (root / "valid.csv").unlink()
    with pytest.raises(
        FileNotFoundError,
        match=r"no test_labels.csv and no groundtruth.csv in .*; expected the layout of CheXpert's test set",
    ):
        chexpert_radiologists.read(root)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [("/study1", "", "a study must be like"), ("patient64742", "patient64741", "every study must be listed once")],
)
def test_studies_that_are_none_or_come_twice_are_refused(root: Path, old: str, new: str, message: str) -> None:
    path = root / "radiologists/benchmark_radiologists/bc4.csv"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=message):
        chexpert_radiologists.read(root)


def test_the_votes_lie_beside_the_store_without_names(written: Path, tmp_path: Path) -> None:
    listing, places = chexpert_radiologists.read(written), Places.under(tmp_path)
    store = store_of(listing, places, 32)
    votes = kept_votes(tmp_path, "chexpert-radiologists", pd.Series(store.image_id))
    expected = votes_of(listing, places.salt())
    assert votes is not None and expected is not None
    pd.testing.assert_frame_equal(votes, expected)
    assert set(votes["image"]) == set(store.image_id) and votes["study"].nunique() == len(set(store.patient))
    (path,) = listing.rows["path"][:1]
    of_first = votes[(votes["image"] == salted_hashes([path], places.salt())[0]) & (votes["reader"] == "bc4")]
    assert listing.votes is not None
    row = listing.votes[(listing.votes["path"] == path) & (listing.votes["reader"] == "bc4")]
    assert of_first["label_Lung_Lesion"].item() == row["labels"].item()[listing.label_names.index("Lung Lesion")]
    assert kept_votes(tmp_path, "chexpert-radiologists", pd.Series([*store.image_id, "another"])) is None
    content = next((tmp_path / "stores").glob("*.parquet")).read_bytes()
    assert b"patient64741" not in content and b"study1" not in content


def test_chexperts_own_reader_takes_paths_that_begin_with_test(tmp_path: Path) -> None:
    root = write_chexpert(tmp_path / "set", num_images=16, image_size_px=32, seed=0, progress=False)
    header = ["Path", *chexpert.LABELS]
    (root / "test_labels.csv").write_text(
        ",".join(header) + "\ntest/patient64741/study1/view1_frontal.jpg" + ",0" * len(chexpert.LABELS) + "\n"
    )
    last = chexpert.read(root).rows.iloc[-1]
    assert (last["path"], last["patient"]) == ("test/patient64741/study1/view1_frontal.jpg", "patient64741")
