"""A corpus of command lines that are wrong: each ends with one line that names the value, before anything is done."""

from __future__ import annotations

import importlib
import re

import pytest

SWEEP, PRETRAIN, PREPARE, TEACHERS = "sweep", "pretrain", "prepare", "teachers"

CORPUS: dict[str, tuple[str, list[str], str]] = {
    "no data set": (SWEEP, [], "needs a data set: give DATASET"),
    "a shell's words": (SWEEP, ["retina; rm -rf /"], "letters, digits.*'retina; rm -rf /'"),
    "a substitution": (SWEEP, ["$(reboot)"], r"'\$\(reboot\)'"),
    "SQL": (SWEEP, ["x' or tags.kind = 'sweep"], "letters, digits"),
    "a path": (SWEEP, ["../../etc"], r"'\.\./\.\./etc'"),
    "a flag for a name": (SWEEP, ["--", "--rm"], "'--rm'"),
    "an empty name": (SWEEP, [""], "letters, digits.*''"),
    "a name of 101": (SWEEP, ["x" * 101], "1 to 100 letters"),
    "a newline": (SWEEP, ["retina\n"], "letters, digits"),
    "other letters": (SWEEP, ["r\u00e9tina"], "letters, digits"),
    "no epochs": (SWEEP, ["retina", "--epochs", "0"], "max_epochs >= 1 must hold, but got max_epochs=0"),
    "minus one epoch": (SWEEP, ["retina", "--epochs=-1"], "max_epochs >= 1 must hold, but got max_epochs=-1"),
    "half an epoch": (SWEEP, ["retina", "--epochs", "1.5"], "--epochs: must be a whole number, but got 1.5"),
    "many epochs in words": (SWEEP, ["retina", "--epochs", "many"], "--epochs: must be a whole number, but got many"),
    "no trials": (SWEEP, ["retina", "--trials", "0"], "at least 1, but got 0"),
    "no repeats": (SWEEP, ["retina", "--repeats", "0"], "at least 1, but got 0"),
    "an odd size": (SWEEP, ["retina", "--image-size", "100"], "multiple of 32, but got image_size_px=100"),
    "no size": (SWEEP, ["retina", "--image-size", "0"], "image_size_px >= 32 must hold, but got image_size_px=0"),
    "no phantoms": (SWEEP, ["retina", "--phantom-size", "0"], "at least 1, but got 0"),
    "a fraction in words": (SWEEP, ["retina", "--fractions", "half"], "--fractions: must be a number, but got half"),
    "a seed in words": (SWEEP, ["retina", "--seed", "x"], "--seed: must be a whole number, but got x"),
    "an unknown search": (SWEEP, ["retina", "--search", "magic"], "invalid choice: 'magic'"),
    "an unknown preset": (SWEEP, ["retina", "--preset", "fast"], "invalid choice: 'fast'"),
    "an unknown policy": (SWEEP, ["retina", "--uncertainty", "twos"], "invalid choice: 'twos'"),
    "an unknown split": (SWEEP, ["retina", "--split", "mine"], "invalid choice: 'mine'"),
    "half for validation": (SWEEP, ["retina", "--validation-share", "0.5"], r"share < 0\.5 must hold, but got 0\.5"),
    "nothing for validation": (PRETRAIN, ["mimic-cxr", "--validation-share", "0"], "0 < validation share.* got 0"),
    "a share below none": (PREPARE, ["retina", "--validation-share=-1"], "0 < validation share.* got -1"),
    "a share in words": (PREPARE, ["retina", "--validation-share", "few"], "'few'"),
    "a sweep called ..": (SWEEP, ["retina", "--name", ".."], r"letters, digits.*'\.\.'"),
    "a sweep in a folder": (SWEEP, ["retina", "--name", "a/b"], "'a/b'"),
    "a teacher with a quote": (SWEEP, ["retina", "--teacher-names", "x'y"], "letters, digits"),
    "an ensemble of one and none": (SWEEP, ["retina", "--teacher-names", "imagenet+"], "letters, digits.*''"),
    "less than no GPU": (SWEEP, ["retina", "--gpus-per-trial=-0.5"], "at least 0, but got -0.5"),
    "endless CPUs": (SWEEP, ["retina", "--cpus-per-trial", "inf"], "at least 0, but got inf"),
    "no number of GPUs": (SWEEP, ["retina", "--gpus-per-trial", "nan"], "at least 0, but got nan"),
    "a cache in words": (SWEEP, ["retina", "--cache-gb", "big"], "at least 0, but got big"),
    "an unknown flag": (SWEEP, ["retina", "--lerning-rate", "1"], "unrecognized arguments: --lerning-rate"),
    "a flag without its value": (SWEEP, ["retina", "--epochs"], "expected one argument"),
    "two data sets": (SWEEP, ["retina", "chexpert"], "unrecognized arguments: chexpert"),
    "pretrain what": (PRETRAIN, [], "required: DATASET"),
    "pretrain a path": (PRETRAIN, ["/etc/passwd"], "letters, digits"),
    "pretrain without epochs": (
        PRETRAIN,
        ["mimic-cxr", "--epochs", "0"],
        "max_epochs >= 1 must hold, but got max_epochs=0",
    ),
    "prepare what": (PREPARE, [], "required"),
    "a teacher without a file": (TEACHERS, ["import"], "required"),
    "a teacher without a name": (TEACHERS, ["import", "weights.pt"], "a teacher must have a name: give --name NAME"),
    "a teacher's name that climbs": (TEACHERS, ["import", "weights.pt", "--name", "../up"], "'../up'"),
    "an unknown wish of teachers": (TEACHERS, ["export"], "invalid choice: 'export'"),
}


@pytest.mark.parametrize("name", list(CORPUS))
def test_the_last_line_names_the_value(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    verb, arguments, reason = CORPUS[name]
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"platform.{verb}").main(arguments)
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    last = error.strip().splitlines()[-1]
    assert last.startswith(f"python -m platform.{verb}") and "error: " in last
    assert re.search(reason, last), last
