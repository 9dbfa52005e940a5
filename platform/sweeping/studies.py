"""Where a trial's parameters come from: one Optuna study per cell, the paper's grid, or one study per question.

A study's n-th suggestion is a pure function of (seed, what is searched, n, the results known so far): the sampler is
built anew for each suggestion and seeded by these, never by a name. So only the results of a search need to be saved,
and a search rebuilt from the ledger suggests what the uninterrupted one would have suggested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from optuna.distributions import BaseDistribution

from platform.sweeping.redraws import in_fold
from platform.sweeping.sampling import decider, known_trial, sampler_seed
from search_spaces.joint import JointSpace
from search_spaces.space import Space
from trainables.cell import ITSELF, Cell

Params = dict[str, Any]
# Drawn at random before the sampler learns. The same for every budget, so that a search that is given more trials goes
# on as if it had had them from the beginning. In simulated searches of 6 and 12 trials 3 was better than 5, 8 and 10,
# and with 40 trials no worse.
STARTUP_TRIALS = 3


@dataclass(kw_only=True)
class Study:
    """A budget of trials and what is known about them: parameters by number, and scores by number (None: failed)."""

    name: str
    num_trials: int
    fold: int = 0  # of a cross-validation, on whose images alone it searches; 0 for none
    stops_early: bool = True  # whether a weak trial may end before its full length
    asked: dict[int, Params] = field(default_factory=dict)
    scores: dict[int, float | None] = field(default_factory=dict)
    left_out: set[int] = field(default_factory=set, init=False)  # numbers of earlier trials of cells that it lacks now

    def ask(self) -> tuple[int, Params]:
        """The next trial's number and parameters; it counts as running until `tell`."""
        number = len(self.asked) + len(self.left_out)
        self.asked[number] = self._suggest(number)
        return number, self.asked[number]

    def take_up(self, number: int, params: Params, cell: str) -> None:
        """Takes up trial `number`, of the cell called `cell`, which an earlier process asked for."""
        self.asked[number] = params

    def tell(self, number: int, score: float | None) -> None:
        """The best validation score of trial `number`; None where it failed."""
        self.scores[number] = score

    @property
    def exhausted(self) -> bool:
        """Whether every trial of the budget has been asked for."""
        return len(self.asked) >= self.num_trials

    @property
    def complete(self) -> bool:
        """Whether every trial of the budget has an outcome."""
        return self.exhausted and len(self.scores) >= self.num_trials

    @property
    def best(self) -> tuple[int, float] | None:
        """Number and score of the best trial, the earlier one of two equals; None where none succeeded."""
        scored = [(score, -number) for number, score in self.scores.items() if score is not None]
        return (-max(scored)[1], max(scored)[0]) if scored else None

    @property
    def choice(self) -> Params | None:
        """The parameters to confirm: the best trial's, once the search is complete; None where none succeeded."""
        return self.asked[self.best[0]] if self.complete and self.best else None

    @property
    def is_fixed(self) -> bool:
        """Whether nothing is trained, so that repeats differ in their images alone."""
        return False

    @property
    def identity(self) -> dict[str, object]:
        """What tells its draws from those of the same search in another fold."""
        return {"fold": self.fold} if self.fold else {}

    @property
    def cells(self) -> Sequence[Cell]:
        """The cells that its trials may belong to."""
        raise NotImplementedError

    def cell(self, params: Params) -> Cell:
        """The cell that a trial with `params` belongs to."""
        (only,) = self.cells
        return only

    def _suggest(self, number: int) -> Params:
        raise NotImplementedError


@dataclass(kw_only=True)
class GridStudy(Study):
    """The paper's own search: the points of the grid, in order, each at full length."""

    of_cell: Cell
    points: Sequence[Params]
    stops_early: bool = False

    @property
    def cells(self) -> Sequence[Cell]:
        return (self.of_cell,)

    def _suggest(self, number: int) -> Params:
        return dict(self.points[number])


@dataclass(kw_only=True)
class CellStudy(Study):
    """Optuna's TPE within one cell; the first trial is the paper's choice."""

    of_cell: Cell
    space: Space
    seed: int

    @property
    def cells(self) -> Sequence[Cell]:
        return (self.of_cell,)

    def _suggest(self, number: int) -> Params:
        if number == 0:
            return self.space.first(self.of_cell)
        identity = {"cell": self.of_cell.facts, **self.identity}
        return _ask_optuna(self, self.space.ranges(self.of_cell), sampler_seed(self.seed, identity, number))


@dataclass(kw_only=True)
class JointStudy(Study):
    """One study over all cells of a question, whose dimensions are its parameters (`search_spaces.joint`)."""

    space: Space  # of one question: see `Space.by_question`
    seed: int

    @property
    def cells(self) -> Sequence[Cell]:
        return self.space.cells

    def cell(self, params: Params) -> Cell:
        return next(cell for cell in self.space.cells if cell.name == params["cell"])

    def take_up(self, number: int, params: Params, cell: str) -> None:
        self.asked[number] = {"cell": cell, **params}

    def _suggest(self, number: int) -> Params:
        tried = {asked["cell"] for asked in self.asked.values()}
        untried = next((cell for cell in self.space.cells if cell.name not in tried), None)
        if untried is not None:  # each cell once at the paper's choice, so that none is dismissed, nor one added later
            return {"cell": untried.name, **self.space.first(untried)}
        joint = JointSpace(self.space)
        seed = sampler_seed(self.seed, {"joint": self.space.cells[0].question, **self.identity}, number)
        known = [known_trial(*self._point(joint, asked), score) for asked, score in _known(self)]
        cell, knobs = joint.walk(decider(known, seed, STARTUP_TRIALS, is_conditional=True))
        return {"cell": cell.name, **knobs}

    def _point(self, joint: JointSpace, asked: Params) -> tuple[Params, dict[str, BaseDistribution]]:
        return joint.of(self.cell(asked), {name: value for name, value in asked.items() if name != "cell"})


@dataclass(kw_only=True)
class NoStudy(Study):
    """A cell in which nothing is trained: there is nothing to search, and all repeats on one split are equal."""

    of_cell: Cell
    num_trials: int = 0

    @property
    def choice(self) -> Params | None:
        return {}

    @property
    def is_fixed(self) -> bool:
        return True

    @property
    def cells(self) -> Sequence[Cell]:
        return (self.of_cell,)


def make_studies(space: Space, mode: str, num_trials: int, seed: int, num_folds: int = 0) -> list[Study]:
    """The studies of a sweep; `mode` is "optuna" (fair, a study per cell), "grid" or "joint" (a study per question).

    With folds each of them is there once per fold, so that no search learns of another fold's test images.

    Raises:
        ValueError: `mode` is none of them.
    """
    taught = replace(space, cells=tuple(cell for cell in space.cells if cell.method != ITSELF))
    untrained = [NoStudy(name=cell.name, of_cell=cell) for cell in space.cells if cell.method == ITSELF]
    studies = [*_searches(taught, mode, num_trials, seed), *untrained]
    if not num_folds:
        return studies
    return [
        replace(study, name=f"{study.name}{in_fold(fold)}", fold=fold, asked={}, scores={})
        for study in studies
        for fold in range(1, num_folds + 1)
    ]


def _searches(space: Space, mode: str, num_trials: int, seed: int) -> Sequence[Study]:
    if mode == "optuna":
        return [CellStudy(name=c.name, num_trials=num_trials, of_cell=c, space=space, seed=seed) for c in space.cells]
    if mode == "grid":
        grids = [(cell, space.grid_points(cell)) for cell in space.cells]
        return [
            GridStudy(name=cell.name, num_trials=len(points), of_cell=cell, points=points) for cell, points in grids
        ]
    if mode == "joint":
        return [_joint_study(part, num_trials * len(part.cells), seed) for part in space.by_question()]
    raise ValueError(f"the search must be one of optuna, grid, joint, but got {mode!r}")


def _joint_study(space: Space, num_trials: int, seed: int) -> JointStudy:
    """The joint study of the one question that all cells of `space` ask; the paper's question has the plain name."""
    question = ",".join(f"{axis}={value}" for axis, value in space.cells[0].question.items())
    return JointStudy(name=f"joint@{question}" if question else "joint", num_trials=num_trials, space=space, seed=seed)


def _ask_optuna(study: Study, ranges: Mapping[str, BaseDistribution], seed: int) -> Params:
    known = []
    for asked, score in _known(study):
        params = {name: value for name, value in asked.items() if name in ranges}
        known.append(known_trial(params, {name: ranges[name] for name in params}, score))
    decide = decider(known, seed, STARTUP_TRIALS, is_conditional=False)
    return {name: decide(name, distribution) for name, distribution in ranges.items()}


def _known(study: Study) -> list[tuple[Params, float | None]]:
    """The trials that were asked for and have not failed, with their scores; None while they run."""
    all_asked = [(asked, number) for number, asked in study.asked.items()]
    has_failed = {number for number, score in study.scores.items() if score is None}
    return [(asked, study.scores.get(number)) for asked, number in all_asked if number not in has_failed]
