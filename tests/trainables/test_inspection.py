"""What a machine says of itself: whether it sees the shared folder, its code, its libraries, its room."""

from __future__ import annotations

import importlib.metadata
import pickle
import shutil
from pathlib import Path

from trainables import inspection


def test_it_copies_the_question_to_the_answer(tmp_path: Path) -> None:
    (tmp_path / "question").write_text("token")
    answer = inspection.inspect_machine(str(tmp_path / "question"), str(tmp_path / "answer"), str(tmp_path / "own"))
    assert (tmp_path / "answer").read_text() == "token"
    assert answer["code"] == inspection.code_of(Path(inspection.__file__).parent)
    assert answer["libraries"]["torch"] == importlib.metadata.version("torch")
    assert abs(answer["local_free_bytes"] - shutil.disk_usage(tmp_path).free) < 1e9
    assert list((tmp_path / "own").iterdir()) == []
    assert pickle.loads(pickle.dumps(answer)) == answer


def test_a_folder_that_is_not_there_gets_no_answer(tmp_path: Path) -> None:
    answer = inspection.inspect_machine(str(tmp_path / "no" / "question"), str(tmp_path / "answer"), "")
    assert not (tmp_path / "answer").exists()
    assert answer["local_free_bytes"] == 0


def test_a_place_that_cannot_be_a_folder_has_no_room(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert inspection.inspect_machine("", "", str(tmp_path / "file" / "own"))["local_free_bytes"] == -1


def test_the_code_is_that_of_every_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.py").write_text("1")
    first = inspection.code_of(tmp_path)
    assert first == inspection.code_of(tmp_path) and len(first) == 16
    (tmp_path / "notes.txt").write_text("of no matter")
    assert inspection.code_of(tmp_path) == first
    (tmp_path / "a" / "x.py").write_text("2")
    changed = inspection.code_of(tmp_path)
    (tmp_path / "a" / "x.py").rename(tmp_path / "a" / "y.py")
    assert len({first, changed, inspection.code_of(tmp_path)}) == 3
