"""Fig. 1 on a small phantom: which images are shown, and that the sheet says what they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis import figure_1
from analysis.figures import sample_images
from platform.phantoms.chest_writers import write_mimic_cxr
from platform.phantoms.writers import write_retina
from trainables.data.readers import mimic_cxr, retina
from trainables.data.store import Store
from trainables.data.store_making import prepare


@pytest.fixture(scope="module")
def fundus(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("fundus")
    root = write_retina(folder / "retina", num_patients=40, image_size_px=32, seed=0, num_processes=1, progress=False)
    return prepare(retina.read(root), folder / "s.arrow", image_size_px=32, salt=b"s", progress=False)


@pytest.fixture(scope="module")
def chests(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("chests")
    root = write_mimic_cxr(
        folder / "mimic-cxr", num_images=80, image_size_px=32, seed=0, num_processes=1, progress=False
    )
    return prepare(mimic_cxr.read(root), folder / "s.arrow", image_size_px=32, salt=b"s", progress=False)


def test_a_line_a_grade_of_training_images_of_different_patients(fundus: Store) -> None:
    frame = sample_images.rows(fundus, np.random.default_rng(0))
    assert frame["label"].drop_duplicates().tolist() == list(fundus.label_names)
    assert frame["label"].value_counts().max() == 6
    rows = frame["row"].to_numpy()
    assert set(fundus.split[rows]) == {"train"}
    assert [fundus.label_names[grade] for grade in fundus.labels[rows, 0]] == frame["label"].tolist()
    for _, line in frame.groupby("label"):
        assert len(set(fundus.patient[line["row"]])) == len(line)


def test_one_image_a_finding_that_has_it(chests: Store) -> None:
    frame = sample_images.rows(chests, np.random.default_rng(0))
    assert frame["label"].is_unique
    for label, row in frame.itertuples(index=False):
        assert chests.labels[row, chests.label_names.index(label)] == 1


def test_another_seed_shows_other_images(fundus: Store) -> None:
    drawn = [sample_images.rows(fundus, np.random.default_rng(seed))["row"].tolist() for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_the_sheet_has_a_text_alternative_and_says_that_it_is_synthetic(fundus: Store, chests: Store) -> None:
    for store in (fundus, chests):
        sheet = sample_images.picture(store, np.random.default_rng(0))
        assert f"A sheet of {len(sheet.frame)} training images" in sheet.alternative
        assert "PHANTOM" in sheet.figure.get_suptitle()


def test_the_command_writes_a_picture_or_says_what_is_wrong(
    fundus: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sheet.png"
    assert figure_1.main(["--store", str(fundus.path), "--out", str(out)]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")
    assert figure_1.main(["--store", str(tmp_path / "none.arrow"), "--out", str(out)]) == 2
    assert "no prepared data at" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        figure_1.main(["--store", str(fundus.path), "--out", "sheet.gif"])
    assert "must end in .png or .svg, but got sheet.gif" in capsys.readouterr().err
