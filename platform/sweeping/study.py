"""One search of a sweep: a budget of trials, what each was asked to have, and what each scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from trainables.cell import Cell

Params = dict[str, Any]


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
        """The next trial's number and parameters; it counts as running until `tell`.

        The numbers have a gap where MLflow was restored from a backup and the journal had later trials: it is filled.
        """
        number = next(free for free in count() if free not in self.asked and free not in self.left_out)
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
