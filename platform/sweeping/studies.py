"""The studies of a sweep: one per cell, the points of the paper's grid, or one per question over all its cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from platform.sweeping.redraws import in_fold
from platform.sweeping.sampled_studies import CellStudy, JointStudy
from platform.sweeping.samplers import DEFAULT_SEARCHER, check_searcher
from platform.sweeping.study import Params, Study
from search_spaces.space import Space
from trainables.cell import ITSELF, Cell


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


def make_studies(
    space: Space, mode: str, num_trials: int, seed: int, num_folds: int = 0, *, searcher: str = DEFAULT_SEARCHER
) -> list[Study]:
    """The studies of a sweep; `mode` is "optuna" (fair, a study per cell), "grid" or "joint" (a study per question).

    With folds each of them is there once per fold, so that no search learns of another fold's test images.

    Args:
        searcher: which of `SAMPLERS` suggests parameters; a grid has no use for it.

    Raises:
        ValueError: `mode` is none of them, there is no such searcher, or it cannot search all cells together.
    """
    check_searcher(None if mode == "grid" else searcher, mode)
    taught = replace(space, cells=tuple(cell for cell in space.cells if cell.method != ITSELF))
    untrained = [NoStudy(name=cell.name, of_cell=cell) for cell in space.cells if cell.method == ITSELF]
    studies = [*_searches(taught, mode, num_trials, seed, searcher), *untrained]
    if not num_folds:
        return studies
    return [
        replace(study, name=f"{study.name}{in_fold(fold)}", fold=fold, asked={}, scores={})
        for study in studies
        for fold in range(1, num_folds + 1)
    ]


def _searches(space: Space, mode: str, num_trials: int, seed: int, searcher: str) -> Sequence[Study]:
    if mode == "optuna":
        shared: dict[str, Any] = {"num_trials": num_trials, "space": space, "seed": seed, "searcher": searcher}
        return [CellStudy(name=cell.name, of_cell=cell, **shared) for cell in space.cells]
    if mode == "grid":
        grids = [(cell, space.grid_points(cell)) for cell in space.cells]
        return [
            GridStudy(name=cell.name, num_trials=len(points), of_cell=cell, points=points) for cell, points in grids
        ]
    if mode == "joint":
        return [_joint_study(part, num_trials * len(part.cells), seed, searcher) for part in space.by_question()]
    raise ValueError(f"the search must be one of optuna, grid, joint, but got {mode!r}")


def _joint_study(space: Space, num_trials: int, seed: int, searcher: str) -> JointStudy:
    """The joint study of the one question that all cells of `space` ask; the paper's question has the plain name."""
    question = ",".join(f"{axis}={value}" for axis, value in space.cells[0].question.items())
    name = f"joint@{question}" if question else "joint"
    return JointStudy(name=name, num_trials=num_trials, space=space, seed=seed, searcher=searcher)
