"""`--vary NAME=VALUE[,VALUE...]`: any knob of a training, several values of it."""

from __future__ import annotations

import argparse
import shlex

import pytest

from platform.command_line.parsing import retyped
from platform.command_line.sweep_requests import SweepRequest
from platform.command_line.values import NOT_VARIED, Variation, variation
from tests.typed import typed
from trainables.config import TrialConfig
from trainables.knob import RUN, knobs


def test_values_have_the_knobs_type_and_stand_once() -> None:
    assert variation("rotation_deg=0,15,15.0") == Variation("rotation_deg", (0.0, 15.0))
    assert variation("batch_size=8,16") == Variation("batch_size", (8, 16))
    assert variation("flip=true,false") == Variation("flip", (True, False))
    assert variation("interpolation=bilinear") == Variation("interpolation", ("bilinear",))
    assert variation("init=random,imagenet") == Variation("init", ("random", "imagenet"))


def test_a_knob_is_known_by_its_flag_too() -> None:
    assert variation("lr-halving=8") == variation("lr_halving_epochs=8")
    assert variation("fractions=0.5") == variation("fraction=0.5") == variation("data-fraction=0.5")


def test_every_knob_but_those_of_the_columns_and_of_a_run_may_be_varied() -> None:
    for knob in knobs(TrialConfig):
        text = f"{knob.name}={knob.choices[0] if knob.choices else 'true' if knob.type is bool else min(1, knob.high)}"
        if knob.role == RUN or knob.name in NOT_VARIED:
            with pytest.raises(argparse.ArgumentTypeError, match="with one of the knobs"):
                variation(text)
        elif knob.name not in ("image_size_px",):
            assert variation(text).name == knob.name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rotation=200", "0 <= rotation_deg <= 180 must hold, but got rotation_deg=200"),
        ("rotation=wide", "must be a number, but got wide"),
        ("rotation", r"must be NAME=VALUE\[,VALUE...\], but got rotation"),
        ("rotation=0,,15", r"must be NAME=VALUE\[,VALUE...\], but got rotation=0,,15"),
        ("rotatoin_deg=0", r"but got rotatoin_deg=0 \(did you mean rotation_deg\?\)"),
        ("image_size_px=50", "must be a multiple of 32, but got image_size_px=50"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        variation(text)


def test_the_command_that_resumes_has_them() -> None:
    request = typed(SweepRequest, "retina", "--vary", "flip=true,false", "rotation_deg=0,7.5", "--one-at-a-time")
    words = shlex.split(retyped(request).replace("\\\n", " "))
    assert typed(SweepRequest, *words[words.index("retina") :]) == request
    assert request.variations == {"flip": (True, False), "rotation_deg": (0.0, 7.5)}


def test_a_flag_that_is_typed_again_adds_knobs() -> None:
    request = typed(SweepRequest, "retina", "--vary", "flip=true", "--vary", "rotation=0", "batch_size=8")
    assert [*request.variations] == ["flip", "rotation_deg", "batch_size"]


def test_a_knob_is_varied_once() -> None:
    with pytest.raises(ValueError, match="each knob must be varied once, with all its values, but init is twice"):
        typed(SweepRequest, "retina", "--init", "random", "--vary", "init=imagenet")
    with pytest.raises(ValueError, match="but flip is twice"):
        typed(SweepRequest, "retina", "--vary", "flip=true", "flip=false")
    with pytest.raises(ValueError, match="--one-at-a-time must have something to change: give --vary"):
        typed(SweepRequest, "retina", "--one-at-a-time")
