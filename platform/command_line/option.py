"""How an option of a command is declared: one field of a request, with all that is known about it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field
from typing import Any

# The headings in a command's help, by what a user decides there; those of the knobs are in `trainables.knob`.
IMAGES = "on which images, and from which teachers"
MACHINES = "where, and on which machines"
OUTPUT = "what is written"


@dataclass(frozen=True, kw_only=True)
class Option:
    """The metadata of a request's field.

    Args:
        help: a phrase that makes sense without the flag.
        heading: where the option stands in the help; "" for above all headings.
        flag: its flag; "" for the field's name in dashes, and None for a positional argument.
        parse: text -> value; raises `argparse.ArgumentTypeError` where the text is invalid.
        several: whether it takes more than one value.
        adds_up: whether a flag that is typed again adds values; otherwise the last one counts.
        default_in_words: for the help, where the default itself would say too little.
        environment: the environment variable that overrides the default.
        is_secret: whether it must not be printed or kept.
        adds: whether its values add to those that a file says, in place of taking their place.
        decides: whether it decides the numbers that are written, and so belongs in the command that a page cites.
    """

    help: str
    heading: str = ""
    flag: str | None = ""
    parse: Callable[[str], Any] = str
    choices: tuple[str, ...] = ()
    metavar: str | None = None
    several: bool = False
    adds_up: bool = False
    default_in_words: str = ""
    environment: str = ""
    is_secret: bool = False
    decides: bool = False
    adds: bool = False


def option(help: str, *, default: Any = MISSING, **facts: Any) -> Any:
    """A field of a request; `facts` are further arguments of `Option`."""
    return field(default=default, metadata={"option": Option(help=help, **facts)})


def switch(help: str, **facts: Any) -> Any:
    """A field that is False unless its flag is given."""
    return option(help, default=False, **facts)


def add(parser: argparse._ActionsContainer, name: str, default: Any, declared: Option) -> None:
    """Adds the option for the field called `name` to a parser; if it is not typed, it leaves no trace."""
    if default is False:
        parser.add_argument(flag_of(name, declared), dest=name, action="store_true", help=declared.help)
        return
    facts: dict[str, Any] = {"type": declared.parse, "metavar": declared.metavar, "help": _help(default, declared)}
    if declared.choices:
        facts["choices"] = declared.choices
    if declared.several:
        facts["nargs"] = "+"
    if declared.adds_up:
        facts["action"] = "extend"
    if declared.flag is None:
        if default is not MISSING:
            facts |= {"nargs": "?", "type": _unless_absent(declared.parse)}
        parser.add_argument(name, **{**facts, "metavar": usage(name, declared)})
    else:
        parser.add_argument(flag_of(name, declared), dest=name, required=default is MISSING, **facts)


def _unless_absent(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """`parse`, but for argparse's own sign that nothing was typed, which it would read as a value."""
    return lambda text: text if text == argparse.SUPPRESS else parse(text)


def usage(name: str, declared: Option) -> str:
    """How the option called `name` is typed."""
    metavar = declared.metavar or name.upper()
    return metavar if declared.flag is None else f"{flag_of(name, declared)} {metavar}"


def flag_of(name: str, declared: Option) -> str:
    """The flag of the field called `name`."""
    return declared.flag or f"--{name.replace('_', '-')}"


def _help(default: Any, declared: Option) -> str:
    words = declared.default_in_words
    if not words and default is not MISSING and default not in (None, (), ""):
        words = " ".join(map(str, default)) if isinstance(default, tuple) else str(default)
    if declared.environment:
        words = f"{declared.environment}, or {words or 'none'}"
    return (f"{declared.help} (default: {words})" if words else declared.help).replace("%", "%%")
