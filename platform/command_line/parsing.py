"""From a request's class to a parser, and from what is typed to the request."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from platform.command_line import option
from platform.command_line.training_requests import TrainingRequest
from platform.command_line.values import value_of
from trainables.config import TrialConfig
from trainables.knob import AXIS, LENGTH, QUESTION, TRAINING, Knob, knobs

HEADINGS = (QUESTION, option.IMAGES, TRAINING, LENGTH, option.MACHINES, option.OUTPUT)
Request = TypeVar("Request")


class _Headings:
    """The groups of a parser's help, made in one order, and only where an option stands under them."""

    def __init__(self, parser: argparse.ArgumentParser, used: set[str]) -> None:
        self._groups = {name: parser.add_argument_group(name) for name in HEADINGS if name in used}
        self._parser = parser

    def __getitem__(self, name: str) -> argparse._ActionsContainer:
        return self._groups[name] if name else self._parser


def parser_of(request: type, prog: str, about: str | None) -> argparse.ArgumentParser:
    """The parser of ``python -m prog``; `about` is the command's docstring, whose first line is shown."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {prog}", description=(about or "").splitlines()[0], argument_default=argparse.SUPPRESS
    )
    add_options(parser, request)
    return parser


def add_options(parser: argparse.ArgumentParser, request: type) -> None:
    """Gives `parser` an option per field of `request`, and one per knob that its trainings take."""
    options = {each.name: each for each in fields(request) if "option" in each.metadata}
    takes_several = issubclass(request, TrainingRequest) and request.TAKES_SEVERAL
    flagged = _flagged(request)
    used = {each.metadata["option"].heading for each in options.values()} | {each.heading for each in flagged}
    headings = _Headings(parser, used)
    for name, each in options.items():
        declared: option.Option = each.metadata["option"]
        option.add(headings[declared.heading], name, each.default, declared)
    for knob in flagged:
        several = takes_several and knob.role == AXIS
        _add_knob(headings[knob.heading], knob, _default_of(knob, request, several), several)
    needed = [option.usage(name, each.metadata["option"]) for name, each in options.items() if each.default is MISSING]
    parser.usage = " ".join(["%(prog)s", *needed, "[options]"])


def request_of(request: type[Request], typed: argparse.Namespace) -> Request:
    """The request: what was typed, else what the environment says, else the defaults."""
    given = vars(typed)
    values: dict[str, Any] = {}
    for each in fields(request):  # type: ignore[arg-type]
        declared: option.Option | None = each.metadata.get("option")
        if declared is None:
            continue
        if each.name in given:
            value = given[each.name]
            values[each.name] = tuple(value) if declared.several else value
        elif declared.environment and os.environ.get(declared.environment):
            values[each.name] = declared.parse(os.environ[declared.environment])
    if issubclass(request, TrainingRequest):
        knobs_given = [each for each in _flagged(request) if each.name in given]
        axes = {each.name for each in knobs_given if each.role == AXIS and request.TAKES_SEVERAL}
        values["knobs"] = {each.name: given[each.name] for each in knobs_given if each.name not in axes}
        values["axes"] = {each.name: tuple(given[each.name]) for each in knobs_given if each.name in axes}
    return request(**values)


def _flagged(request: type) -> list[Knob]:
    """The knobs that are options of the request's command."""
    roles = request.ROLES if issubclass(request, TrainingRequest) else ()
    return [each for each in knobs(TrialConfig, *roles) if each.flag] if roles else []


def typed_again(request: Any, prog: str) -> str:
    """The command that makes `request`, with the options that decide its numbers and no path of this machine."""
    words = ["python -m", prog]
    for each in fields(request):
        declared: option.Option | None = each.metadata.get("option")
        value = getattr(request, each.name)
        if declared is None or not declared.decides or value is None or value is False:
            continue
        values = () if value is True else value if isinstance(value, tuple) else (value,)
        words.append(shlex.join([option.flag_of(each.name, declared), *map(str, values)]))
    return " ".join(words)


def _default_of(knob: Knob, request: type[TrainingRequest], takes_several: bool) -> str:
    """The default in the words of the help."""
    if knob.name in request.RECIPE:
        real, phantom = (_plain(recipe[knob.name]) for recipe in (request.RECIPE, request.PHANTOM_RECIPE))
        return real if real == phantom else f"{real}, or {phantom} on phantoms"
    in_words = "" if knob.role == AXIS and not takes_several else knob.default_in_words
    return in_words or _plain(knob.default)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _add_knob(parser: argparse._ActionsContainer, knob: Knob, default: str, takes_several: bool) -> None:
    flag = knob.plural if takes_several and knob.plural else knob.flag
    words = f"{knob.help} (default: {default})".replace("%", "%%")
    if knob.type is bool:
        parser.add_argument(flag, dest=knob.name, action=argparse.BooleanOptionalAction, help=words)
        return
    facts: dict[str, Any] = {"nargs": "+"} if takes_several else {}
    if knob.choices:
        facts["choices"] = knob.choices
    parser.add_argument(
        flag,
        dest=knob.name,
        type=_reader(knob),
        metavar=knob.metavar or None,
        help=words,
        **facts,
    )


def _reader(knob: Knob) -> Callable[[str], Any]:
    return str if knob.choices else value_of(knob)
