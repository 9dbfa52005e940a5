"""From what is typed, and the ablation's file that it may name, to the sweep's request; and back to such a file."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any

from platform.command_line.ablation import Ablation
from platform.command_line.ablation_file import read
from platform.command_line.ablation_keys import QUESTION_KEY, VARY, keys
from platform.command_line.parsing import request_of, values_of, words_of
from platform.command_line.sweep_requests import SweepRequest
from platform.command_line.toml_text import document
from trainables import atomic


def sweep_request(typed: argparse.Namespace) -> SweepRequest:
    """The request: what was typed, else what the ablation's file says, else the environment, else the defaults.

    Raises:
        ValueError: the file breaks a rule, an environment variable holds what its option does not take, or options
            contradict one another.
        OSError: the file cannot be read.
    """
    if "ablation" not in typed:
        return request_of(SweepRequest, typed)
    file = read(typed.ablation)
    values = values_of(SweepRequest, argparse.Namespace(**{**file.values, **vars(typed)}))
    values["axes"] = {**file.axes, **values["axes"]}
    own = {each.name: each for each in file.values.get("vary", ())}
    values["vary"] = tuple({**own, **{each.name: each for each in values.get("vary", ())}}.values())
    with blamed(file):
        return SweepRequest(**values, file=file)


@contextmanager
def blamed(file: Ablation | None, name: str = "") -> Iterator[None]:
    """Adds file and line to an error about what the file sets by that name, or about what the error itself names."""
    try:
        yield
    except ValueError as error:
        meant = file.meant_by(name or str(error)) if file else None
        if file is None or meant is None:
            raise
        raise ValueError(f"{file.place(meant.line)}: {error}") from error


def overrides(request: SweepRequest) -> str:
    """The options that were typed beside an ablation's file and may stand in one; "" where none was."""
    return shlex.join(words_of(request, {each.name for each in fields(request)} - _in_a_file()))


def saved(request: SweepRequest) -> SweepRequest:
    """Writes the file that `request.save_ablation` asks for; returns the same request as made from that file.

    Raises:
        FileExistsError: a file of that name says something else.
        OSError: it cannot be written.
    """
    path = request.save_ablation
    if path is None:
        return request
    if not path.exists():
        atomic.write_bytes(path, text_of(request).encode())
        print(f"ablation written to {path}", flush=True)
    file = read(str(path))
    if (file.values, file.axes) != _content_of(request):
        raise FileExistsError(f"--save-ablation overwrites no file, but {path} says something else: give another name")
    return replace(request, ablation=str(path), file=file, save_ablation=None)


def text_of(request: SweepRequest) -> str:
    """The ablation's file that makes `request` again, but for what concerns this machine."""
    name = request.save_ablation.name if request.save_ablation else "FILE"
    head = [
        "An ablation that `python -m platform.sweep --save-ablation` has written. To run it:",
        f"    python -m platform.sweep --ablation {name}",
    ]
    values, axes = _content_of(request)
    words = {key.name: key.key for key in keys().values()}
    question = {QUESTION_KEY: request.file.question} if request.file and request.file.question else {}
    set_values = {words[name]: value for name, value in {**values, **axes}.items() if name in words}
    return document({**question, **set_values}, {VARY: request.variations}, head)


def _in_a_file() -> set[str]:
    """The fields of a request that an ablation's file may set."""
    return {"vary", *(key.name for key in keys().values())}


def _content_of(request: SweepRequest) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What a file must say for this request, as `Ablation.values` and `Ablation.axes` have it."""
    options = {each.name: getattr(request, each.name) for each in fields(request) if each.name in _in_a_file()}
    defaults = {each.name: each.default for each in fields(request)}
    options = {name: value for name, value in options.items() if value != defaults[name]}
    return {**options, **request.knobs}, request.axes
