"""A teacher's folder is whole or absent, and its fingerprint follows its weights alone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from trainables.models.eyes import PLAIN, Eyes
from trainables.teachers import shelf

FACTS: dict[str, Any] = {
    "architecture": "densenet121",
    "task": "multilabel",
    "label_names": ("Edema", "Mass"),
    "source": "drawn",
    "is_phantom": True,
}


def weights(first: float = 1.0) -> dict[str, Tensor]:
    return {
        "a.weight": torch.tensor([[first, 2.0], [3.0, 4.0]]),
        "b.num": torch.tensor(7),
        "c": torch.zeros(2, 3).t(),  # not contiguous
    }


def save(folder: Path, name: str = "mimic-cxr", first: float = 1.0, **facts: Any) -> shelf.Teacher:
    return shelf.save(folder, weights(first), name=name, **{**FACTS, **facts})


def test_a_teacher_comes_back_with_its_weights_and_facts(tmp_path: Path) -> None:
    seen = {"dataset": "mimic-cxr", "split": "train"}
    saved = save(tmp_path, scores={"val_auc": 0.75}, seen=seen)
    teacher = shelf.load(tmp_path, "mimic-cxr")
    assert teacher == saved
    assert (teacher.label_names, teacher.scores, teacher.seen) == (("Edema", "Mass"), {"val_auc": 0.75}, seen)
    assert (teacher.is_phantom, teacher.folder) == (True, tmp_path / "mimic-cxr")
    state = teacher.state_dict()
    assert state.keys() == weights().keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in weights().items())


def test_a_moved_folder_is_still_a_teacher(tmp_path: Path) -> None:
    save(tmp_path / "old")
    shutil.move(tmp_path / "old", tmp_path / "new")
    assert shelf.load(tmp_path / "new", "mimic-cxr").state_dict()["b.num"] == 7


def test_a_teacher_of_the_same_name_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    old = save(tmp_path)
    new = save(tmp_path, first=9.0, source="drawn anew")
    assert shelf.load(tmp_path, "mimic-cxr") == new != old
    assert new.state_dict()["a.weight"][0, 0] == 9.0
    assert [path.name for path in tmp_path.iterdir()] == ["mimic-cxr"]  # and no part of it is left


def test_a_writer_that_fails_leaves_the_old_teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = save(tmp_path)

    def no_space(tensors: dict[str, Tensor], path: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space left"):
        patched.setattr(shelf, "save_file", no_space)
        save(tmp_path, first=9.0)
    assert shelf.load(tmp_path, "mimic-cxr") == old
    assert [teacher.name for teacher in shelf.listing(tmp_path)] == ["mimic-cxr"]
    assert save(tmp_path, first=9.0).state_dict()["a.weight"][0, 0] == 9.0  # the rest of it is in nobody's way


def test_a_killed_writers_part_is_no_teacher(tmp_path: Path) -> None:
    save(tmp_path, name="imagenet")
    shutil.copytree(tmp_path / "imagenet", tmp_path / ".mimic-cxr.part")
    assert [teacher.name for teacher in shelf.listing(tmp_path)] == ["imagenet"]


def test_teachers_are_listed_by_name(tmp_path: Path) -> None:
    assert shelf.listing(tmp_path / "nowhere") == []
    for name in ("mimic-cxr", "chexpert", "imagenet"):
        save(tmp_path, name=name)
    (tmp_path / "notes").mkdir()
    assert [teacher.name for teacher in shelf.listing(tmp_path)] == ["chexpert", "imagenet", "mimic-cxr"]


def test_a_missing_name_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no teacher named 'mimic' in .*\(available: none\)"):
        shelf.load(tmp_path, "mimic")
    save(tmp_path, name="mimic-cxr")
    save(tmp_path, name="imagenet")
    with pytest.raises(FileNotFoundError, match=r"no teacher named 'mimic' in .*\(available: imagenet, mimic-cxr\)"):
        shelf.load(tmp_path, "mimic")


def test_the_fingerprint_follows_names_shapes_kinds_and_values(tmp_path: Path) -> None:
    weights = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.zeros(1)}
    same = {"b": torch.zeros(1), "a": torch.arange(6.0).reshape(3, 2).t().t().reshape(2, 3)}
    others = [
        {**weights, "a": weights["a"].reshape(3, 2)},
        {**weights, "a": weights["a"] + 1e-6},
        {**weights, "a": weights["a"].double()},
        {"a": weights["a"], "c": weights["b"]},
        {"a": weights["a"]},
    ]
    assert shelf.fingerprint(weights) == shelf.fingerprint(same)
    fingerprints = [shelf.fingerprint(each) for each in (weights, *others)]
    assert len(set(fingerprints)) == len(fingerprints)
    assert all(len(each) == 16 and int(each, 16) >= 0 for each in fingerprints)


def test_the_fingerprint_outlives_the_file_and_the_memory_format(tmp_path: Path) -> None:
    planes = torch.arange(48.0).reshape(2, 3, 2, 4)
    saved = shelf.save(tmp_path, {"w": planes.to(memory_format=torch.channels_last)}, name="t", **FACTS)
    assert saved.fingerprint == shelf.fingerprint({"w": planes})
    assert shelf.fingerprint(shelf.load(tmp_path, "t").state_dict()) == saved.fingerprint


def test_a_network_has_the_eyes_of_its_first_weights_where_they_are_its_own(tmp_path: Path) -> None:
    own = Eyes(mean=(0.5, 0.5, 0.5))
    teacher, plain = save(tmp_path, eyes=own), PLAIN
    assert shelf.eyes_of_first_weights("mimic-cxr", "densenet121", teacher) == own
    assert shelf.eyes_of_first_weights("matched-mimic-cxr", "densenet121", teacher) == plain
    assert shelf.eyes_of_first_weights("mimic-cxr", "densenet40", teacher) == plain  # which takes a part of them
    assert shelf.eyes_of_first_weights("random", "densenet121", None) == plain
