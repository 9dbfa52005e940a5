"""How an option of a command is declared: one field of a request, with all that is known of it beside it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field
from typing import Any

# The headings of a command's help, by what a user wants to decide; `trainables.knob` has those of the knobs.
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
        parse: text -> value, raising `argparse.ArgumentTypeError` where the text is none.
        several: whether it takes one value or more.
        default_in_words: for the help, where the default's own text says too little.
        environment: the variable that holds the default, where it is set.
        decides: whether it decides the numbers of what is written, and belongs into a command that is cited.
    """

    help: str
    heading: str = ""
    flag: str | None = ""
    parse: Callable[[str], Any] = str
    choices: tuple[str, ...] = ()
    metavar: str | None = None
    several: bool = False
    default_in_words: str = ""
    environment: str = ""
    decides: bool = False


def option(help: str, *, default: Any = MISSING, **facts: Any) -> Any:
    """A field of a request; `facts` are more of the arguments of `Option`."""
    return field(default=default, metadata={"option": Option(help=help, **facts)})


def switch(help: str, **facts: Any) -> Any:
    """A field that is False unless its flag is given."""
    return option(help, default=False, **facts)


def add(parser: argparse._ActionsContainer, name: str, default: Any, declared: Option) -> None:
    """Gives a parser the option for the field called `name`; one that is not typed leaves no trace."""
    if default is False:
        parser.add_argument(flag_of(name, declared), dest=name, action="store_true", help=declared.help)
        return
    facts: dict[str, Any] = {"type": declared.parse, "metavar": declared.metavar, "help": _help(default, declared)}
    if declared.choices:
        facts["choices"] = declared.choices
    if declared.several:
        facts["nargs"] = "+"
    if declared.flag is None:
        parser.add_argument(name, **{**facts, "metavar": usage(name, declared)})
    else:
        parser.add_argument(flag_of(name, declared), dest=name, required=default is MISSING, **facts)


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
