"""`prepare FILE.csv` and `predict` with bad input: one line that says what to do, and nothing is left behind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import platform.prepare
from platform.predicting.pictures import batches, pictures_of
from tests.hostile.mutations import REFUSED, SAME, Sheet, raw
from tests.hostile.provided import OWN_LABELS, PICTURE, TABLES, read_own, write_own
from trainables.data.readers import chestxray8

IMAGES = [f"{number}.png" for number in range(4)]
# To ask about a picture twice is no fault: its rows have no labels that could contradict each other.
NO_FAULT = ("a row twice", "all rows twice")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_own(OWN_LABELS, tmp_path_factory.mktemp("own") / "set")


@pytest.mark.parametrize(
    "how", ["a NUL", "semicolons", "a quote within", "a row twice", "cut within the last row", "UTF-16"]
)
def test_prepare_says_in_one_line_what_is_wrong(
    how: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with TABLES["own labels"].spoilt(folder, REFUSED[how]), pytest.raises(SystemExit) as ended:
        platform.prepare.main([str(folder / "mine.csv"), "--image-size", "32", "--results", str(tmp_path)])
    printed = capsys.readouterr().err
    assert ended.value.code == 2 and "mine.csv" in printed and printed.count("\n") == 1
    assert not list(tmp_path.rglob("*.arrow"))


def test_prepare_names_the_picture_that_is_spoilt(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (folder / "3.png").read_bytes()
    (folder / "3.png").write_bytes(PICTURE[: len(PICTURE) // 2])
    with pytest.raises(SystemExit):
        platform.prepare.main([str(folder / "mine.csv"), "--image-size", "32", "--results", str(tmp_path)])
    (folder / "3.png").write_bytes(before)
    assert re.search(r"1 of 8 are not:\n  3\.png: damaged.*\nrepair", capsys.readouterr().err)


def listed(name: str, mutations: str) -> bytes:
    rows = (("image", "note"), *((image, "a b") for image in IMAGES), *[("4.png", "c")] * 4)
    mutation = (SAME if mutations == "same" else REFUSED)[name]
    return mutation.apply(Sheet(rows, "image"))


@pytest.mark.parametrize("how", SAME)
def test_predict_reads_an_odd_list(how: str, folder: Path) -> None:
    (folder / "ask.csv").write_bytes(listed(how, "same"))
    assert sorted(set(pictures_of(folder / "ask.csv").paths)) == [*IMAGES, "4.png"]


@pytest.mark.parametrize("how", [how for how in REFUSED if how not in NO_FAULT])
def test_predict_refuses_a_broken_list(how: str, folder: Path) -> None:
    (folder / "ask.csv").write_bytes(listed(how, "refused"))
    with pytest.raises(ValueError, match=r"ask\.csv") as error:
        pictures_of(folder / "ask.csv")
    assert type(error.value) is ValueError


@pytest.mark.parametrize(
    "path", ["../secret.png", "/etc/passwd", "", "nowhere.png", "..", "a/../../x.png", "~", "x" * 300]
)
def test_predict_says_of_each_picture_why_it_is_not_read(path: str, folder: Path) -> None:
    (folder.parent / "secret.png").write_bytes(PICTURE)
    (folder / "ask.csv").write_bytes(raw(Sheet((("image", "note"), ("0.png", "a"), (path, "b")), "image")))
    (batch,) = batches(pictures_of(folder / "ask.csv"), 16, 1, 4)
    assert batch.reasons[0] == "" and batch.reasons[1] and len(batch.images_BHWC) == 1


def test_a_users_own_set_is_as_before(folder: Path) -> None:
    assert len(read_own(folder).rows) == 8


BOXES = {
    "a decimal comma": '"12,5"',
    "a word": "left",
    "nothing": "",
    "NaN": "nan",
    "infinity": "inf",
    "below zero": "-3",
}


@pytest.mark.parametrize("how", BOXES)
def test_a_box_without_a_place_is_refused_by_its_row(how: str, tmp_path: Path) -> None:
    head = "Image Index,Finding Label,Bbox [x,y,w,h],,,"
    row = "00000001_000.png,Mass,{},2.5,30,40.25,,,"
    (tmp_path / chestxray8.BOX_LIST).write_text("\n".join([head, row.format(1), row.format(BOXES[how])]))
    with pytest.raises(ValueError, match=r"row 3 of .*BBox_List_2017\.csv has Bbox \[x="):
        chestxray8.boxes(tmp_path)
