"""A folder as an archive: the same files give the same bytes, which other programs can check."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from analysis.bundling.archive import names, write_archive, write_sums


def filled(folder: Path, order: list[str]) -> Path:
    for name in order:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}\n" * 50)
    return folder


def test_the_same_files_give_the_same_bytes_whenever_and_in_whatever_order_they_were_made(tmp_path: Path) -> None:
    order = ["b/two.csv", "a.json", "b/one.parquet"]
    first, second = filled(tmp_path / "1", order), filled(tmp_path / "2", order[::-1])
    os.utime(second / "a.json", (1, 1))
    (second / "a.json").chmod(0o600)
    for folder in (first, second):
        write_sums(folder)
        write_archive(folder, "top", folder.with_suffix(".zip"))
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "1.zip") as archive:
        assert archive.namelist() == [f"top/{name}" for name in ["SHA256SUMS", "a.json", "b/one.parquet", "b/two.csv"]]


def test_checksums_are_those_of_the_files(tmp_path: Path) -> None:
    folder = filled(tmp_path / "x", ["a b.json", "b/two.csv"])
    write_sums(folder)
    expected = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}" for name in names(folder)]
    assert (folder / "SHA256SUMS").read_text().splitlines() == expected
    if program := shutil.which("sha256sum"):
        subprocess.run([program, "-c", "--strict", "SHA256SUMS"], cwd=folder, check=True, capture_output=True)


def test_a_name_that_not_every_system_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"every system can have, but got 'a:b\.csv'"):
        write_sums(filled(tmp_path / "x", ["a:b.csv"]))
