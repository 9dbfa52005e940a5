"""A request holds what is typed, then what the environment says, then the defaults, each with its own type."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

import pytest

from platform.command_line import parsing
from platform.command_line.image_requests import PrepareRequest
from platform.command_line.parsing import parser_of, typed_again
from platform.command_line.student_requests import ExportRequest, FewShotRequest, NewDiseaseRequest
from platform.command_line.sweep_requests import SweepRequest
from platform.command_line.teacher_requests import ImportRequest
from platform.command_line.training_requests import PretrainRequest
from tests.typed import typed
from trainables.knob import AXIS, Knob

REQUESTS = (
    PrepareRequest, SweepRequest, PretrainRequest, ExportRequest, FewShotRequest, NewDiseaseRequest, ImportRequest
)  # fmt: skip


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRANSFER_RESULTS", "TRANSFER_LOCAL"):
        monkeypatch.delenv(name, raising=False)


def test_what_is_not_typed_has_its_default() -> None:
    assert typed(SweepRequest, "retina") == SweepRequest(dataset="retina")
    assert typed(PretrainRequest, "mimic-cxr") == PretrainRequest(dataset="mimic-cxr")
    assert SweepRequest(dataset="retina").num_slots is None and PretrainRequest(dataset="retina").num_slots == 1


def test_the_environment_stands_between_what_is_typed_and_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFER_RESULTS", "/data/results")
    monkeypatch.setenv("TRANSFER_LOCAL", "scratch")
    request = typed(SweepRequest, "retina")
    assert request.results == Path("/data/results")
    assert request.local == Path("scratch").absolute()  # the same folder in every process
    assert typed(SweepRequest, "retina", "--results", "here").results == Path("here")


def test_a_sweep_takes_several_values_of_an_axis_and_one_of_a_setup() -> None:
    request = typed(
        SweepRequest, "retina", "--fractions", "0.1", "1", "--init", "random", "--batch-size", "16", "--no-flip"
    )
    assert dict(request.axes) == {"data_fraction": (0.1, 1.0), "init": ("random",)}
    assert dict(request.knobs) == {"batch_size": 16, "flip": False}


def test_a_pretraining_takes_one_value_and_has_the_knobs_of_a_sweep() -> None:
    flags = ("--fraction", "0.5", "--precision", "bfloat16", "--compile", "--learning-rate", "1e-3", "--seed", "3")
    request = typed(PretrainRequest, "mimic-cxr", *flags)
    assert dict(request.knobs) == {
        "data_fraction": 0.5,
        "learning_rate": 1e-3,
        "precision": "bfloat16",
        "compiled": True,
        "seed": 3,
    }
    assert not request.axes
    with pytest.raises(SystemExit):
        typed(PretrainRequest, "mimic-cxr", "--fraction", "0.5", "1")
    with pytest.raises(SystemExit):  # nobody teaches a teacher
        typed(PretrainRequest, "mimic-cxr", "--unlabelled-epochs", "4")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--batch-size", "1.5"), "--batch-size: must be a whole number, but got 1.5"),
        (("--rotation", "far"), "--rotation: must be a number, but got far"),
        (("--rotation", "270"), "--rotation: 0 <= rotation_deg <= 180 must hold, but got rotation_deg=270.0"),
        (("--seed", "-1"), "--seed: seed >= 0 must hold, but got seed=-1"),
        (("--init", "a/b"), "--init: must be 1 to 100 letters"),
        (("--trials", "0"), "--trials: must be a whole number of at least 1, but got 0"),
        (("--name", "../x"), "--name: must be 1 to 100 letters"),
    ],
)
def test_a_mistake_is_named_with_its_flag(
    flags: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        typed(SweepRequest, "retina", *flags)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("request_class", REQUESTS)
def test_every_option_is_explained_under_a_heading_that_a_user_knows(request_class: type) -> None:
    text = parser_of(request_class, "a.command", request_class.__doc__).format_help()
    assert all(field.metadata["option"].help for field in fields(request_class) if "option" in field.metadata)
    headings = [line for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert headings == sorted(headings, key=HEADINGS.index)


HEADINGS = [
    "positional arguments:",
    "options:",
    "what to ask:",
    "on which images, and from which teachers:",
    "how students are trained:",
    "how long:",
    "where, and on which machines:",
    "what is written:",
]


def test_the_command_of_an_evaluation_says_all_that_decides_its_numbers_and_no_path() -> None:
    flags = ("--dataset", "chexpert", "--data", "/secret", "--out", "/secret/out", "--findings", "Lung Lesion", "Edema")
    request = typed(FewShotRequest, *flags, "--shots", "5", "--skip-unreadable", "--results", "/secret")
    assert typed_again(request, "platform.evaluate few-shot") == (
        "python -m platform.evaluate few-shot --split drawn --skip-unreadable --dataset chexpert --seed 0 "
        "--findings 'Lung Lesion' Edema --shots 5 --episodes 200"
    )


@pytest.mark.parametrize("several", [False, True])
def test_a_truth_is_typed_as_a_switch_or_in_words(several: bool) -> None:
    knob = Knob(role=AXIS, help="whether it rolls", flag="--rolls", name="rolls", type=bool, default=True)
    parser = argparse.ArgumentParser()
    parsing._add_knob(parser, knob, "yes", several)
    typed_rolls = parser.parse_args(["--rolls", "true", "false"] if several else ["--no-rolls"]).rolls
    assert typed_rolls == ([True, False] if several else False)
