"""A cell: one point of the ablation, with its name, the way back from the name, and its baseline.

A cell is a column of Tables IV and V (Akbarian et al. 2020), at one fraction of the training data, under one policy on
uncertain labels, from one set of first weights, and at one value of any other knob that is an axis. Its name stands in
Ray, MLflow, tables and figures; only this module writes and reads it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, ClassVar

NO_TEACHER = NO_STUDENT = "none"
ITSELF = "itself"  # a control, not a method: the teacher is scored as it is, and nothing is trained
UNCERTAINTY_POLICIES = ("zeros", "ones", "ignore")

# Knobs that belong to the question and not to the tuning: the first decides how high a score can be, the others what is
# scored. A search over several cells never chooses between two values of these.
QUESTION_AXES = ("data_fraction", "uncertainty", "average_labels", "selection_metric")
WITH_A_TEACHER = ("beta", "unlabelled_epochs")  # knobs that mean nothing without one: no baseline has them

PART = r"[^/@,=\s]+"
COLUMN = re.compile(rf"(?P<method>{PART})/(?P<teacher>{PART})/(?P<student>{PART})/(?P<unfreeze>{PART})")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")

Value = str | bool | int | float


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One column of a results table, at one fraction of the training data and one policy on uncertain labels.

    >>> cell = Cell(method="attention", teacher="mimic-cxr", student="densenet40", data_fraction=0.25, init="random")
    >>> cell.name
    'attention/mimic-cxr/densenet40/all@0.25,from-random'
    >>> cell.baseline().name
    'transfer/none/densenet40/all@0.25,from-random'
    >>> Cell.parse(cell.name) == cell
    True
    >>> replace(cell, data_fraction=1, init="imagenet", varied=(("rotation_deg", 0),)).name
    'attention/mimic-cxr/densenet40/all@rotation_deg=0'

    Args:
        uncertainty: one of `UNCERTAINTY_POLICIES`.
        init: first weights: a teacher's name, or "random"; always "none" without a student.
        varied: other knobs that are not at their defaults, by name, in alphabetical order.

    Raises:
        ValueError: a part is empty or holds what separates parts in a name, or another field breaks its rule.
    """

    OWN_AXES: ClassVar = ("method", "teacher", "student", "unfreeze", "data_fraction", "uncertainty", "init")

    method: str
    teacher: str
    student: str
    unfreeze: str = "all"
    data_fraction: float = 1.0
    uncertainty: str = "zeros"
    init: str = "imagenet"
    varied: tuple[tuple[str, Value], ...] = ()

    def __post_init__(self) -> None:
        if self.student == NO_STUDENT:
            object.__setattr__(self, "init", NO_STUDENT)
        for name in ("method", "teacher", "student", "unfreeze", "init"):
            _check_part(name, getattr(self, name))
        if not 0 < self.data_fraction <= 1:
            raise ValueError(f"0 < data_fraction <= 1 must hold, but got data_fraction={self.data_fraction}")
        if self.uncertainty not in UNCERTAINTY_POLICIES:
            raise ValueError(
                f"uncertainty must be one of {', '.join(UNCERTAINTY_POLICIES)}, but got {self.uncertainty!r}"
            )
        names = [name for name, _ in self.varied]
        if names != sorted({*names} - {*self.OWN_AXES}):
            raise ValueError(f"varied knobs must be in alphabetical order, each once, but got {', '.join(names)}")
        for name, value in self.varied:
            text = as_text(value)
            if not name.isidentifier() or _value(text) != value or as_text(_value(text)) != text:
                raise ValueError(f"a varied knob must be a number, a truth or a word, but got {name}={value!r}")

    @property
    def name(self) -> str:
        """For example ``attention/mimic-cxr/densenet40/all@0.25`` or ``.../all@ones,from-random,rotation_deg=0``.

        What the paper does is left out: all data, uncertain labels as zeros, first weights from ImageNet, and every
        other knob at its default. So are the first weights where there is no student.
        """
        fraction = (as_text(self.data_fraction),) if self.has_less_data else ()
        qualities = ",".join([*fraction, *self.departures])
        return f"{self._column}@{qualities}" if qualities else self._column

    def __str__(self) -> str:
        return self.name

    @property
    def short(self) -> str:
        """The name without the fraction of the data, for a line over fractions: ``.../all,from-random``."""
        return ",".join([self._column, *self.departures])

    @property
    def departures(self) -> tuple[str, ...]:
        """What is not the paper's, apart from the amount of data, as the name has it: ``("ones", "from-random")``."""
        policy = () if self.uncertainty == "zeros" else (self.uncertainty,)
        init = () if self.init in ("imagenet", NO_STUDENT) else (f"from-{self.init}",)
        return (*policy, *init, *self.variations)

    @property
    def variations(self) -> tuple[str, ...]:
        """The other knobs that are not at their defaults, as the name has them: ``("rotation_deg=0",)``."""
        return tuple(f"{name}={as_text(value)}" for name, value in self.varied)

    @property
    def has_less_data(self) -> bool:
        """Whether it is trained on a part of the training data."""
        return self.data_fraction < 1

    @property
    def sort_key(self) -> tuple[object, ...]:
        """Orders cells as their names read, with numbers as numbers: 0.1 before 0.25 before all data."""
        varied = tuple((name, isinstance(value, str), value) for name, value in self.varied)
        return (*(getattr(self, name) for name in self.OWN_AXES), varied)

    @classmethod
    def parse(cls, name: str) -> Cell:
        """The cell with this name: ``Cell.parse(cell.name) == cell`` holds for every cell.

        Raises:
            ValueError: no cell has this name.
        """
        column, at, qualities = name.partition("@")
        parts = COLUMN.fullmatch(column)
        if parts is None:
            raise ValueError(_no_name(name))
        of_column: dict[str, Any] = parts.groupdict()
        try:
            cell = cls(**of_column, **_parsed(qualities.split(",") if at else []))
        except ValueError as error:
            raise ValueError(f"{_no_name(name)}: {error}") from error
        if cell.name != name:  # such as "@1" or "@0.250": a cell has one name
            raise ValueError(f"{_no_name(name)}; write {cell.name!r}")
        return cell

    def baseline(self) -> Cell:
        """Plain transfer of the same student, with the same images and first weights: what the cell has to beat.

        It has as many epochs, each with labels. A method's cell is compared at its own depth, so that nothing else
        differs but the method; plain transfer at another depth is compared with plain transfer of all layers.

        Raises:
            ValueError: the cell has no student.
        """
        if self.student == NO_STUDENT:
            raise ValueError(f"a baseline must have a student, but got {self.name!r}, in which nothing is trained")
        depth = "all" if self.teacher == NO_TEACHER else self.unfreeze
        varied = tuple(each for each in self.varied if each[0] not in WITH_A_TEACHER)
        return replace(self, method="transfer", teacher=NO_TEACHER, unfreeze=depth, varied=varied)

    @property
    def axes(self) -> dict[str, Any]:
        """The value of every axis that the cell decides, by the name of its knob (`trainables.config.TrialConfig`)."""
        return {name: getattr(self, name) for name in self.OWN_AXES} | dict(self.varied)

    @property
    def facts(self) -> dict[str, object]:
        """What the cell is, whatever it is called: every field without a default, and those that differ from theirs.

        A field that is added later, with what was done before as its default, changes the facts of no older cell.
        """
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        defaults = {each.name: each.default for each in fields(self) if each.default is not MISSING}
        return {name: value for name, value in values.items() if name not in defaults or value != defaults[name]}

    @property
    def question(self) -> dict[str, object]:
        """The facts among `QUESTION_AXES`: cells of equal questions may be chosen from by their scores."""
        return {name: value for name, value in {**self.facts, **dict(self.varied)}.items() if name in QUESTION_AXES}

    @property
    def _column(self) -> str:
        return "/".join([self.method, self.teacher, self.student, self.unfreeze])


def members(teacher: str) -> tuple[str, ...]:
    """The names of the teachers in ``a+b``; ``a`` is one teacher, and ``none`` is none."""
    return () if teacher == NO_TEACHER else tuple(teacher.split("+"))


def _parsed(qualities: Sequence[str]) -> dict[str, Any]:
    """The fields that stand behind a name's ``@``; what is none of them fails when the cell is named again."""
    values: dict[str, Any] = {}
    varied = []
    for quality in qualities:
        knob, equals, text = quality.partition("=")
        if equals:
            varied.append((knob, _value(text)))
        elif NUMBER.fullmatch(quality):
            values["data_fraction"] = float(quality)
        elif quality.startswith("from-"):
            values["init"] = quality.removeprefix("from-")
        else:
            values["uncertainty"] = quality
    return {**values, "varied": tuple(varied)}


def _check_part(name: str, value: str) -> None:
    if not re.fullmatch(PART, value):
        raise ValueError(
            f"a cell's {name} must be a word without '/', '@', ',', '=' and blanks, but got {name}={value!r}"
        )


def as_text(value: Value) -> str:
    """As short as it can be read back: ``true``, ``0.25``, ``0.02803444873060016``, ``bilinear``."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value
    if _is_whole(value):
        return str(int(value))
    text = f"{value:g}"  # six digits, where they are the number
    return text if float(text) == value else repr(value)


def _value(text: str) -> Value:
    """The inverse of `as_text`; a whole number is an int.

    Raises:
        ValueError: it is no number, no truth and no word.
    """
    if text in ("true", "false"):
        return text == "true"
    if NUMBER.fullmatch(text):
        number = float(text)
        return int(number) if _is_whole(number) else number
    _check_part("knob", text)
    return text


def _is_whole(number: float) -> bool:
    return abs(number) < 2**53 and number == int(number)  # beyond it a float cannot count


def _no_name(name: str) -> str:
    return (
        "a cell's name must be method/teacher/student/depth, with @fraction,policy,from-weights,knob=value behind it "
        f"where they are not the paper's, but got {name!r}"
    )
