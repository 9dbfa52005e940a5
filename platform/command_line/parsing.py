"""From a request's class to its parser, and from what is typed to the request."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Callable, Collection
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, TypeVar

from platform.command_line import option
from platform.command_line.training_requests import TrainingRequest
from platform.command_line.values import value_of
from trainables.cell import WITH_A_TEACHER
from trainables.config import TrialConfig
from trainables.knob import AXIS, LENGTH, QUESTION, TRAINING, Knob, knobs
from trainables.pasting import command_line

HEADINGS = (QUESTION, option.IMAGES, TRAINING, LENGTH, option.MACHINES, option.OUTPUT)
Request = TypeVar("Request")


class _Headings:
    """The groups of a parser's help: always in the same order, and only those that have options."""

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
    """Adds an option to `parser` for each field of `request`, and for each knob that its trainings take."""
    options = {field.name: field for field in fields(request) if "option" in field.metadata}
    takes_several = issubclass(request, TrainingRequest) and request.TAKES_SEVERAL
    with_flags = flagged(request)
    used = {field.metadata["option"].heading for field in options.values()} | {knob.heading for knob in with_flags}
    headings = _Headings(parser, used)
    for name, field in options.items():
        declared: option.Option = field.metadata["option"]
        option.add(headings[declared.heading], name, field.default, declared)
    for knob in with_flags:
        several = takes_several and knob.role == AXIS
        _add_knob(headings[knob.heading], knob, _default_of(knob, request, several), several)
    usages = [_usage(name, field) for name, field in options.items()]
    parser.usage = " ".join(["%(prog)s", *filter(None, usages), "[options]"])


def _usage(name: str, field: Field[Any]) -> str:
    """How an option that every command has, or may have before its options, stands in the usage; "" for the others."""
    declared: option.Option = field.metadata["option"]
    if field.default is MISSING:
        return option.usage(name, declared)
    return f"[{option.usage(name, declared)}]" if declared.flag is None else ""


def request_of(request: type[Request], typed: argparse.Namespace) -> Request:
    """The request: what was typed, else what the environment holds, else the defaults.

    Raises:
        ValueError: an environment variable holds what its option does not take, or options contradict one another.
    """
    return request(**values_of(request, typed))


def values_of(request: type, typed: argparse.Namespace) -> dict[str, Any]:
    """The arguments of `request`: what was typed, else what the environment holds.

    Raises:
        ValueError: an environment variable holds what its option does not take.
    """
    typed_values = vars(typed)
    values: dict[str, Any] = {}
    for field in fields(request):
        declared: option.Option | None = field.metadata.get("option")
        if declared is None:
            continue
        if field.name in typed_values:
            value = typed_values[field.name]
            values[field.name] = tuple(value) if declared.several else value
        elif declared.environment and os.environ.get(declared.environment):
            values[field.name] = _from_environment(declared)
    if issubclass(request, TrainingRequest):
        typed_knobs = {knob.name: knob for knob in flagged(request) if knob.name in typed_values}
        axes = {name for name, knob in typed_knobs.items() if knob.role == AXIS and request.TAKES_SEVERAL}
        values["knobs"] = {name: typed_values[name] for name in typed_knobs if name not in axes}
        values["axes"] = {name: tuple(typed_values[name]) for name in typed_knobs if name in axes}
    return values


def _from_environment(declared: option.Option) -> Any:
    try:
        return declared.parse(os.environ[declared.environment])
    except argparse.ArgumentTypeError as error:
        raise ValueError(f"{declared.environment} {error}") from None


def flagged(request: type) -> list[Knob]:
    """The knobs that are options of the request's command."""
    if not issubclass(request, TrainingRequest):
        return []
    left_out = () if request.HAS_TEACHERS else WITH_A_TEACHER
    return [knob for knob in knobs(TrialConfig, *request.ROLES) if knob.flag and knob.name not in left_out]


def typed_again(request: Any, prog: str) -> str:
    """The command that makes `request` again: the options that decide its numbers, and no path of this machine."""
    words = ["python -m", prog]
    for field in fields(request):
        declared: option.Option | None = field.metadata.get("option")
        value = getattr(request, field.name)
        if declared is None or not declared.decides or value is None or value is False:
            continue
        values = () if value is True else value if isinstance(value, tuple) else (value,)
        words.append(shlex.join([option.flag_of(field.name, declared), *map(str, values)]))
    return " ".join(words)


def words_of(request: TrainingRequest, leave_out: Collection[str] = ()) -> list[str]:
    """The words that make `request` anew, without what its file says, what is secret, and the fields in `leave_out`."""
    named: list[str] = []
    words: list[str] = []
    for field in fields(request):
        declared: option.Option | None = field.metadata.get("option")
        value = getattr(request, field.name)
        if declared is None or declared.is_secret or field.name in leave_out:
            continue
        if value is None or value == request.given.get(field.name, field.default):
            continue
        values = () if value is True else value if isinstance(value, tuple) else (value,)
        if declared.adds:
            values = tuple(each for each in values if each not in request.given.get(field.name, ()))
        texts = [str(each.absolute() if isinstance(each, Path) else each) for each in values]
        if declared.flag is None:
            named += texts
        else:
            words += [option.flag_of(field.name, declared), *texts]
    with_flags = {knob.name: knob for knob in flagged(type(request))}
    for name, value in request.knobs.items():
        if request.given.get(name) != value:
            flag, is_switch = with_flags[name].flag, isinstance(value, bool)
            words += [flag.replace("--", "--no-", 1) if value is False else flag, *([] if is_switch else [str(value)])]
    for name, several in request.axes.items():
        if request.given_axes.get(name) != several:
            words += [with_flags[name].plural or with_flags[name].flag, *map(str, several)]
    return [*named, *words]


def retyped(request: TrainingRequest, *more: str) -> str:
    """A line for the shell that makes `request` again, with `more` at its end; of a flag that is there twice, the last
    one counts."""
    return command_line(request.COMMAND, *words_of(request), *more)


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
    if knob.type is bool and not takes_several:
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
