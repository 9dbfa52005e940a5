"""Names that no shell likes, of images and classes: read like others, or refused where they cannot be told apart."""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from platform.predicting.pictures import batches, pictures_of
from tests.hostile.provided import PICTURE, WRITERS, classes_of, made, read_own, write_own
from trainables.data.readers import chexpert_radiologists, generic

NAMES = {
    "blanks": "a b  c.png", "an emoji": "🫁.png", "a family": "👩‍👩‍👧.png", "Chinese": "肺部.png",
    "right to left": "رئة.png",
    "capitals": "A.PNG", "a dash first": "-rf.png", "a hash": "#1.png",
    "a percent sign": "100%25.png", "a quote": "it's.png",
    "dollars": "$(reboot).png", "a semicolon": "a;b.png", "a star": "*.png", "brackets": "[0-9].png",
    "a tilde": "~.png",
    "an ampersand": "a&b.png", "HTML": "<b>.png", "two dots": "a..b.png", "dots first": "...png", "a colon": "a:b.png",
    "as long as can be": "x" * 251 + ".png", "a reserved name": "CON.png", "no suffix": "picture", "accents": "é.png",
    "accents of a Mac": unicodedata.normalize("NFD", "é.png"), "a column's name": "image.png", "a number": "1",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_an_odd_name_is_a_name(name: str, tmp_path: Path) -> None:
    root = write_own(("image,patient,Edema", *(f"{n}.png,p{n},{n % 2}" for n in range(8))), tmp_path / "set")
    (root / "3.png").rename(root / NAMES[name])
    table = root / "mine.csv"
    table.write_text(table.read_text().replace("3.png", NAMES[name]))
    assert made(read_own(root), tmp_path).num_images == 8


ODDER: dict[str, str | bytes] = {
    "a line break": "a\nb.png",
    "a bell": "a\ab.png",
    "a colour": "\x1b[31mred.png",
    "no UTF-8": b"caf\xe9.png",
}


@pytest.mark.parametrize("name", [*NAMES, *ODDER])
def test_predict_is_asked_about_any_name(name: str, tmp_path: Path) -> None:
    """What a student is asked about has no table: the folder says what there is."""
    file = os.fsdecode({**ODDER, **NAMES}[name])
    (tmp_path / file).write_bytes(PICTURE)
    (tmp_path / "other.png").write_bytes(PICTURE)
    pictures = pictures_of(tmp_path)
    assert len(pictures.paths) == (1 if Path(file).suffix == "" or file.startswith(".") else 2)
    (batch,) = batches(pictures, 16, 3, 4)
    assert set(batch.reasons) == {""} and len(batch.images_BHWC) == len(pictures.paths)


CLASSES: dict[str, tuple[Callable[[Path], object], str]] = {
    "another case": (lambda train: shutil.copytree(train / "cat", train / "Cat"), "one spelling, .*'Cat' and 'cat'"),
    "a blank": (lambda train: shutil.copytree(train / "cat", train / "cat "), "one spelling, .*'cat' and 'cat '"),
    "a line break": (lambda train: (train / "cat").rename(train / "c\nat"), r"printed, .*'c\\nat'"),
    "no UTF-8": (lambda train: (train / "cat").rename(train / os.fsdecode(b"c\xe9")), r"printed, .*'c\\udce9'"),
    "a picture that is not": (lambda train: (train / "cat/0.png").rename(train / os.fsdecode(b"cat/\xe9.png")), "UTF"),
    "one class": (lambda train: shutil.rmtree(train / "cat"), "at least 2 classes"),
}  # fmt: skip


@pytest.mark.parametrize("what", CLASSES)
def test_a_folder_of_classes_with_odd_names_is_refused(what: str, tmp_path: Path) -> None:
    CLASSES[what][0](classes_of(tmp_path) / "train")
    with pytest.raises(ValueError, match=CLASSES[what][1]) as error:
        generic.read(tmp_path)
    assert type(error.value) is ValueError


@pytest.mark.parametrize(
    "hidden", ["cat/._0.png", "cat/.0.png", ".trash/0.png", "Thumbs.db", "cat/notes.txt", "cat/.DS_Store"]
)
def test_what_a_computer_leaves_behind_is_no_picture(hidden: str, tmp_path: Path) -> None:
    before = generic.read(classes_of(tmp_path)).rows["path"].to_list()
    (tmp_path / "train" / hidden).parent.mkdir(exist_ok=True)
    (tmp_path / "train" / hidden).write_bytes(b"Mac OS X")
    assert generic.read(tmp_path).rows["path"].to_list() == before


def test_what_a_computer_leaves_behind_is_no_reading(tmp_path: Path) -> None:
    WRITERS["radiologists"](tmp_path / "set")
    before = chexpert_radiologists.read(tmp_path / "set")
    image = next(tmp_path.glob("set/test/*/*/*.jpg"))
    image.with_name(f"._{image.name}").write_bytes(b"Mac OS X")
    (tmp_path / "set" / "radiologists" / "groundtruth" / "._bc1_gt.csv").write_bytes(b"Mac OS X\0")
    after = chexpert_radiologists.read(tmp_path / "set")
    assert after.rows["path"].equals(before.rows["path"]) and len(after.votes) == len(before.votes)  # type: ignore[arg-type]
