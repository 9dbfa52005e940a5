"""Searches whose parameters a sampler suggests: within one cell, or over all cells of a question.

A study's n-th suggestion is a pure function of (seed, what is searched, n, the results known so far): the sampler is
made anew for each suggestion and seeded by these, never by a name (`platform.sweeping.asking`). So only the results
of a search need to be saved, and a search rebuilt from the ledger, in whatever order, suggests what the uninterrupted
one would have suggested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from optuna.distributions import BaseDistribution

from platform.sweeping.asking import Questions, sampler_seed
from platform.sweeping.samplers import DEFAULT_SEARCHER, SAMPLERS
from platform.sweeping.study import Params, Study
from search_spaces.joint import Decide, JointSpace
from search_spaces.space import Space
from trainables.cell import Cell


@dataclass(kw_only=True)
class SampledStudy(Study):
    """One whose parameters a sampler suggests, of those that `platform.sweeping.samplers` has."""

    IS_CONDITIONAL: ClassVar[bool]  # whether some trials have parameters that others lack

    space: Space
    seed: int
    searcher: str = DEFAULT_SEARCHER

    @cached_property
    def _questions(self) -> Questions:
        return Questions(
            SAMPLERS[self.searcher],
            self._walk,
            point=self._point,
            seed_of=self._seed_of,
            is_conditional=self.IS_CONDITIONAL,
        )

    def _ask_sampler(self, number: int) -> Params:
        earlier = {known: params for known, params in self.asked.items() if known < number}
        return self._questions.ask(number, earlier, self.scores)

    def _seed_of(self, number: int) -> int:
        return sampler_seed(self.seed, {**self._searched, **self.identity}, number)

    @property
    def _searched(self) -> dict[str, object]:
        """What is searched, whatever it is called."""
        raise NotImplementedError

    def _walk(self, decide: Decide) -> Params:
        """A trial's parameters, by asking `decide` for each."""
        raise NotImplementedError

    def _point(self, asked: Params) -> tuple[Params, Mapping[str, BaseDistribution]]:
        """A trial's parameters as a sampler knows them, and their distributions, both by name."""
        raise NotImplementedError


@dataclass(kw_only=True)
class CellStudy(SampledStudy):
    """A search within one cell, which begins with the openings of its space."""

    IS_CONDITIONAL = False

    of_cell: Cell

    @property
    def cells(self) -> Sequence[Cell]:
        return (self.of_cell,)

    def _suggest(self, number: int) -> Params:
        openings = self.space.openings(self.of_cell)
        return openings[number] if number < len(openings) else self._ask_sampler(number)

    @property
    def _searched(self) -> dict[str, object]:
        return {"cell": self.of_cell.facts}

    @cached_property
    def _ranges(self) -> Mapping[str, BaseDistribution]:
        return self.space.ranges(self.of_cell)

    def _walk(self, decide: Decide) -> Params:
        return {name: decide(name, distribution) for name, distribution in self._ranges.items()}

    def _point(self, asked: Params) -> tuple[Params, Mapping[str, BaseDistribution]]:
        params = {name: value for name, value in asked.items() if name in self._ranges}
        return params, {name: self._ranges[name] for name in params}


@dataclass(kw_only=True)
class JointStudy(SampledStudy):
    """One study over all cells of a question, whose dimensions are its parameters (`search_spaces.joint`).

    `space` has the cells of one question: see `Space.by_question`.
    """

    IS_CONDITIONAL = True

    @property
    def cells(self) -> Sequence[Cell]:
        return self.space.cells

    def cell(self, params: Params) -> Cell:
        return next(cell for cell in self.space.cells if cell.name == params["cell"])

    def take_up(self, number: int, params: Params, cell: str) -> None:
        self.asked[number] = {"cell": cell, **params}

    def _suggest(self, number: int) -> Params:
        tried = {asked["cell"] for known, asked in self.asked.items() if known < number}
        untried = next((cell for cell in self.space.cells if cell.name not in tried), None)
        if untried is not None:  # each cell once at the paper's choice, so that none is dismissed, nor one added later
            return {"cell": untried.name, **self.space.first(untried)}
        return self._ask_sampler(number)

    @property
    def _searched(self) -> dict[str, object]:
        return {"joint": self.space.cells[0].question}

    @cached_property
    def _joint(self) -> JointSpace:
        return JointSpace(self.space)

    def _walk(self, decide: Decide) -> Params:
        cell, knobs = self._joint.walk(decide)
        return {"cell": cell.name, **knobs}

    def _point(self, asked: Params) -> tuple[Params, Mapping[str, BaseDistribution]]:
        return self._joint.of(self.cell(asked), {name: value for name, value in asked.items() if name != "cell"})
