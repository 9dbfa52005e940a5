"""A cell: one point of the ablation, with its name, the way back from the name, and its baseline.

A cell is a column of Tables IV and V (Akbarian et al. 2020), at one fraction of the training data, under one policy on
uncertain labels and from one set of first weights. Its name stands in Ray, MLflow, tables and figures; only this
module writes and reads it.
"""

from __future__ import annotations

import re
from dataclasses import MISSING, dataclass, fields, replace

NO_TEACHER = NO_STUDENT = "none"
ITSELF = "itself"  # a control, not a method: the teacher is scored as it is, and nothing is trained
UNCERTAINTY_POLICIES = ("zeros", "ones", "ignore")

# Fields of a cell that belong to the question and not to the tuning: the first decides how high a score can be, the
# second what is scored. A search over several cells never chooses between two values of these.
QUESTION_AXES = ("data_fraction", "uncertainty")

PART = r"[^/@,\s]+"
NAME = re.compile(
    rf"(?P<method>{PART})/(?P<teacher>{PART})/(?P<student>{PART})/(?P<unfreeze>{PART})"
    rf"(?:@(?P<data_fraction>[\d.e-]+)(?:,(?P<uncertainty>{'|'.join(UNCERTAINTY_POLICIES)}))?(?:,from-(?P<init>{PART}))?)?"
)


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

    Raises:
        ValueError: a part is empty or holds what separates parts in a name, or another field breaks its rule.
    """

    method: str
    teacher: str
    student: str
    unfreeze: str = "all"
    data_fraction: float = 1.0
    uncertainty: str = "zeros"  # one of UNCERTAINTY_POLICIES
    init: str = "imagenet"  # first weights: a teacher's name, or "random"; always "none" without a student

    def __post_init__(self) -> None:
        if self.student == NO_STUDENT:
            object.__setattr__(self, "init", NO_STUDENT)
        for name in ("method", "teacher", "student", "unfreeze", "init"):
            if not re.fullmatch(PART, getattr(self, name)):
                raise ValueError(
                    f"a cell's {name} must be a word without '/', '@', ',' and blanks, "
                    f"but got {name}={getattr(self, name)!r}"
                )
        if not 0 < self.data_fraction <= 1:
            raise ValueError(f"0 < data_fraction <= 1 must hold, but got data_fraction={self.data_fraction}")
        if self.uncertainty not in UNCERTAINTY_POLICIES:
            raise ValueError(f"uncertainty must be one of {', '.join(UNCERTAINTY_POLICIES)}, got {self.uncertainty!r}")

    @property
    def name(self) -> str:
        """For example ``attention/mimic-cxr/densenet40/all@0.25`` or ``.../all@1,ones,from-random``.

        What the paper does is left out: all data, uncertain labels as zeros, first weights from ImageNet. So are the
        first weights where there is no student.
        """
        if not self.has_less_data and not self.departures:
            return self._column
        return f"{self._column}@{','.join([_shortest(self.data_fraction), *self.departures])}"

    @property
    def short(self) -> str:
        """The name without the fraction of the data, for a line over fractions: ``.../all,from-random``."""
        return ",".join([self._column, *self.departures])

    @property
    def departures(self) -> tuple[str, ...]:
        """What is not the paper's, apart from the amount of data, as the name has it: ``("ones", "from-random")``."""
        policy = () if self.uncertainty == "zeros" else (self.uncertainty,)
        return policy if self.init in ("imagenet", NO_STUDENT) else (*policy, f"from-{self.init}")

    @property
    def has_less_data(self) -> bool:
        """Whether it is trained on a part of the training data."""
        return self.data_fraction < 1

    @classmethod
    def parse(cls, name: str) -> Cell:
        """The cell with this name: ``Cell.parse(cell.name) == cell`` holds for every cell.

        Raises:
            ValueError: no cell has this name.
        """
        parts = NAME.fullmatch(name)
        if parts is None:
            raise ValueError(_no_name(name))
        values = {part: text for part, text in parts.groupdict().items() if text is not None}
        try:
            cell = cls(**{**values, "data_fraction": float(values.get("data_fraction", 1))})  # type: ignore[arg-type]
        except ValueError as error:
            raise ValueError(f"{_no_name(name)}: {error}") from error
        if cell.name != name:  # such as "@1" or "@0.250": a cell has one name
            raise ValueError(f"{_no_name(name)}; write {cell.name!r}")
        return cell

    def baseline(self) -> Cell:
        """Plain transfer of the same student, with the same images and first weights: what a method has to beat.

        Raises:
            ValueError: the cell has no student.
        """
        if self.student == NO_STUDENT:
            raise ValueError(f"a baseline must have a student, but got {self.name!r}, in which nothing is trained")
        return replace(self, method="transfer", teacher=NO_TEACHER, unfreeze="all")

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
        return {name: value for name, value in self.facts.items() if name in QUESTION_AXES}

    @property
    def _column(self) -> str:
        return "/".join([self.method, self.teacher, self.student, self.unfreeze])


def _shortest(fraction: float) -> str:
    """Six digits where they are the fraction (``0.25``, ``1``), else as many as it takes (``0.02803444873060016``)."""
    text = f"{fraction:g}"
    return text if float(text) == fraction else repr(float(fraction))


def _no_name(name: str) -> str:
    return (
        "a cell's name must be method/teacher/student/depth, with @fraction,policy,from-weights behind it where they "
        f"are not the paper's, but got {name!r}"
    )
