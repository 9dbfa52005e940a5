"""Odd things in a folder of images: links, loops, pipes, folders, and names that no shell likes."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from platform.predicting.pictures import batches, pictures_of
from tests.hostile.provided import OWN_LABELS, PICTURE, WRITERS, classes_of, made, read_own, write_own
from trainables.data.decode import UnreadableImageError, decode
from trainables.data.listing import Listing
from trainables.data.readers import chestxray8, generic, mimic_cxr, retina
from trainables.data.store_making import UnreadableImagesError

pytestmark = pytest.mark.timeout(60)  # what would wait for a pipe waits forever


def link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def two_links(path: Path) -> None:
    path.symlink_to(path.with_name("other"))
    path.with_name("other").symlink_to(path)


def listening(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(20_000_000_000)


def unreadable_file(path: Path) -> None:
    path.write_bytes(PICTURE)
    path.chmod(0)


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda path: None, "no such file"),
    "a folder": (Path.mkdir, "a folder, and no file"),
    "a pipe": (os.mkfifo, "a pipe or a device"),
    "a socket": (listening, "a pipe or a device"),
    "a dangling link": (link("nowhere.png"), "no such file"),
    "a link to itself": (lambda path: path.symlink_to(path.name), "leads to itself|no such file"),
    "a loop of two": (two_links, "leads to itself|no such file"),
    "a link to a device": (link("/dev/zero"), "leads out of the data folder"),
    "a link to a secret": (link("/etc/passwd"), "leads out of the data folder"),
    "a link up": (link("../../0.png"), "leads out of the data folder"),
    "a link to the folder": (link("."), "a folder, and no file"),
    "a link to nobody's home": (link("/etc/shadow"), "leads out of the data folder"),
    "20 GB of nothing": (sparse, "not an image"),
    "an empty file": (Path.touch, "the file is empty"),
}


@pytest.mark.parametrize("what", ODD)
def test_what_is_no_file_of_the_folder_is_refused(what: str, tmp_path: Path) -> None:
    (tmp_path / "set" / "a").mkdir(parents=True)
    (tmp_path / "0.png").write_bytes(PICTURE)
    ODD[what][0](tmp_path / "set" / "a" / "1.png")
    with pytest.raises(UnreadableImageError, match=ODD[what][1]):
        decode(tmp_path / "set", "a/1.png", 16, 3)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    unreadable_file(tmp_path / "0.png")
    with pytest.raises(UnreadableImageError, match="Permission denied"):
        decode(tmp_path, "0.png", 16, 3)


@pytest.mark.parametrize("what", ODD)
@pytest.mark.parametrize("which", ["0.png", "7.png"])
def test_a_users_own_set_names_the_image(what: str, which: str, tmp_path: Path) -> None:
    """The first images are looked at already when the table is read."""
    (tmp_path / "out").mkdir()
    root = write_own(OWN_LABELS, tmp_path / "out" / "set")
    (tmp_path / "0.png").write_bytes(PICTURE)
    (root / which).unlink()
    ODD[what][0](root / which)
    listing = read_own(root)
    with pytest.raises(UnreadableImagesError, match=rf"(?s)1 of 8 are not:\s+{which}: .*({ODD[what][1]})"):
        made(listing, tmp_path)
    assert made(listing, tmp_path, skip_unreadable=True).num_images == 7


@pytest.mark.parametrize("what", [what for what in ODD if what != "nothing"])
def test_a_provided_set_names_the_image(what: str, tmp_path: Path) -> None:
    root = tmp_path / "a" / "retina"
    root.parent.mkdir()
    (tmp_path / "0.png").write_bytes(PICTURE)
    WRITERS["retina"](root)
    image = sorted((root / "train").iterdir())[2]
    image.unlink()
    ODD[what][0](image)
    with pytest.raises(UnreadableImagesError, match=rf"(?s)1 of 8 are not:\s+train/{image.name}: .*({ODD[what][1]})"):
        made(retina.read(root), tmp_path)


@pytest.mark.parametrize("what", [what for what in ODD if what != "nothing"])
def test_predict_passes_over_what_is_no_file_or_says_why(what: str, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "set"
    folder.mkdir(parents=True)
    (tmp_path / "0.png").write_bytes(PICTURE)
    (folder / "good.png").write_bytes(PICTURE)
    ODD[what][0](folder / "odd.png")
    for source in (folder, folder / "list.csv"):
        (folder / "list.csv").write_text("image\ngood.png\nodd.png\n")
        (batch,) = batches(pictures_of(source), 16, 3, 4)
        reasons = dict(zip(batch.paths, batch.reasons, strict=True))
        assert reasons["good.png"] == "" and len(batch.images_BHWC) == 1
        assert reasons.get("odd.png", "is passed over")


TABLE_PLACES: dict[str, Callable[[Path], object]] = {
    "a folder": Path.mkdir, "a pipe": os.mkfifo, "a dangling link": link("none.csv"), "a loop": two_links,
    "nothing": lambda path: None,
}  # fmt: skip


@pytest.mark.parametrize("what", TABLE_PLACES)
@pytest.mark.parametrize(
    ("written", "read", "file"),
    [
        ("labels", read_own, "mine.csv"),
        ("retina", retina.read, "trainLabels.csv"),
        ("sample", chestxray8.read, "sample_labels.csv"),
        ("mimic", mimic_cxr.read, "mimic-cxr-2.0.0-split.csv.gz"),
    ],
)
def test_a_table_that_is_no_file_is_named(
    written: str, read: Callable[[Path], Listing], file: str, what: str, tmp_path: Path
) -> None:
    WRITERS[written](tmp_path / "set")
    (tmp_path / "set" / file).unlink()
    TABLE_PLACES[what](tmp_path / "set" / file)
    with pytest.raises(FileNotFoundError, match=f"no {file} in"):
        read(tmp_path / "set")


def test_loops_of_folders_end(tmp_path: Path) -> None:
    classes_of(tmp_path)
    (tmp_path / "train" / "cat" / "loop").symlink_to("..")
    (tmp_path / "train" / "loop").symlink_to("..")
    assert {path.split("/")[1] for path in generic.read(tmp_path).rows["path"]} == {"cat", "dog"}
    assert {Path(path).name for path in pictures_of(tmp_path).paths} == {"0.png", "1.png"}


def test_two_names_of_one_file_are_two_images_with_the_same_pixels(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(PICTURE)
    (tmp_path / "1.png").hardlink_to(tmp_path / "0.png")
    (tmp_path / "2.png").symlink_to("1.png")
    pixels = [decode(tmp_path, f"{number}.png", 16, 3) for number in range(3)]
    assert all(np.array_equal(pixels[0], others) for others in pixels) and Image.open(tmp_path / "2.png").size == (
        72,
        48,
    )
