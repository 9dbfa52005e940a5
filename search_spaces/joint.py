"""The space of a joint search: each dimension of the cells is a parameter of its own, and so is each tuned knob.

What a search learns of a teacher with one student then serves the next student, which it would not if cells were names.
Parameters are conditional, as Optuna has them: a method without a choice of teachers has no parameter ``teacher``, and
plain transfer has no ``beta``. Where the same dimension has other choices elsewhere (DenseNet-121 alone may be trained
in part), its parameter is named with them; where a tuned knob has another range for another method, with the method.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from search_spaces.space import Space
from trainables.cell import Cell, as_text

# In the order in which they are decided; what else is varied follows.
DIMENSIONS = ("method", "teacher", "student", "unfreeze", "data_fraction", "uncertainty", "init")
OWN = "the sweep's own"  # the value of a varied knob in a cell that does not vary it

Decide = Callable[[str, BaseDistribution], Any]  # from a parameter's name and choices to its value


class JointSpace:
    """The parameters by which one study searches all cells of a space, and what the cells tune.

    >>> cells = [f"{method}/none/{student}/all" for method in ("a", "b") for student in ("densenet121", "densenet40")]
    >>> joint = JointSpace(Space(dataset="retina", cells=tuple(map(Cell.parse, cells)), tuned={}))
    >>> cell, _ = joint.walk(lambda name, choices: choices.choices[-1])
    >>> cell.name
    'b/none/densenet40/all'
    >>> joint.of(cell, {})[0]
    {'method': 'b', 'student': 'densenet40'}
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        varied = {name for cell in space.cells for name, _ in cell.varied}
        self._dimensions = (*DIMENSIONS, *sorted(varied))

    def walk(self, decide: Decide) -> tuple[Cell, dict[str, float]]:
        """A cell and its tuned knobs, by asking `decide` for each parameter that there is, one after the other."""
        cells: Sequence[Cell] = self._space.cells
        for dimension in self._dimensions:
            options = _options(cells, dimension)
            if len(options) > 1:
                value = decide(self._named(dimension, options), CategoricalDistribution(options))
                cells = [cell for cell in cells if _value(cell, dimension) == value]
        (cell,) = cells
        return cell, {name: decide(self._of_knob(name, cell), of) for name, of in self._space.ranges(cell).items()}

    def of(self, cell: Cell, knobs: dict[str, float]) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
        """The parameters of a trial of `cell` with these tuned knobs, and their distributions, both by name.

        A knob that lies outside its range, as a point of a grid may, widens it.
        """
        values: dict[str, Any] = {}
        distributions: dict[str, BaseDistribution] = {}
        own = {self._of_knob(name, cell): float(value) for name, value in knobs.items()}
        dimension_of = {
            self._named(each, options): each for each, several in self._contexts.items() for options in several
        }

        def known(name: str, distribution: BaseDistribution) -> Any:
            if isinstance(distribution, FloatDistribution):
                low, high = min(distribution.low, own[name]), max(distribution.high, own[name])
                distribution = FloatDistribution(low, high, log=distribution.log and low > 0)
            values[name] = own[name] if name in own else _value(cell, dimension_of[name])
            distributions[name] = distribution
            return values[name]

        self.walk(known)
        return values, distributions

    def _named(self, dimension: str, options: Sequence[Any]) -> str:
        is_only = len(self._contexts[dimension]) == 1
        # Some cells may search what others have fixed: a choice and a range cannot have one name.
        name = f"fixed {dimension}" if dimension in self._ranges else dimension
        return name if is_only else f"{name} of {'|'.join(map(as_text, options))}"

    def _of_knob(self, name: str, cell: Cell) -> str:
        return name if len(self._ranges[name]) == 1 else f"{name} of {cell.method}"

    @cached_property
    def _contexts(self) -> dict[str, set[tuple[Any, ...]]]:
        """For each dimension, the sets of two choices or more between which a search may have to decide."""
        contexts: dict[str, set[tuple[Any, ...]]] = {dimension: set() for dimension in self._dimensions}
        groups: list[Sequence[Cell]] = [self._space.cells]
        for dimension in self._dimensions:
            parts: list[Sequence[Cell]] = []
            for cells in groups:
                options = _options(cells, dimension)
                if len(options) > 1:
                    contexts[dimension].add(options)
                parts += [[cell for cell in cells if _value(cell, dimension) == value] for value in options]
            groups = parts
        return contexts

    @cached_property
    def _ranges(self) -> dict[str, set[tuple[float, float, bool]]]:
        ranges: dict[str, set[tuple[float, float, bool]]] = {}
        for cell in self._space.cells:
            for name, of in self._space.ranges(cell).items():
                ranges.setdefault(name, set()).add((of.low, of.high, of.log))
        return ranges


def _options(cells: Sequence[Cell], dimension: str) -> tuple[Any, ...]:
    return tuple(sorted({_value(cell, dimension) for cell in cells}, key=lambda value: (str(type(value)), value)))


def _value(cell: Cell, dimension: str) -> Any:
    return cell.axes.get(dimension, OWN)
