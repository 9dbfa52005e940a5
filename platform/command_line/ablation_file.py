"""Reads an ablation's file: what is in it is checked by the rules of the options, as if it had been typed.

A key is an option of `platform.sweep` by its flag without the dashes; the table ``[vary]`` holds knobs by name, each
with the values to vary; `question` says what the ablation asks. What concerns one machine, or is secret, may not stand
there: a file can be committed and cited. No error needs a second of imports; each names file, line, rule and value.
"""

from __future__ import annotations

import argparse
import re
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from platform.command_line.ablation import Ablation, Setting, path_of
from platform.command_line.ablation_keys import QUESTION_KEY, VARY, Key, kept_out, keys, variable
from platform.command_line.toml_text import key_lines

SYNTAX = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column \d+|end of document)\)")


def read(reference: str) -> Ablation:
    """The ablation that ``--ablation`` names; its values are as they would have been typed.

    Raises:
        ValueError: the file is no TOML, or a key, a type or a value breaks a rule.
        OSError: it cannot be read.
    """
    path = path_of(reference)
    text = _text_of(path)
    content, lines = _parsed(path, text), key_lines(text)
    question = content.pop(QUESTION_KEY, "")
    if not isinstance(question, str):
        raise ValueError(f"{path}, line {lines[QUESTION_KEY,]}: {QUESTION_KEY} must be a text, but got {question!r}")
    vary = content.pop(VARY, {})
    if not isinstance(vary, dict):
        raise ValueError(f"{path}, line {lines[VARY,]}: {VARY} must be a table of knobs, but got {vary!r}")
    options = list(_settings(path, lines, (), content, keys()))
    varied = list(_settings(path, lines, (VARY,), vary, variable()))
    return Ablation(reference=reference, text=text, question=question, settings=(*options, *varied))


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: an ablation's file must be UTF-8, but its byte {error.start} is not") from None


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = SYNTAX.fullmatch(str(error))
        what = found["what"] if found else str(error)
        line = (found and found["line"]) or text.count("\n") + 1
        raise ValueError(f"{path}, line {line}: an ablation's file must be valid TOML, but got: {what}") from None


def _settings(
    path: Path,
    lines: Mapping[tuple[str, ...], int],
    table: tuple[str, ...],
    content: Mapping[str, Any],
    known: Mapping[str, Key],
) -> Iterator[Setting]:
    """What the keys of a table set, each value checked."""
    for name, value in content.items():
        line = lines.get((*table, name)) or lines[table or (name,)]  # a key of an inline table has no line of its own
        where = f"{path}, line {line}:"
        if name not in known:
            raise ValueError(f"{where} {_unknown(name, table, known)}")
        key = known[name]
        try:
            yield Setting(name=key.name, key=name, value=key.read(value), kind=key.kind, line=line)
        except (argparse.ArgumentTypeError, ValueError) as error:
            colon = "" if str(error).startswith("must ") else ":"
            raise ValueError(f"{where} {name}{colon} {error}") from None


def _unknown(name: str, table: tuple[str, ...], known: Mapping[str, Key]) -> str:
    """Why there is no such key, with the nearest one, or else with all of them."""
    if not table and name in kept_out():
        return f"{name} concerns one machine or one moment, and an ablation's file is for all: type --{name}"
    if not table and name in variable():
        return f"{name} is the name of a knob, which is varied in the table [{VARY}]"
    words = [*known, *([] if table else [QUESTION_KEY, VARY])]
    nearest = get_close_matches(name if table else name.replace("_", "-"), words, n=1)
    hint = f" (did you mean {nearest[0]}?)" if nearest else f"; they are {', '.join(words)}"
    what = f"a key of [{VARY}] must be a knob's name" if table else "a key must be an option's flag without its dashes"
    return f"{what}, but got {name!r}{hint}"
