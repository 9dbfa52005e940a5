"""The same corpus on real tables and real pictures, where they are at hand (TRANSFER_DATA)."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.hostile.mutations import NO_ROW, REFUSED, SAME, Mutation, Sheet
from tests.hostile.pictures import ORIENTATION, saved
from tests.hostile.provided import facts
from trainables.data.decode import UnreadableImageError, decode
from trainables.data.listing import Listing
from trainables.data.readers import chestxray8, retina

pytestmark = pytest.mark.skipif(
    "TRANSFER_DATA" not in os.environ, reason="TRANSFER_DATA names no folder of real images"
)
REAL: dict[str, tuple[Callable[[Path], Listing], str, str]] = {
    "retina": (retina.read, "trainLabels.csv", "image"),
    "chestxray8": (chestxray8.read, "sample_labels.csv", "Image Index"),
}
NOT_HERE = ("the header alone",)  # has no row to compare, and is tested with the phantoms


def spoilt(name: str, mutation: Mutation, folder: Path) -> tuple[Listing, Callable[[], Listing]]:
    """The listing of the real table, and what reads the spoilt one; no image is opened."""
    read, file, image = REAL[name]
    table = Path(os.environ["TRANSFER_DATA"]) / name / file
    shutil.copy(table, folder)
    before = read(folder)
    with table.open(newline="", encoding="utf-8-sig") as opened:
        sheet = Sheet(tuple(map(tuple, csv.reader(opened))), image)
    (folder / file).write_bytes(mutation.apply(sheet))
    return before, lambda: read(folder)


@pytest.mark.parametrize("how", SAME)
@pytest.mark.parametrize("name", REAL)
def test_what_is_only_odd_changes_nothing(name: str, how: str, tmp_path: Path) -> None:
    before, read = spoilt(name, SAME[how], tmp_path)
    assert facts(read()) == facts(before)


@pytest.mark.parametrize("how", [how for how in REFUSED if how not in NOT_HERE])
@pytest.mark.parametrize("name", REAL)
def test_what_is_broken_is_refused(name: str, how: str, tmp_path: Path) -> None:
    _, read = spoilt(name, REFUSED[how], tmp_path)
    reason = REAL[name][1] if REFUSED[how].row == NO_ROW else r"row \d+"
    with pytest.raises(ValueError, match=reason) as error:
        read()
    assert type(error.value) is ValueError


def picture(name: str) -> Path:
    return next(Path(os.environ["TRANSFER_DATA"]).joinpath(name).rglob("*_left.jpeg" if name == "retina" else "*.png"))


@pytest.mark.parametrize("percent", range(5, 100, 5))
@pytest.mark.parametrize("name", REAL)
def test_a_real_picture_cut_short_is_refused(name: str, percent: int, tmp_path: Path) -> None:
    content = picture(name).read_bytes()
    cut = content[: len(content) * percent // 100]
    (tmp_path / "cut.png").write_bytes(cut)
    (tmp_path / "zeros.png").write_bytes(cut + bytes(len(content) - len(cut)))
    for file in ("cut.png", "zeros.png"):
        with pytest.raises(UnreadableImageError, match="damaged"):
            decode(tmp_path, file, 64, 3)


@pytest.mark.parametrize("name", REAL)
def test_a_real_picture_held_otherwise_is_turned(name: str, tmp_path: Path) -> None:
    with Image.open(picture(name)) as image:
        upright = image.convert("RGB").resize((96, 64))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    (tmp_path / "upright.png").write_bytes(saved(upright, "PNG"))
    (tmp_path / "turned.png").write_bytes(saved(upright.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif))
    assert np.array_equal(decode(tmp_path, "turned.png", 32, 3), decode(tmp_path, "upright.png", 32, 3))
