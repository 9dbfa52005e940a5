"""Phantom teachers are trained once, marked and kept, and an interrupted training resumes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import platform.phantoms.sets
from platform.phantoms import phantom_teachers
from platform.phantoms.chest_writers import write_mimic_cxr
from platform.phantoms.writers import write_generic
from platform.sources.places import Places
from trainables import loop
from trainables.models.architectures import build
from trainables.teachers import shelf
from trainables.teachers.shelf import Teacher
from trainables.training import Training

pytestmark = pytest.mark.slow

SIZE_PX, NUM_EPOCHS = 32, {"generic": 1, "mimic-cxr": 2}


@pytest.fixture(scope="module", autouse=True)
def tiny() -> Any:
    """An epoch or two on a handful of pictures, on one thread."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(platform.phantoms.sets, "PHANTOM_IMAGE_SIZE_PX", SIZE_PX)
        patched.setitem(
            platform.phantoms.sets.PHANTOMS, "generic", platform.phantoms.sets.Phantom(write=write_generic, size=20)
        )
        patched.setitem(
            platform.phantoms.sets.PHANTOMS, "mimic-cxr", platform.phantoms.sets.Phantom(write=write_mimic_cxr, size=24)
        )
        patched.setattr(phantom_teachers, "NUM_EPOCHS", NUM_EPOCHS)
        patched.setattr("os.cpu_count", lambda: 1)
        yield
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Teacher]:
    """The places of an undisturbed run, and its teacher `mimic-cxr`."""
    places = Places.under(tmp_path_factory.mktemp("undisturbed"))
    return places, phantom_teachers.phantom_teacher("mimic-cxr", places, SIZE_PX)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The epochs that are really trained, as (data set, epoch)."""
    epochs: list[tuple[str, int]] = []
    train = loop.train_one_epoch

    def noted(training: Training, epoch: int) -> Any:
        epochs.append((training.config.dataset, epoch))
        return train(training, epoch)

    monkeypatch.setattr(loop, "train_one_epoch", noted)
    return epochs


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_teacher_is_whole_and_marked_as_a_phantom(undisturbed: tuple[Any, Teacher]) -> None:
    places, teacher = undisturbed
    assert teacher.is_phantom
    assert (teacher.name, teacher.architecture, teacher.task) == ("mimic-cxr", "densenet121", "multilabel")
    assert len(teacher.label_names) == 14
    assert teacher.source == "phantom: 2 epochs on 24 synthetic mimic-cxr images, from imagenet weights"
    assert {"dataset": "mimic-cxr", "data": "phantom", "split": "train"}.items() <= teacher.seen.items()
    assert "val_loss" in teacher.scores and not [name for name in teacher.scores if name.startswith("train_")]
    build("densenet121", 14).load_state_dict(teacher.state_dict())
    assert teacher.folder == places.teachers(phantom=True, image_size_px=SIZE_PX) / "mimic-cxr"
    assert not places.teachers(phantom=False, image_size_px=SIZE_PX).exists()


def test_its_first_weights_were_those_of_the_phantom_imagenet(undisturbed: tuple[Any, Teacher]) -> None:
    places, teacher = undisturbed
    folder = places.teachers(phantom=True, image_size_px=SIZE_PX)
    first = shelf.load(folder, "imagenet")
    assert first.is_phantom
    assert (first.task, len(first.label_names)) == ("multiclass", 10)
    assert first.source.endswith("20 synthetic generic images, from random weights")
    key = "features.conv0.weight"
    distance = (teacher.state_dict()[key] - first.state_dict()[key]).abs().max()
    assert 0 < distance < 0.02  # a few steps of Adam from it
    assert names(folder) == ["imagenet", "mimic-cxr"]  # no work folder is left


def test_a_teacher_that_is_there_is_taken_as_it_is(
    undisturbed: tuple[Any, Teacher], trained: list[tuple[str, int]]
) -> None:
    places, teacher = undisturbed
    assert phantom_teachers.phantom_teacher("mimic-cxr", places, SIZE_PX) == teacher
    assert phantom_teachers.phantom_teacher("imagenet", places, SIZE_PX).name == "imagenet"
    assert trained == []


def interrupt(at: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    train = loop.train_one_epoch

    def stopped(training: Training, epoch: int) -> Any:
        if (training.config.dataset, epoch) == at:
            raise KeyboardInterrupt
        return train(training, epoch)

    monkeypatch.setattr(loop, "train_one_epoch", stopped)


def interrupt_the_saving(monkeypatch: pytest.MonkeyPatch) -> None:
    save = shelf.save

    def stopped(folder: Path, weights: Any, **facts: Any) -> Teacher:
        if facts["name"] == "mimic-cxr":
            raise KeyboardInterrupt
        return save(folder, weights, **facts)

    monkeypatch.setattr(shelf, "save", stopped)


@pytest.mark.parametrize(
    ("disturb", "left"),
    [
        (lambda patched: interrupt(("mimic-cxr", 2), patched), [("mimic-cxr", 2)]),
        (interrupt_the_saving, []),
    ],
    ids=["in its second epoch", "before it was kept"],
)
def test_an_interrupted_training_resumes_to_the_same_teacher(
    undisturbed: tuple[Any, Teacher],
    tmp_path: Path,
    trained: list[tuple[str, int]],
    disturb: Callable[[pytest.MonkeyPatch], None],
    left: list[tuple[str, int]],
) -> None:
    # With the salt, the phantoms and the teacher `imagenet`.
    shutil.copytree(undisturbed[0].results, tmp_path / "results")
    places = Places.under(tmp_path / "results")
    shutil.rmtree(places.teachers(phantom=True, image_size_px=SIZE_PX) / "mimic-cxr")
    with pytest.MonkeyPatch.context() as patched, pytest.raises(KeyboardInterrupt):
        disturb(patched)
        phantom_teachers.phantom_teacher("mimic-cxr", places, SIZE_PX)
    folder = places.teachers(phantom=True, image_size_px=SIZE_PX)
    assert [teacher.name for teacher in shelf.listing(folder)] == ["imagenet"]  # half a teacher is none
    trained.clear()
    teacher = phantom_teachers.phantom_teacher("mimic-cxr", places, SIZE_PX)
    assert trained == left
    assert teacher.fingerprint == undisturbed[1].fingerprint
    assert teacher.scores == undisturbed[1].scores
    assert names(folder) == ["imagenet", "mimic-cxr"]


def test_another_size_is_another_teacher(undisturbed: tuple[Any, Teacher]) -> None:
    places, _ = undisturbed
    ours, others = (places.teachers(phantom=True, image_size_px=size) for size in (SIZE_PX, 64))
    assert ours != others and not others.exists()


def test_a_phantom_teacher_that_nobody_trains_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the phantom teachers are imagenet, mimic-cxr, but got 'chexpert'"):
        phantom_teachers.phantom_teacher("chexpert", Places.under(tmp_path), SIZE_PX)
    assert not (tmp_path / "teachers").exists()


def test_another_networks_phantom_learns_from_the_same_pictures(
    undisturbed: tuple[Any, Teacher], tmp_path: Path
) -> None:
    shutil.copytree(undisturbed[0].results, tmp_path / "results")
    teacher = phantom_teachers.phantom_teacher("imagenet-resnet18", Places.under(tmp_path / "results"), SIZE_PX)
    assert (teacher.architecture, teacher.is_phantom, len(teacher.label_names)) == ("resnet18", True, 10)
    assert teacher.source.endswith("20 synthetic generic images, from random weights")
    build("resnet18", 10).load_state_dict(teacher.state_dict())


@pytest.mark.parametrize(
    ("validation", "expected"),
    [
        ([12, 12], ("frequent", "auc")),
        ([3, 3], ("frequent", "auc")),
        ([12, 1], ("defined", "auc")),
        ([12, 0], ("defined", "accuracy")),
    ],
)
def test_a_teachers_epochs_are_judged_as_a_sweeps_where_its_images_allow(
    validation: list[int], expected: tuple[str, str]
) -> None:
    classes = np.repeat([0, 1, 0, 1], [*validation, 5, 5])[:, None]
    split = np.repeat(["validation", "test"], [sum(validation), 10])
    store: Any = SimpleNamespace(task="multiclass", label_names=("a", "b"), labels=classes, split=split)
    assert phantom_teachers.judged_by(store) == expected
