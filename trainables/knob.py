"""How a knob is declared: one field of `trainables.config.TrialConfig`, with everything known about it.

The command lines, their help, the table of options in the documents, a trial's key, its parameters in MLflow, the check
that runs share a setup, and the names of cells are derived from the declaration. `knob` makes the field:

    momentum: float = knob(0.9, role=SETUP, flag="--momentum", low=0, high=1, help="momentum of the optimizer")
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from functools import cache
from typing import Any, get_args, get_type_hints

# What a knob is to a sweep.
AXIS = "axis"  # its values make different cells
TUNED = "tuned"  # the search tunes it within each cell
SETUP = "setup"  # all trials of a sweep share its value, and a table only shows runs that do
RUN = "run"  # it tells the trainings of one configuration apart
ROLES = (AXIS, TUNED, SETUP, RUN)

WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a word", tuple: "a tuple"}

# Under which heading of a command's help a flag stands: by what a user wants to decide.
QUESTION, TRAINING, LENGTH = "what to ask", "how students are trained", "how long"


@dataclass(frozen=True, kw_only=True)
class Range:
    """The numbers that a search tries.

    Args:
        low, high: the bounds.
        first: the usual number, which one of a cell's first trials has.
        log: whether numbers are drawn on a logarithmic scale.
        fixed: the number where a grid search varies beta alone; None for `first`.
    """

    low: float
    high: float
    first: float
    log: bool = False
    fixed: float | None = None


@dataclass(frozen=True, kw_only=True)
class Knob:
    """Everything known about one field of a configuration.

    Args:
        role: one of `ROLES`.
        help: for ``--help`` and the documents: a phrase that makes sense without the flag.
        flag: "" for none: the commands set the field by other means.
        plural: of an axis, the flag of a command that takes several values; "" for the same.
        heading: where the flag stands in the help.
        choices: the values of a text.
        low, high: the bounds of a number; `high` is allowed, and so is `low` unless `above_low`.
        multiple_of: what a whole number must be a multiple of.
        default_in_words: for the help, where a command has a default of its own in place of the field's.
        search: of a tuned knob, what a search tries in every cell.
        source: equation, section or reference.
        name, type, default: the field's own, filled in by `knobs`; a type is bool, int, float, str or tuple.
    """

    role: str
    help: str
    flag: str = ""
    plural: str = ""
    heading: str = TRAINING
    metavar: str = ""
    choices: tuple[str, ...] = ()
    low: float = -math.inf
    above_low: bool = False
    high: float = math.inf
    multiple_of: int = 1
    default_in_words: str = ""
    search: Range | None = None
    source: str = ""
    name: str = ""
    type: type = str
    default: Any = None

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f"a knob's role must be one of {', '.join(ROLES)}, but got {self.role!r}")

    def check(self, value: Any) -> None:
        """Refuses a value; None, where the field allows it, is always right.

        Raises:
            ValueError: the value breaks a rule; the message says the rule and the value.
        """
        if value is None:
            return
        if self.choices and value not in self.choices:
            raise ValueError(f"{self.name} must be one of {', '.join(self.choices)}, but got {value!r}")
        if not self._is_of_type(value):
            raise ValueError(f"{self.name} must be {WORDS[self.type]}, but got {self.name}={value!r}")
        if self.type not in (int, float):
            return
        is_low = value <= self.low if self.above_low else value < self.low
        if is_low or value > self.high or not math.isfinite(value):
            raise ValueError(f"{self._bounds()} must hold, but got {self.name}={value!r}")
        if self.type is int and value % self.multiple_of:
            raise ValueError(f"{self.name} must be a multiple of {self.multiple_of}, but got {self.name}={value!r}")

    def typed(self, value: Any) -> Any:
        """The value as the field keeps it: a whole number of a float's knob as a float, so that 1 and 1.0 are one."""
        return float(value) if self.type is float and type(value) is int else value

    def _is_of_type(self, value: Any) -> bool:
        """Whether the value is of the knob's type; a whole number is a float, and a truth is no number."""
        if isinstance(value, bool):
            return self.type is bool
        return isinstance(value, (int, float) if self.type is float else self.type)

    def _bounds(self) -> str:
        least, most = self.low > -math.inf, self.high < math.inf
        if least and most:
            return f"{self.low:g} {'<' if self.above_low else '<='} {self.name} <= {self.high:g}"
        if least:
            return f"{self.name} {'>' if self.above_low else '>='} {self.low:g}"
        return f"{self.name} <= {self.high:g}" if most else f"-inf < {self.name} < inf"


def knob(default: Any = MISSING, *, role: str, help: str, **facts: Any) -> Any:
    """A field of a dataclass that is a knob; `facts` are more of the arguments of `Knob`.

    Raises:
        ValueError: there is no such role.
    """
    return field(default=default, metadata={"knob": Knob(role=role, help=help, **facts)})


def knobs(config: type, *roles: str) -> tuple[Knob, ...]:
    """The knobs of a dataclass in the order of its fields; only those of `roles`, where any are given.

    Raises:
        TypeError: a field is not a knob.
    """
    return tuple(each for each in _all_knobs(config) if not roles or each.role in roles)


def departures(values: Mapping[str, Any], config: type) -> tuple[tuple[str, Any], ...]:
    """Those of `values` that are not the defaults of `config`'s knobs, by name, in alphabetical order."""
    defaults = {each.name: each.default for each in knobs(config)}
    return tuple(sorted((name, value) for name, value in values.items() if value != defaults[name]))


@cache
def _all_knobs(config: type) -> tuple[Knob, ...]:
    hints = get_type_hints(config)
    declared = []
    for each in fields(config):
        if "knob" not in each.metadata:
            raise TypeError(f"each field of {config.__name__} must be declared by knob(), but {each.name} is not")
        hint = hints[each.name]
        kinds = [kind for kind in (bool, int, float, str) if kind is hint or kind in get_args(hint)]
        kind = tuple if len(kinds) != 1 else kinds[0]
        declared.append(replace(each.metadata["knob"], name=each.name, type=kind, default=_default(each)))
    return tuple(declared)


def _default(of: Field[Any]) -> Any:
    return None if of.default is MISSING else of.default
