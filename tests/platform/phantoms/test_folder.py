"""A phantom's folder is whole or absent, made once, and never takes the place of anything else."""

import errno
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from platform.phantoms import folder as folder_module
from platform.phantoms.folder import MARK, Drawn, check_at_least, write_folder

JOBS = [dict(number=number) for number in range(40)]
TABLES = {"names.csv": ("name", "square"), "names.csv.gz": ("name",), "list.txt": ()}


def draw(*, number):
    name = f"images/{number}.txt"
    rows = [("names.csv", (name, number**2)), ("names.csv.gz", (name,)), ("list.txt", (name,))]
    return Drawn({name: str(number).encode()}, rows)


def draw_and_fail(*, number):
    if number == 25:
        raise OSError(errno.ENOSPC, "No space left on device")
    return draw(number=number)


def write(folder, draw=draw, arguments=None, **options):
    arguments = arguments or {"seed": 1}
    return write_folder(folder, arguments, draw=draw, jobs=JOBS, tables=TABLES, progress=False, **options)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data" / "set"


@pytest.mark.parametrize("num_processes", [1, 2])
def test_files_tables_and_mark_are_there_in_the_jobs_order(folder, num_processes):
    assert write(folder, num_processes=num_processes) == folder
    assert {path.name for path in folder.iterdir()} == {"images", "names.csv", "names.csv.gz", "list.txt", MARK}
    assert len(list((folder / "images").iterdir())) == len(JOBS)
    assert (folder / "images" / "7.txt").read_text() == "7"
    lines = (folder / "names.csv").read_text().splitlines()
    assert lines[0] == "name,square" and lines[1:] == [f"images/{n}.txt,{n**2}" for n in range(40)]
    assert gzip.decompress((folder / "names.csv.gz").read_bytes()).decode().splitlines()[:2] == ["name", "images/0.txt"]
    assert (folder / "list.txt").read_text().startswith("images/0.txt\n")
    mark = json.loads((folder / MARK).read_text())
    assert mark == {"arguments": {"seed": 1}, "generator_version": folder_module.GENERATOR_VERSION}


def test_the_same_arguments_keep_the_folder_untouched(folder):
    write(folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    write(folder, draw=draw_and_fail)  # would fail if it drew anything
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_other_arguments_are_refused_and_the_folder_kept(folder):
    write(folder)
    with pytest.raises(FileExistsError, match="'seed': 2"):
        write(folder, arguments={"seed": 2})
    assert (folder / "images" / "7.txt").exists()


def test_another_version_of_the_generator_is_refused(folder, monkeypatch):
    write(folder)
    monkeypatch.setattr(folder_module, "GENERATOR_VERSION", 999)
    with pytest.raises(FileExistsError, match="999"):
        write(folder)


def test_real_data_is_never_replaced(folder):
    folder.mkdir(parents=True)
    (folder / "trainLabels.csv").write_text("precious")
    with pytest.raises(FileExistsError, match=f"{folder} exists and has no {MARK}"):
        write(folder)
    assert [path.name for path in folder.iterdir()] == ["trainLabels.csv"]


def test_a_failure_mid_write_leaves_nothing(folder):
    with pytest.raises(OSError, match="No space left"):
        write(folder, draw=draw_and_fail)
    assert not folder.exists()
    assert not list(folder.parent.glob(".*.part"))
    write(folder)
    assert (folder / MARK).exists()


def test_a_killed_writer_leaves_no_folder_and_the_next_one_cleans_up(folder):
    code = f"""
import time
from pathlib import Path
from platform.phantoms.folder import Drawn, write_folder

def draw(*, number):
    if number == 8:
        time.sleep(60)
    return Drawn({{f"images/{{number}}.txt": b"half"}})

jobs = [dict(number=number) for number in range(16)]
write_folder(Path({str(folder)!r}), {{"seed": 1}}, draw=draw, jobs=jobs, tables={{}}, num_processes=2, progress=False)
"""
    root = Path(folder_module.__file__).parents[2]
    writer = subprocess.Popen([sys.executable, "-c", code], cwd=root, start_new_session=True)
    part = folder.parent / f".{folder.name}.part"
    try:
        deadline = time.monotonic() + 60
        while not (part / "images" / "3.txt").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert part.exists() and not folder.exists()
    finally:
        os.killpg(writer.pid, signal.SIGKILL)
        writer.wait()
    assert part.exists() and not folder.exists()
    write(folder)
    assert (folder / "images" / "3.txt").read_text() == "3" and not part.exists()


def test_values_below_their_least_are_refused():
    check_at_least(num_images=(1, 1))
    with pytest.raises(ValueError, match="num_images >= 1 must hold, but got num_images=0"):
        check_at_least(num_images=(0, 1))
