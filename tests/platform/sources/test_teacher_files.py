"""A published model's file becomes a teacher by its name alone, with its licence and with what it has seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import platform.teachers
from platform.command_line.teacher_requests import ImportRequest
from platform.sources.places import Places
from platform.sources.teacher_files import bring_in
from tests.trainables.teachers.layouts import small_models
from tests.trainables.teachers.layouts.small_models import written
from trainables.data.store import salted_hashes
from trainables.models.architectures import build
from trainables.teachers import shelf
from trainables.teachers.overlap import overlap
from trainables.teachers.shelf import Teacher


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    with small_models.registered():
        yield


def loaded(results: Path, name: str) -> Teacher:
    return shelf.load(results / "teachers" / "real", name)


def test_retfound_is_brought_in_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, ("retfound", "retfound"))
    flags = ["--results", str(tmp_path / "results")]
    assert platform.teachers.main([*flags, "import", str(file), "--as", "retfound"]) == 0
    output = capsys.readouterr().out
    assert "left out: mask_token" in output and "licence: CC BY-NC 4.0" in output
    assert "trained on retina: sweeps that test on their patients are refused" in output
    assert (
        "it has no outputs, and teaches by methods that compare none" in output
        and "similarity" in output
        and "distillation" not in output
    )
    assert "platform.pretrain DATASET --from retfound --head-only" in output
    teacher = loaded(tmp_path / "results", "retfound")
    assert (teacher.label_names, teacher.task, teacher.licence) == ((), "", "CC BY-NC 4.0")
    assert teacher.seen == {"datasets": {"retina": []}} and teacher.source.endswith(f"from {file.name}")
    assert platform.teachers.main(flags) == 0
    assert "retina '904,170 retinal photographs" in capsys.readouterr().out


def test_a_network_of_timms_takes_what_is_said_of_it(tmp_path: Path) -> None:
    torch.save(build("resnet18", 2).state_dict(), tmp_path / "r.pth")
    request = ImportRequest(
        file=tmp_path / "r.pth",
        results=tmp_path / "results",
        published="timm:resnet18",
        labels=("a", "b"),
        task="multiclass",
        seen=("chexpert",),
    )
    assert "2 outputs" in bring_in(request)
    teacher = loaded(tmp_path / "results", "resnet18")
    assert (teacher.label_names, teacher.task) == (("a", "b"), "multiclass")
    assert teacher.seen == {"datasets": {"chexpert": []}}


def test_a_list_of_training_images_counts_patients(tmp_path: Path) -> None:
    images = tmp_path / "training_images.csv"
    images.write_text("dataset,path\nnih,images_001/images/00000013_005.png\nnih,images_002/images/00000027_000.png\n")
    results = tmp_path / "results"
    file = written(tmp_path, ("rad-dino", "rad-dino"))
    request = ImportRequest(file=file, results=results, published="rad-dino", training_images=images)
    assert "2 training images: patients 2 of chestxray8; 0 images of other data sets" in bring_in(request)
    teacher, places = loaded(results, "rad-dino"), Places.under(results)
    assert list(teacher.seen["datasets"]) == ["mimic-cxr", "chexpert", "chestxray8", "padchest", "brax"]
    assert "13" not in str(teacher.seen["datasets"]["chestxray8"]).split("'")

    def said(*patients: str, dataset: str = "chestxray8") -> str:
        hashes = np.array(salted_hashes(list(patients), places.salt()))
        store: Any = SimpleNamespace(
            dataset=dataset, is_phantom=False, patient=hashes, rows=lambda split: np.arange(len(patients))
        )
        return overlap(teacher, store, places.salt_fingerprint())

    assert said("13", "14", "27") == "the teacher rad-dino was trained on 2 of 3 test patients"
    assert said("14") == ""
    assert "which may hold the test patients of chexpert" in said("patient00001", dataset="chexpert")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--as", "retfound", "--architecture", "densenet121"], "leave out --architecture and --may-differ"),
        (["--as", "retfound", "--may-differ", "head"], "leave out --architecture and --may-differ"),
        (["--as", "retfond"], "--as must name one of retfound"),
        ([], "give --name NAME, or --as MODEL"),
        (["--as", "dinov3", "--training-images", "none.csv"], "must match DINOv3 as a whole"),
        (["--as", "retfound", "--training-images", "none.csv"], "no list of training images at none.csv"),
    ],
)
def test_what_contradicts_is_refused_and_nothing_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], message: str
) -> None:
    file = written(tmp_path, ("retfound", "retfound"))
    with pytest.raises(SystemExit) as ended:
        platform.teachers.main(["--results", str(tmp_path / "results"), "import", str(file), *flags])
    assert ended.value.code == 2 and message in capsys.readouterr().err
    assert not list((tmp_path / "results").rglob("teacher.json"))
