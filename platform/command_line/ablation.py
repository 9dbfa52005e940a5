"""An ablation that a file holds, as a request carries it: its text, what it says, and on which line it says so."""

from __future__ import annotations

import argparse
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platform.command_line.values import Variation
from trainables.pasting import ROOT

FOLDER = ROOT / "search_spaces" / "ablations"  # of the ablations that come with the platform
SUFFIX = ".toml"
PLAIN, OF_AXIS, VARIED = KINDS = ("plain", "axis", "varied")  # options and knobs, options of an axis, knobs in [vary]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One thing that a file sets.

    Args:
        name: of the request's field, or of the knob.
        key: the file's word for it, such as ``fractions`` for `data_fraction`.
        value: as if it had been typed; a tuple where it takes several.
        kind: one of `KINDS`.
        line: of the key, from 1.
    """

    name: str
    key: str
    value: Any
    kind: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """A file that says what a sweep is to vary.

    Args:
        reference: how ``--ablation`` names it: an absolute path, or the name of one that comes with the platform.
        text: the whole file.
        question: what the ablation asks, in the file's words; "" where it does not say.
        settings: what the file sets.
    """

    reference: str
    text: str
    question: str = ""
    settings: tuple[Setting, ...] = ()

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return path_of(self.reference)

    @property
    def stem(self) -> str:
        """With what the names of the file's sweeps begin: its own name, in signs that may stand in a sweep's."""
        return re.sub(r"[^A-Za-z0-9._-]+", "-", self.path.stem).strip("._-")[:60] or "ablation"

    @property
    def sha256(self) -> str:
        """64 hexadecimal digits, as the program `sha256sum` prints them."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def values(self) -> Mapping[str, Any]:
        """What is set for all cells, by the name of the field or the knob; `vary` among them."""
        plain = {each.name: each.value for each in self.settings if each.kind == PLAIN}
        vary = tuple(Variation(each.name, each.value) for each in self.settings if each.kind == VARIED)
        return {**plain, "vary": vary} if vary else plain

    @property
    def axes(self) -> Mapping[str, tuple[Any, ...]]:
        """The values of the axes that have an option of their own, by knob."""
        return {each.name: each.value for each in self.settings if each.kind == OF_AXIS}

    def place(self, line: int) -> str:
        """The file and a line of it, as errors name them."""
        return f"{self.path}, line {line}"

    def meant_by(self, message: str) -> Setting | None:
        """The setting that a message speaks of first, by its name or its key; None where it speaks of none."""
        found = {}
        for each in self.settings:
            words = "|".join(re.escape(word) for word in {each.name, each.key})
            if match := re.search(rf"(?<![\w-])(--)?({words})(?![\w-])", message):
                found[match.start()] = each
        return found[min(found)] if found else None


def reference(text: str) -> str:
    """What ``--ablation`` takes: the path of a file, or the name of an ablation that comes with the platform.

    Raises:
        argparse.ArgumentTypeError: there is neither.
    """
    if text in packaged():
        return text
    path = Path(text).expanduser().absolute()
    if path.is_file():
        return str(path)
    raise argparse.ArgumentTypeError(f"must be a file or one of {', '.join(packaged())}, but there is no file {text}")


def packaged() -> tuple[str, ...]:
    """The names of the ablations that come with the platform."""
    return tuple(sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}")))


def path_of(reference: str) -> Path:
    """The file that a `reference` names."""
    return FOLDER / f"{reference}{SUFFIX}" if reference in packaged() else Path(reference)
