"""What single options take: each function checks a text and turns it into a value."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from trainables.cell import as_text
from trainables.config import MAX_FOLDS, SOURCES, TrialConfig
from trainables.knob import AXIS, SETUP, TUNED, Knob, knobs

# Cells are made from the first three by options of their own, and a method's numbers belong to the method.
NOT_VARIED = ("method", "teacher", "student", "knobs", "dataset")
EXPORT_FORMATS = ("safetensors", "onnx")


def positive_int(text: str) -> int:
    """A whole number of at least 1."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, but got {text}")
    return value


def whole_number(text: str) -> int:
    """A whole number of at least 0, such as a seed."""
    if not re.fullmatch(r"\d+", text):
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 0, but got {text}")
    return int(text)


def port(text: str) -> int:
    """A port that a user's program may listen on: 1024 to 65535."""
    if not re.fullmatch(r"\d{4,5}", text) or not 1024 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1024 to 65535, but got {text}")
    return int(text)


def share(text: str) -> float:
    """A number of at least 0, such as a part of a GPU."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of at least 0, but got {text}")
    return value


def level(text: str) -> float:
    """A number between 0 and 1, neither of them included, such as a wanted sensitivity."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"must be a number between 0 and 1, such as 0.9, but got {text}")
    return value


def plain_name(text: str) -> str:
    """A name that is safe as a folder and in a query: letters, digits, dot, dash and underscore."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", text):
        raise argparse.ArgumentTypeError(
            f"must be 1 to 100 letters, digits, dots, dashes and underscores, and begin with a letter or digit, "
            f"but got {text!r}"
        )
    return text


def web_address(text: str) -> str:
    """An address that begins with http:// or https://."""
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", text):
        raise argparse.ArgumentTypeError("must begin with http:// or https://")  # it may be a secret
    return text


def teacher_name(text: str) -> str:
    """A teacher's name, or those of an ensemble as ``a+b``, in alphabetical order, each once."""
    return "+".join(sorted({plain_name(name) for name in text.split("+")}))


def toml_path(text: str) -> Path:
    """The path of a TOML file, absolute: the same file in every folder."""
    if not text.endswith(".toml"):
        raise argparse.ArgumentTypeError(f"must end in .toml, but got {text}")
    return Path(text).expanduser().absolute()


def validation_share(text: str) -> float:
    """What `trainables.data.splits` takes for the validation set's part of the images."""
    from trainables.data.splits import check_validation_share  # pandas: only if the flag is given

    try:
        value = float(text)
        check_validation_share(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return value


def sources(text: str) -> str:
    """What repeats draw anew: one source, or several separated by commas."""
    for name in text.split(","):
        if name not in SOURCES:
            raise argparse.ArgumentTypeError(f"must be of {', '.join(SOURCES)}, but got {name!r}")
    return text


def num_folds(text: str) -> int:
    """The number of folds of a cross-validation."""
    if not re.fullmatch(r"\d+", text) or not 2 <= int(text) <= MAX_FOLDS:
        raise argparse.ArgumentTypeError(f"must be a whole number from 2 to {MAX_FOLDS}, but got {text}")
    return int(text)


def channels(text: str) -> int:
    """1 (grey) or 3 (colour)."""
    if text not in ("1", "3"):
        raise argparse.ArgumentTypeError(f"must be 1 or 3, but got {text}")
    return int(text)


def export_formats(text: str) -> tuple[str, ...]:
    """Formats separated by commas, each once, in the order of `EXPORT_FORMATS`."""
    names = text.split(",")
    for name in names:
        if name not in EXPORT_FORMATS:
            raise argparse.ArgumentTypeError(
                f"must be of {', '.join(EXPORT_FORMATS)}, separated by commas, but got {name!r}"
            )
    return tuple(name for name in EXPORT_FORMATS if name in names)


@dataclass(frozen=True)
class Variation:
    """A knob of `trainables.config.TrialConfig` and the values that cells have of it."""

    name: str
    values: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.name}={','.join(map(as_text, self.values))}"


def able_to_vary() -> dict[str, Knob]:
    """The knobs that cells may differ in, by name."""
    return {each.name: each for each in knobs(TrialConfig, AXIS, SETUP, TUNED) if each.name not in NOT_VARIED}


def variation(text: str) -> Variation:
    """``NAME=VALUE[,VALUE...]``: a knob, by its own name or its flag's, and values that keep its rules, each once."""
    able = able_to_vary()
    by_flag = {
        flag.removeprefix("--"): each.name for each in able.values() for flag in (each.flag, each.plural) if flag
    }
    name, equals, values = text.partition("=")
    name = by_flag.get(name, name.replace("-", "_"))
    if name not in able:
        nearest = get_close_matches(name, able, n=1)
        raise argparse.ArgumentTypeError(
            f"must be NAME=VALUE[,VALUE...] with one of the knobs {', '.join(sorted(able))}, but got {text}"
            + (f" (did you mean {nearest[0]}?)" if nearest else "")
        )
    if not equals or not all(values.split(",")):
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE[,VALUE...], but got {text}")
    read = value_of(able[name])
    return Variation(name, tuple(dict.fromkeys(able[name].typed(read(value)) for value in values.split(","))))


def value_of(knob: Knob) -> Callable[[str], Any]:
    """Reads a value of `knob` by its type, and checks it by its rules."""

    def read(text: str) -> Any:
        if knob.type is bool:
            if text not in ("true", "false"):
                raise argparse.ArgumentTypeError(f"must be true or false, but got {text}")
            return text == "true"
        try:
            value = knob.type(text)
        except ValueError:
            kind = "a whole number" if knob.type is int else "a number"
            raise argparse.ArgumentTypeError(f"must be {kind}, but got {text}") from None
        try:
            knob.check(value)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return plain_name(value) if isinstance(value, str) and not knob.choices else value

    return read
