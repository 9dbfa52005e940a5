"""The keys that an ablation's file may have: the options of a sweep that any machine understands, and knobs to vary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, fields
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from platform.command_line import option
from platform.command_line.ablation import OF_AXIS, PLAIN, VARIED
from platform.command_line.parsing import flagged
from platform.command_line.sweep_requests import SweepRequest
from platform.command_line.values import able_to_vary, value_of
from trainables.knob import AXIS, WORDS, Knob

QUESTION_KEY, VARY = "question", "vary"
# Options of one run of the command; and `vary`, which is a table of the file.
NO_KEYS = ("dry_run", "ablation", "save_ablation", "vary")


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key: what it sets, and what it takes.

    Args:
        key: the word in the file.
        name: the request's field, or the knob.
        type: of a value: bool, int, float or str.
        several: whether it takes a list.
        kind: what it sets, one of `platform.command_line.ablation.KINDS`.
        parse: text -> value, by the option's own rules; None for a switch.
    """

    key: str
    name: str
    type: type
    several: bool
    parse: Callable[[str], Any] | None
    choices: tuple[str, ...] = ()
    kind: str = PLAIN

    def read(self, raw: Any) -> Any:
        """The value, as if it had been typed; several as a tuple.

        Raises:
            ValueError, argparse.ArgumentTypeError: it is of another type, or breaks the option's rule.
        """
        if not self.several:
            return self._one(raw)
        if not isinstance(raw, list) or not raw:
            raise ValueError(f"must be a list of one value or more, each {WORDS[self.type]}, but got {_shown(raw)}")
        values = tuple(map(self._one, raw))
        return tuple(dict.fromkeys(values)) if self.kind == VARIED else values  # as `--vary` has them

    def _one(self, raw: Any) -> Any:
        is_number = type(raw) is int or (type(raw) is float and self.type is float)
        if not (is_number if self.type in (int, float) else type(raw) is self.type):
            raise ValueError(f"must be {WORDS[self.type]}, but got {_shown(raw)}")
        if self.choices and raw not in self.choices:
            nearest = get_close_matches(str(raw), self.choices, n=1)
            hint = f" (did you mean {nearest[0]}?)" if nearest else ""
            raise ValueError(f"must be one of {', '.join(self.choices)}, but got {raw!r}{hint}")
        if self.parse is None:
            return raw
        return self.parse(str(raw).lower() if self.type is bool else str(raw))


def _shown(raw: Any) -> str:
    return str(raw).lower() if isinstance(raw, bool) else repr(raw)


@cache
def keys() -> Mapping[str, Key]:
    """Every option that may stand in a file, by its key."""
    hints = get_type_hints(SweepRequest)
    found = [
        _of_field(each, hints[each.name])
        for each in fields(SweepRequest)
        if "option" in each.metadata and _is_kept(each)
    ]
    found += [
        _of_knob(knob, knob.plural or knob.flag, OF_AXIS if knob.role == AXIS else PLAIN)
        for knob in flagged(SweepRequest)
    ]
    return {key.key: key for key in found}


@cache
def kept_out() -> frozenset[str]:
    """The options that may not stand in a file, as keys: they concern one machine or one moment, or are secret."""
    return frozenset(_key_of(each) for each in fields(SweepRequest) if "option" in each.metadata and not _is_kept(each))


@cache
def variable() -> Mapping[str, Key]:
    """Every knob that a sweep can vary, by name."""
    return {name: _of_knob(knob, name, VARIED) for name, knob in able_to_vary().items()}


def _is_kept(each: Field[Any]) -> bool:
    declared: option.Option = each.metadata["option"]
    is_local = declared.heading == option.MACHINES or declared.parse is Path or declared.is_secret
    return not is_local and each.name not in NO_KEYS


def _key_of(each: Field[Any]) -> str:
    declared: option.Option = each.metadata["option"]
    return each.name if declared.flag is None else option.flag_of(each.name, declared).removeprefix("--")


def _of_field(each: Field[Any], hint: Any) -> Key:
    declared: option.Option = each.metadata["option"]
    kind = next(one for one in get_args(hint) if one is not type(None)) if _is_union(hint) else hint
    if get_origin(kind) is tuple:
        kind = get_args(kind)[0]
    parse = None if each.default is False else declared.parse
    return Key(
        key=_key_of(each), name=each.name, type=kind, several=declared.several, parse=parse, choices=declared.choices
    )


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, UnionType)


def _of_knob(knob: Knob, flag: str, kind: str) -> Key:
    return Key(
        key=flag.removeprefix("--"),
        name=knob.name,
        type=knob.type,
        several=kind != PLAIN,
        parse=value_of(knob),
        choices=knob.choices,
        kind=kind,
    )
