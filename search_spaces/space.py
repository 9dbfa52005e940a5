"""What a search may vary: its cells, the ranges within a cell, and the paper's own grid.

Each cell (`trainables.cell`) is searched with a budget of its own.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from optuna.distributions import FloatDistribution

from trainables.cell import ITSELF, NO_STUDENT, NO_TEACHER, Cell
from trainables.config import BETA_MAX, BETA_MIN
from trainables.models.architectures import known
from trainables.transfer import METHODS
from trainables.transfer.method import Knob

# Section V.A: beta by grid search from 1 to 2000. The paper does not list its grid; this holds every beta of Table III.
PAPER_BETAS = (1.0, 5.0, 10.0, 20.0, 30.0, 50.0, 60.0, 100.0, 200.0, 500.0, 1000.0, 2000.0)
PAPER_TEACHERS = ("imagenet", "mimic-cxr")
PAPER_STUDENTS = ("densenet121", "densenet40")
INIT = "imagenet"  # section V.A: teachers and students start from ImageNet's weights
RANDOM_TEACHER = "random-weights"  # a control: nothing was ever learnt
PAPER_LEARNING_RATE = 5e-5  # section V.A
NO_DECAY = 1e-6  # the paper names no weight decay; on a logarithmic range this is as good as none
DEFAULT_FIRST_BETA = 100.0  # ours, for a teacher or a data set that Table III does not have

BETA = FloatDistribution(BETA_MIN, BETA_MAX, log=True)
LEARNING_RATE = FloatDistribution(1e-5, 1e-3, log=True)  # ours: the paper's 5e-5 lies inside
WEIGHT_DECAY = FloatDistribution(NO_DECAY, 1e-2, log=True)  # ours
FIRST_POINT = {"learning_rate": PAPER_LEARNING_RATE, "weight_decay": NO_DECAY}
GRID: Mapping[str, Sequence[float]] = {
    "learning_rate": (PAPER_LEARNING_RATE,),
    "weight_decay": (0.0,),
    "beta": PAPER_BETAS,
}


@dataclass(frozen=True, kw_only=True)
class Space:
    """The search space of one data set; learning rate and weight decay are tuned in every cell, the baseline's too."""

    dataset: str
    cells: tuple[Cell, ...] = field(default_factory=lambda: cells_of_tables_4_and_5())
    learning_rate: FloatDistribution = LEARNING_RATE
    weight_decay: FloatDistribution = WEIGHT_DECAY
    beta: FloatDistribution = BETA  # only in cells with a teacher
    first_point: Mapping[str, float] = field(default_factory=FIRST_POINT.copy)  # of each cell, but for beta
    # (teacher, student), or (teacher, student, fraction), -> beta of the first trial: Table III
    first_beta: Mapping[tuple[str, str] | tuple[str, str, float], float] = field(default_factory=dict)
    grid: Mapping[str, Sequence[float]] = field(
        default_factory=lambda: GRID
    )  # the grid search: beta varies, the rest stays

    def ranges(self, cell: Cell) -> dict[str, FloatDistribution]:
        """What varies within `cell`; beta exists only where there is a teacher."""
        ranges = {"learning_rate": self.learning_rate, "weight_decay": self.weight_decay}
        if cell.teacher == NO_TEACHER:
            return ranges
        beta = self.beta if _is_eq_1(cell) else _range(METHODS[cell.method].beta)
        knobs = {name: _range(knob) for name, knob in METHODS[cell.method].knobs.items()}
        return {**ranges, "beta": beta, **knobs}

    def first(self, cell: Cell) -> dict[str, float]:
        """The parameters of a cell's first trial: the paper's choice, where it states one."""
        if cell.teacher == NO_TEACHER:
            return dict(self.first_point)
        if not _is_eq_1(cell):
            method = METHODS[cell.method]
            knobs = {name: knob.first for name, knob in method.knobs.items()}
            return {**self.first_point, "beta": method.beta.first, **knobs}
        whole = self.first_beta.get((cell.teacher, cell.student), DEFAULT_FIRST_BETA)
        beta = self.first_beta.get((cell.teacher, cell.student, cell.data_fraction), whole)
        return {**self.first_point, "beta": beta}

    def grid_points(self, cell: Cell) -> list[dict[str, float]]:
        """The grid of `cell`: each beta with the paper's learning rate; one point where there is no teacher."""
        fixed = {name: values[0] for name, values in self.grid.items() if name != "beta"}
        if cell.teacher == NO_TEACHER:
            return [fixed]
        betas = self.grid["beta"]
        if not _is_eq_1(cell):  # as many points over the method's own range
            beta = METHODS[cell.method].beta
            betas = [float(value) for value in np.geomspace(beta.low, beta.high, len(betas))]
        knobs = {name: knob.first for name, knob in METHODS[cell.method].knobs.items()}
        return [{**fixed, "beta": beta, **knobs} for beta in betas]

    def narrowed(
        self,
        patterns: Iterable[str] | None,
        fractions: Sequence[float] = (1.0,),
        uncertainty: Sequence[str] = ("zeros",),
        inits: Sequence[str] = ("imagenet",),
    ) -> Space:
        """The same space with the cells that match any of `patterns` (shell wildcards).

        Each cell stands in it at each of `fractions` of the training data, with each policy on uncertain labels, and
        from each of the first weights `inits`.

        Raises:
            ValueError: a pattern matches no cell, or a fraction is not in (0, 1].
        """
        if any(not 0 < fraction <= 1 for fraction in fractions):
            raise ValueError(f"0 < fraction <= 1 must hold for each, but got fractions={tuple(fractions)}")
        cells = [
            replace(cell, data_fraction=fraction, uncertainty=policy, init=cell.init if cell.init != INIT else init)
            for fraction in fractions
            for policy in uncertainty
            for init in inits
            for cell in self.cells
        ]
        cells = list(dict.fromkeys(cells))  # a control from random weights is the same at each of `inits`
        if patterns is not None:
            patterns = list(patterns)
            for pattern in patterns:
                if not any(fnmatch.fnmatchcase(cell.name, pattern) for cell in cells):
                    names = "\n  ".join(cell.name for cell in cells)
                    raise ValueError(f"no cell of {self.dataset} matches {pattern!r}; the cells are\n  {names}")
            cells = [cell for cell in cells if any(fnmatch.fnmatchcase(cell.name, p) for p in patterns)]
        return replace(self, cells=tuple(cells))

    def by_question(self) -> list[Space]:
        """The same space once for each question that its cells ask, with the cells that ask it, in their order."""
        parts: dict[tuple[tuple[str, object], ...], list[Cell]] = {}
        for cell in self.cells:
            parts.setdefault(tuple(cell.question.items()), []).append(cell)
        return [replace(self, cells=tuple(cells)) for cells in parts.values()]


def cells_of_tables_4_and_5(
    teachers: Sequence[str] = PAPER_TEACHERS,
    methods: Sequence[str] = ("attention",),
    students: Sequence[str] = PAPER_STUDENTS,
) -> tuple[Cell, ...]:
    """The seven columns that Tables IV and V share, left to right; or those with other teachers, methods and students.

    Raises:
        ValueError: there is no such method, or no such student.
    """
    for method in methods:
        if method not in METHODS:
            raise ValueError(f"the method must be one of {', '.join(METHODS)}, but got {method!r}")
    for student in students:
        known(student)
    depths = {"densenet121": ("all", "last34")}  # of other networks all is trained
    transfer = [(student, depth) for student in students for depth in depths.get(student, ("all",))]
    return (
        *(Cell(method="transfer", teacher=NO_TEACHER, student=student, unfreeze=depth) for student, depth in transfer),
        *(
            Cell(method=method, teacher=teacher, student=student)
            for method in methods
            for teacher in teachers
            for student in students
        ),
    )


def controls(teachers: Sequence[str], students: Sequence[str] = PAPER_STUDENTS) -> tuple[Cell, ...]:
    """What a claim of knowledge has to beat: a teacher with none, other images' attention, no attention.

    And, for the first weights, random ones; and each teacher itself, where it has the target's labels.
    """
    return (
        *(Cell(method="attention", teacher=RANDOM_TEACHER, student=student) for student in students),
        *(
            Cell(method="attention-permuted", teacher=teacher, student=student)
            for teacher in teachers
            for student in students
        ),
        *(Cell(method="attention-silent", teacher=teachers[0], student=student) for student in students),
        *(Cell(method="transfer", teacher=NO_TEACHER, student=student, init="random") for student in students),
        *(
            Cell(method=ITSELF, teacher=teacher, student=NO_STUDENT, unfreeze=NO_STUDENT, init=NO_STUDENT)
            for teacher in teachers
        ),
    )


def _is_eq_1(cell: Cell) -> bool:
    """Whether beta is the paper's, with its range and its table."""
    return cell.method in ("attention", "attention-permuted")


def _range(knob: Knob) -> FloatDistribution:
    return FloatDistribution(knob.low, knob.high, log=knob.log)
