"""The verb `teachers`: what is at hand, and what is brought in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import platform.teachers
from trainables.models.architectures import build
from trainables.teachers import shelf


@pytest.fixture(scope="module")
def pickled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole model in `DataParallel` behind a sigmoid, as CheXclusion saves it."""
    torch.manual_seed(3)
    model: Any = build("densenet121", 14)
    model.__class__ = __import__("torchvision").models.DenseNet
    model.classifier = nn.Sequential(model.classifier, nn.Sigmoid())
    path = tmp_path_factory.mktemp("made_elsewhere") / "checkpoint"
    torch.save({"model": nn.DataParallel(model), "best_loss": 0.3, "best_epoch": 7, "LR": 5e-4}, path)
    return path


def test_without_teachers_it_says_how_to_get_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert platform.teachers.main(["--results", str(tmp_path)]) == 0
    output = capsys.readouterr().out
    assert "no teachers in" in output and "platform.pretrain" in output and "teachers import" in output


def test_a_checkpoint_is_brought_in_and_listed(
    tmp_path: Path, pickled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--results", str(tmp_path), "import", str(pickled), "--name", "mimic-cxr", "--seen", "mimic-cxr"]
    assert platform.teachers.main(flags) == 0
    assert "727 of 727 tensors matched, 14 outputs" in capsys.readouterr().out
    teacher = shelf.load(tmp_path / "teachers" / "real", "mimic-cxr")
    assert teacher.seen == {"datasets": {"mimic-cxr": []}} and not teacher.is_phantom
    assert platform.teachers.main(["--results", str(tmp_path)]) == 0
    output = capsys.readouterr().out
    assert "mimic-cxr" in output and teacher.fingerprint in output and "imported from checkpoint" in output


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["import", "/no/such/file", "--name", "x"], "no checkpoint at /no/such/file"),
        (["import", "FILE", "--name", "x", "--labels", "a", "b"], "must match densenet121 with 2 outputs"),
        (["import", "FILE", "--name", "../x"], "must be 1 to 100 letters"),
        (["import", "FILE"], "--name"),
    ],
)
def test_what_is_wrong_gets_one_clear_line(
    tmp_path: Path, pickled: Path, capsys: pytest.CaptureFixture[str], flags: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        platform.teachers.main(
            ["--results", str(tmp_path), *(str(pickled) if flag == "FILE" else flag for flag in flags)]
        )
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_foundation_models_note_is_kept_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(build("resnet18", 3).state_dict(), tmp_path / "model.pt")
    flags = ["--results", str(tmp_path), "import", str(tmp_path / "model.pt"), "--name", "big"]
    assert platform.teachers.main([*flags, "--architecture", "resnet18", "--trained-on", "a million X-rays"]) == 0
    output = capsys.readouterr().out
    assert "WARNING: the teacher big was trained on 'a million X-rays'" in output and "--seen" not in output
    teacher = shelf.load(tmp_path / "teachers" / "real", "big")
    assert (teacher.architecture, teacher.trained_on) == ("resnet18", "a million X-rays")
    assert platform.teachers.main(["--results", str(tmp_path)]) == 0
    assert "big   resnet18" in (listed := capsys.readouterr().out) and "'a million X-rays' (unchecked)" in listed
    with pytest.raises(SystemExit):
        platform.teachers.main([*flags, "--architecture", "vit"])
    assert "the teacher must be one of densenet121" in capsys.readouterr().err
