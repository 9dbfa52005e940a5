"""What a search may vary: its cells, the ranges within a cell, and the paper's own grid.

Each cell (`trainables.cell`) is searched with a budget of its own.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np
from optuna.distributions import FloatDistribution

from search_spaces.depths import at_own_depths
from trainables.cell import ITSELF, NO_STUDENT, NO_TEACHER, WITH_A_TEACHER, Cell
from trainables.config import TrialConfig
from trainables.knob import AXIS, SETUP, TUNED, Range, knobs
from trainables.models.architectures import known
from trainables.transfer import METHODS

# Section V.A: beta by grid search from 1 to 2000. The paper does not list its grid; this holds every beta of Table III.
PAPER_BETAS = (1.0, 5.0, 10.0, 20.0, 30.0, 50.0, 60.0, 100.0, 200.0, 500.0, 1000.0, 2000.0)
PAPER_TEACHERS = ("imagenet", "mimic-cxr")
PAPER_STUDENTS = ("densenet121", "densenet40")
INIT = "imagenet"  # section V.A: teachers and students start from ImageNet's weights
RANDOM_TEACHER = "random-weights"  # a control: nothing was ever learnt
VARIABLE = (AXIS, SETUP, TUNED)  # roles of the knobs that cells may differ in
OF_THE_SCORE = ("average_labels", "image_size_px", "selection_metric")  # knobs that a network scored as it is has, too
SEARCHED: Mapping[str, Range] = {each.name: each.search for each in knobs(TrialConfig, TUNED) if each.search}


@dataclass(frozen=True, kw_only=True)
class Space:
    """The search space of one data set; learning rate and weight decay are tuned in every cell, the baseline's too."""

    dataset: str
    cells: tuple[Cell, ...] = field(default_factory=lambda: cells_of_tables_4_and_5())
    tuned: Mapping[str, Range] = field(default_factory=lambda: SEARCHED)  # in every cell, but for beta
    # (teacher, student), or (teacher, student, fraction), -> beta of the first trial: Table III
    first_beta: Mapping[tuple[str, str] | tuple[str, str, float], float] = field(default_factory=dict)

    def ranges(self, cell: Cell) -> dict[str, FloatDistribution]:
        """What varies within `cell`; beta exists only where there is a teacher."""
        return {name: FloatDistribution(of.low, of.high, log=of.log) for name, of in self._tuned(cell).items()}

    def first(self, cell: Cell) -> dict[str, float]:
        """The usual parameters of a cell: the paper's choice, where it states one. One of its first trials has them."""
        point = {name: of.first for name, of in self._tuned(cell).items()}
        stated = self._stated_beta(cell)
        return {**point, "beta": stated} if stated is not None and "beta" in point else point

    def openings(self, cell: Cell) -> list[dict[str, float]]:
        """The parameters of a cell's first trials, before anything is suggested: `first`, and both ends of beta.

        Nine of the twenty betas of Table III are an end of the paper's range. Where Table III has the cell, its choice
        comes first; elsewhere the ends do, the one with the most attention before the other (docs/search.md).
        """
        first, ranges = self.first(cell), self.ranges(cell)
        if "beta" not in ranges:
            return [first]
        ends = [{**first, "beta": beta} for beta in (ranges["beta"].low, ranges["beta"].high)]
        points = [*ends, first] if self._stated_beta(cell) is None else [first, *ends]
        return [point for number, point in enumerate(points) if point not in points[:number]]

    def grid_points(self, cell: Cell) -> list[dict[str, float]]:
        """The grid of `cell`: each beta with the paper's learning rate; one point where there is no teacher."""
        tuned = self._tuned(cell)
        point = {name: of.first if of.fixed is None else of.fixed for name, of in tuned.items()}
        if "beta" not in tuned:
            return [point]
        beta = tuned["beta"]
        # Other methods' losses have other scales: as many points over the method's own range.
        betas = PAPER_BETAS if _is_eq_1(cell) else np.geomspace(beta.low, beta.high, len(PAPER_BETAS)).tolist()
        return [{**point, "beta": value} for value in betas]

    def _stated_beta(self, cell: Cell) -> float | None:
        """The beta of Table III, at this fraction of the images or at any; None where it has none for the cell."""
        if not _is_eq_1(cell):
            return None
        pair = (cell.teacher, cell.student)
        return self.first_beta.get((*pair, cell.data_fraction), self.first_beta.get(pair))

    def _tuned(self, cell: Cell) -> dict[str, Range]:
        """What is tuned within `cell`, in the order in which a sampler is asked; a varied knob has its one value."""
        tuned = dict(self.tuned)
        if cell.teacher != NO_TEACHER:
            method = METHODS[cell.method]
            tuned |= {"beta": method.beta, **method.knobs}
        fixed = dict(cell.varied)
        return {name: of for name, of in tuned.items() if name not in fixed}

    def crossed(self, axes: Mapping[str, Sequence[Any]], base: TrialConfig | None = None) -> Space:
        """The same space with each cell at every combination of the values that `axes` gives to knobs by their names.

        A cell that has first weights of its own, such as a control from random ones, keeps them; one without a teacher
        takes no beta and no epochs without labels, and one in which nothing is trained takes only what changes the
        images or the score. A student is left out at the depths that it does not have.

        Args:
            base: what the sweep's trials share: a cell is named by what sets it apart from that; None for the defaults.

        Raises:
            ValueError: a value breaks its knob's rule, or no student has a depth.
        """
        _check_values(axes)
        combinations = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
        cells = [_at(cell, values, base) for values in combinations for cell in self.cells]
        cells = at_own_depths(cells, axes.get("unfreeze", ()))
        return replace(self, cells=tuple(dict.fromkeys(cells)))  # a control may be the same at several values

    def one_at_a_time(self, axes: Mapping[str, Sequence[Any]], base: TrialConfig | None = None) -> Space:
        """The classical ablation: each cell, and behind it the same cell with one knob changed, for each value.

        Arguments and errors are those of `crossed`.
        """
        _check_values(axes)
        changes = [{name: value} for name, values in axes.items() for value in values]
        cells = [each for cell in self.cells for each in (cell, *(_at(cell, change, base) for change in changes))]
        cells = at_own_depths(cells, axes.get("unfreeze", ()))
        return replace(self, cells=tuple(dict.fromkeys(cells)))

    def narrowed(self, patterns: Iterable[str] | None) -> Space:
        """The same space with the cells whose names match any of `patterns` (shell wildcards); all, where it is None.

        Raises:
            ValueError: a pattern matches no cell.
        """
        if patterns is None:
            return self
        patterns = list(patterns)
        for pattern in patterns:
            if not any(fnmatch.fnmatchcase(cell.name, pattern) for cell in self.cells):
                names = "\n  ".join(cell.name for cell in self.cells)
                raise ValueError(f"no cell of {self.dataset} matches {pattern!r}; the cells are\n  {names}")
        matches = [cell for cell in self.cells if any(fnmatch.fnmatchcase(cell.name, each) for each in patterns)]
        return replace(self, cells=tuple(matches))

    def by_question(self) -> list[Space]:
        """The same space once for each question that its cells ask, with the cells that ask it, in their order."""
        parts: dict[tuple[tuple[str, object], ...], list[Cell]] = {}
        for cell in self.cells:
            parts.setdefault(tuple(cell.question.items()), []).append(cell)
        return [replace(self, cells=tuple(cells)) for cells in parts.values()]


def _check_values(axes: Mapping[str, Sequence[Any]]) -> None:
    by_name = {each.name: each for each in knobs(TrialConfig, *VARIABLE)}
    for name, values in axes.items():
        for value in values:
            by_name[name].check(value)


def _at(cell: Cell, values: Mapping[str, Any], base: TrialConfig | None) -> Cell:
    """`cell` with these values of its axes, and of other knobs where they are not the sweep's own."""
    own = {name: value for name, value in values.items() if name in Cell.OWN_AXES}
    if cell.init != INIT:
        own.pop("init", None)
    if cell.student == NO_STUDENT:
        own.pop("unfreeze", None)
    others = {name: value for name, value in values.items() if name not in Cell.OWN_AXES and _has(cell, name)}
    by_name = {each.name: each for each in knobs(TrialConfig)}
    usual = {name: getattr(base, name) if base else by_name[name].default for name in others}
    varied = {name: by_name[name].typed(value) for name, value in others.items()}
    # What is searched has no value of the sweep's own.
    kept = {name: value for name, value in varied.items() if by_name[name].role == TUNED or value != usual[name]}
    before = {name: value for name, value in cell.varied if name not in others}
    return replace(cell, **own, varied=tuple(sorted((before | kept).items())))


def _has(cell: Cell, name: str) -> bool:
    """Whether the knob means anything in `cell`."""
    if cell.method == ITSELF:
        return name in OF_THE_SCORE
    return name not in WITH_A_TEACHER or cell.teacher != NO_TEACHER


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


def columns_of(
    methods: Sequence[str], teachers: Sequence[str], students: Sequence[str], *, controls: bool
) -> tuple[Cell, ...]:
    """The cells of a sweep before they are crossed with other axes; without `teachers`, with the paper's.

    Raises:
        ValueError: there is no such method, or no such student.
    """
    teachers = teachers or PAPER_TEACHERS
    cells = cells_of_tables_4_and_5(teachers, methods, students)
    return (*cells, *controls_of(teachers, students)) if controls else cells


def controls_of(teachers: Sequence[str], students: Sequence[str] = PAPER_STUDENTS) -> tuple[Cell, ...]:
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
