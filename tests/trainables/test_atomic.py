"""Files and folders that are whole or absent, whatever interrupts the one who writes them."""

from __future__ import annotations

import ast
import errno
import os
import re
import signal
import stat
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from trainables import atomic

ROOT = Path(__file__).parents[2]
WRITERS = sorted(path for role in ("platform", "analysis", "search_spaces", "trainables") for path in
                 (ROOT / role).rglob("*.py"))  # fmt: skip
RENAMES = {"rename", "replace", "link", "mkstemp", "mkdtemp", "flock", "lockf"}


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "made" / "file"
    with atomic.new_file(path) as part:
        part.write_text("new")
        assert not path.exists() and part.parent == path.parent
    assert path.read_text() == "new"
    assert [each.name for each in path.parent.iterdir()] == ["file"]


def test_an_error_leaves_the_old_file_and_the_old_folder(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file", tmp_path / "folder" / "inner"):
        path.write_text("old")
    with pytest.raises(RuntimeError), atomic.new_file(tmp_path / "file") as part:
        part.write_text("new")
        raise RuntimeError
    with pytest.raises(RuntimeError), atomic.new_folder(tmp_path / "folder") as part:
        (part / "inner").write_text("new")
        raise RuntimeError
    assert (tmp_path / "file").read_text() == (tmp_path / "folder" / "inner").read_text() == "old"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "folder"]


def test_of_two_writers_the_first_ones_file_can_stay(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with atomic.new_file(path, replace=False) as part:
        part.write_text("second")
        path.write_text("first")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_are_those_of_an_ordinary_new_file_or_those_asked_for(tmp_path: Path) -> None:
    (tmp_path / "ordinary").touch()
    (tmp_path / "ordinary folder").mkdir()
    with atomic.new_file(tmp_path / "file"), atomic.new_folder(tmp_path / "folder"):
        pass
    with atomic.new_file(tmp_path / "secret", mode=0o600):
        pass
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes["file"] == modes["ordinary"] and modes["folder"] == modes["ordinary folder"]
    assert modes["secret"] == 0o600


@pytest.mark.parametrize("num_files", [2, atomic.MANY_FILES + 1])
def test_a_folder_takes_the_place_of_another(tmp_path: Path, num_files: int) -> None:
    folder = tmp_path / "folder"
    for generation in ("old", "new"):
        with atomic.new_folder(folder) as part:
            for number in range(num_files):
                (part / f"{generation} {number}").write_text(generation)
    assert {path.read_text() for path in folder.iterdir()} == {"new"}
    assert len(list(folder.iterdir())) == num_files
    assert list(tmp_path.iterdir()) == [folder]


def test_a_folders_files_are_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: dict[int, bool] = {}
    there = (tmp_path / "folder").exists
    monkeypatch.setattr(os, "fsync", lambda file: flushed.setdefault(os.fstat(file).st_ino, there()))
    with atomic.new_folder(tmp_path / "folder") as part:
        (part / "inner").mkdir()
        for path in (part / "one", part / "inner" / "two"):
            path.write_text("new")
    for path in (tmp_path / "folder" / "one", tmp_path / "folder" / "inner" / "two"):
        assert flushed[path.stat().st_ino] is False


def test_a_folder_that_cannot_be_replaced_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, rename = tmp_path / "folder", Path.rename
    folder.mkdir()
    (folder / "file").write_text("old")

    def refused(path: Path, target: Path) -> Path:
        if path.suffix == ".part" and target == folder:
            raise PermissionError("no")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(PermissionError), atomic.new_folder(folder) as part:
        (part / "file").write_text("new")
    assert (folder / "file").read_text() == "old"
    assert list(tmp_path.iterdir()) == [folder]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom trainables import atomic\n"
        "root = Path(sys.argv[1])\n"
        "with atomic.new_file(root / 'file', locked=True) as a, atomic.new_folder(root / 'folder', locked=True) as b:\n"
        "    (a.write_text('half'), (b / 'half').touch(), (root / 'ready').touch(), time.sleep(60))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT)
    while not (tmp_path / "ready").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (tmp_path / "ready").unlink()
    assert not (tmp_path / "file").exists() and not (tmp_path / "folder").exists()
    with atomic.new_file(tmp_path / "file", locked=True) as part, atomic.new_folder(tmp_path / "folder", locked=True):
        part.write_text("whole")
    assert (tmp_path / "file").read_text() == "whole"
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"] and not os.listdir(tmp_path / "folder")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_waited_for_half_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds + 0.01))
    tries: list[float] = []

    def full() -> None:
        tries.append(clock[0])
        raise OSError(code, "no room")

    with pytest.raises(OSError, match="no room"):
        atomic.patiently(full, "a checkpoint", tmp_path / "not" / "there")
    assert 1800 < clock[0] < 1810
    assert [after - before for before, after in pairwise(tries)] == pytest.approx([2.01] * (len(tries) - 1))
    assert len(caplog.messages) == 6  # at once, and every five minutes
    room = "your quota of the disk that holds" if code == errno.EDQUOT else r"\d+ MB are free in"
    message = rf"no room on the disk for a checkpoint: {room} {tmp_path}/not/there.*; free some space .* 30 minutes\)"
    assert re.fullmatch(message, caplog.messages[0]) and caplog.messages[-1].endswith("(trying again for 5 minutes)")


def test_a_writer_that_waits_leaves_a_note_for_whoever_watches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[bool] = []

    def full_at_first() -> None:
        notes.append((tmp_path / atomic.FULL).exists())
        if len(notes) < 3:
            raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    atomic.patiently(full_at_first, "a checkpoint", tmp_path)
    assert notes == [False, True, True] and not os.listdir(tmp_path)


def own_renames(source: str) -> list[str]:
    """The calls of a source that put a file in place, or lock one, by the system's own means."""
    modules = {"os", "tempfile", "fcntl"}
    calls = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    names = [func for func in calls if isinstance(func, ast.Attribute) and func.attr in RENAMES]
    return [ast.unparse(func) for func in names if isinstance(func.value, ast.Name) and func.value.id in modules]


ALLOWED = ("atomic.py", "results_lock.py")  # the latter's lock may be held by many at once, which filelock's may not


@pytest.mark.parametrize("path", [path for path in WRITERS if path.name not in ALLOWED], ids=str)
def test_no_other_module_puts_files_in_place_or_locks_them_by_itself(path: Path) -> None:
    assert own_renames(path.read_text(encoding="utf-8")) == []


def test_a_rename_or_a_lock_of_ones_own_is_seen() -> None:
    assert own_renames("os.replace(part, path)\nfcntl.flock(lock, 2)\ntext.replace('a', 'b')\ntempfile.mkstemp()") == [
        "os.replace", "fcntl.flock", "tempfile.mkstemp",
    ]  # fmt: skip
