"""Phantom retina and generic sets: the layout, the mix, the same bytes again."""

import csv
import hashlib
import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from platform.phantoms import everyday, writers
from platform.phantoms.folder import MARK
from platform.phantoms.writers import GRADE_MIX, REAL_GRADE_MIX, write_generic, write_retina


def digests(folder):
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()
    }


def retina(folder, **changes):
    arguments = dict(num_patients=6, image_size_px=48, seed=0, progress=False) | changes
    return write_retina(folder, **arguments)


@pytest.fixture(scope="module")
def retina_folder(tmp_path_factory):
    return retina(tmp_path_factory.mktemp("data") / "retina")


def test_retina_has_kaggles_layout(retina_folder):
    with open(retina_folder / "trainLabels.csv") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["image", "level"] and len(rows) == 12
    assert {row["level"] for row in rows} <= set("01234")
    assert {f"{row['image']}.jpeg" for row in rows} == {path.name for path in (retina_folder / "train").iterdir()}
    numbers = Counter(row["image"].split("_")[0] for row in rows)
    assert set(numbers.values()) == {2} and all(number.isdigit() for number in numbers)
    for row in rows:
        with Image.open(retina_folder / "train" / f"{row['image']}.jpeg") as image:
            assert image.format == "JPEG" and image.mode == "RGB" and image.height == 48 and image.width in (48, 72)


def test_the_layout_is_that_of_the_real_photographs(retina_folder):
    if "TRANSFER_DATA" not in os.environ:
        pytest.skip("TRANSFER_DATA is unset: no real photographs to compare with")
    real = Path(os.environ["TRANSFER_DATA"]) / "retina"
    assert (real / "trainLabels.csv").read_text().splitlines()[0] == "image,level"
    assert {path.suffix for path in (real / "train").iterdir()} == {".jpeg"}
    assert all(path.stem.split("_")[1] in ("left", "right") for path in (real / "train").iterdir())


def test_the_same_arguments_give_the_same_bytes_however_many_processes(retina_folder, tmp_path):
    assert digests(retina(tmp_path / "retina", num_processes=2)) == digests(retina_folder)


def test_another_seed_gives_other_pictures(retina_folder, tmp_path):
    other = digests(retina(tmp_path / "retina", seed=1))
    assert not set(other.values()) & set(digests(retina_folder).values())


def test_the_mark_tells_a_phantom_and_its_arguments(retina_folder):
    arguments = json.loads((retina_folder / MARK).read_text())["arguments"]
    assert arguments["dataset"] == "retina" and arguments["num_patients"] == 6 and not arguments["real_imbalance"]


@pytest.mark.parametrize("mix", [GRADE_MIX, REAL_GRADE_MIX])
def test_grades_have_the_mix_and_go_together_in_a_patient(mix):
    grades = writers.draw_grades(2000, mix, 0)
    shares = np.bincount(grades.ravel(), minlength=5) / grades.size
    np.testing.assert_allclose(shares, mix, atol=0.012)
    assert np.corrcoef(grades.T)[0, 1] > 0.7
    assert (grades[:, 0] != grades[:, 1]).any()


def test_a_small_set_has_all_grades():
    assert set(writers.draw_grades(60, GRADE_MIX, 0).ravel()) == set(range(5))


def test_generic_has_imagenets_layout(tmp_path):
    folder = write_generic(tmp_path / "generic", num_images=25, image_size_px=32, seed=0, progress=False)
    classes = {path.name: len(list(path.glob("*.jpg"))) for path in (folder / "train").iterdir()}
    assert set(classes) == set(everyday.CLASSES) and sum(classes.values()) == 25
    assert max(classes.values()) - min(classes.values()) <= 1
    with Image.open(next((folder / "train" / "rings").glob("*.jpg"))) as image:
        assert image.size == (32, 32) and image.mode == "RGB"
    again = write_generic(tmp_path / "again", num_images=25, image_size_px=32, seed=0, progress=False)
    assert digests(again) == digests(folder)


@pytest.mark.parametrize(("name", "value"), [("num_patients", 0), ("image_size_px", 15)])
def test_bad_arguments_of_retina_are_refused(tmp_path, name, value):
    with pytest.raises(ValueError, match=f"{name}={value}"):
        retina(tmp_path / "retina", **{name: value})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "value"), [("num_images", 9), ("image_size_px", 0)])
def test_bad_arguments_of_generic_are_refused(tmp_path, name, value):
    arguments = dict(num_images=10, image_size_px=32, seed=0) | {name: value}
    with pytest.raises(ValueError, match=f"{name}={value}"):
        write_generic(tmp_path / "generic", **arguments)
