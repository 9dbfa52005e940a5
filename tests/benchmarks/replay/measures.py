"""What one simulated search was worth beside the grid of the same cell and seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from platform.sweeping.study import Params
from tests.benchmarks.replay.engine import Trace
from tests.benchmarks.replay.surrogate import Surrogate

NUM_SHARES = 48  # places of a curve of regret, evenly from 0 to all of the grid's epochs
NUM_TAIL = 3  # epochs that a mean of the last is taken over; also of the best and its two neighbours
NUM_CONFIRMED = 3  # trainings with new seeds of each of the two that are confirmed
REGRET_UNIT = 1e-4


@dataclass(frozen=True, kw_only=True)
class Grid:
    """What the grid came to with one seed, with which all searches of that seed are compared."""

    num_epochs: int  # that the grid took
    score: float  # its best validation score
    expected: float  # what its choice is worth on validation, over all seeds
    test: float  # and on the test set


def grid_of(trace: Trace, model: Surrogate) -> Grid:
    """The grid as it was played with one seed."""
    expected, test = model.expected(trace.params[int(trace.leader[-1])])
    return Grid(num_epochs=len(trace.score), score=float(trace.score.max()), expected=expected, test=test)


def best_epoch(curve: NDArray[np.float64]) -> float:
    """The best validation score of [E]: today's rule."""
    return float(curve.max())


def last_epochs(curve: NDArray[np.float64]) -> float:
    """The mean validation score of the last epochs of [E]."""
    return float(curve[-NUM_TAIL:].mean())


def best_neighbours(curve: NDArray[np.float64]) -> float:
    """The best mean of neighbouring epochs of [E]; of so few that there are no neighbours, of all."""
    width = min(NUM_TAIL, len(curve))
    return float(np.convolve(curve, np.full(width, 1 / width), mode="valid").max())


RULES: Mapping[str, Callable[[NDArray[np.float64]], float]] = {
    "best": best_epoch,
    "last": last_epochs,
    "neighbours": best_neighbours,
}


def choices(trace: Trace, model: Surrogate, seed: int) -> dict[str, Params]:
    """The configuration that each rule would confirm: those of `RULES`, and the better of the top two."""
    chosen = {}
    for name, rule in RULES.items():
        scores = [rule(curve[0]) for curve in trace.curves]
        chosen[name] = trace.params[int(np.argmax(scores))]
    scores = [best_epoch(curve[0]) for curve in trace.curves]
    top = [trace.params[number] for number in sorted(range(len(scores)), key=lambda number: -scores[number])[:2]]
    chosen["top two"] = max(top, key=lambda params: _confirmed(params, model, seed))
    return chosen


def _confirmed(params: Params, model: Surrogate, seed: int) -> float:
    """The mean best validation score of trainings with seeds that the search has not used."""
    seeds = [(seed, "confirm", repeat) for repeat in range(1, NUM_CONFIRMED + 1)]
    return float(np.mean([best_epoch(model.curve(params, each)[0]) for each in seeds]))


def first_at(reached: NDArray[np.bool_]) -> float:
    """How many epochs had been spent when it was first so; infinite where it never was."""
    return float(np.argmax(reached)) + 1 if reached.any() else math.inf


def measured(trace: Trace, grid: Grid, model: Surrogate, ceiling: float, seed: int) -> dict[str, Any]:
    """One row of results.

    Args:
        ceiling: the validation score that the best configuration of the cell is worth.

    Returns:
        `spent` and the grid's `grid_epochs`; `reached`: epochs to the grid's best validation score; `matched`: epochs
        until the leader was worth as much as the grid's choice; `score`: the best validation score, less the grid's;
        `test_*`: the test score that each rule's choice is worth, less that of the grid's; `regret`: after each share
        of the grid's epochs, what the leader is worth less than the ceiling, in units of 0.0001.
    """
    worth = {number: model.expected(trace.params[number])[0] for number in np.unique(trace.leader)}
    expected = np.array([worth[number] for number in trace.leader])
    places = np.ceil(np.arange(1, NUM_SHARES + 1) / NUM_SHARES * grid.num_epochs).astype(int)
    regret = (ceiling - expected)[np.minimum(places, len(expected)) - 1]
    tests = {
        f"test_{name}": model.expected(params)[1] - grid.test for name, params in choices(trace, model, seed).items()
    }
    return {
        "grid_epochs": grid.num_epochs,
        "spent": len(trace.score),
        "reached": first_at(trace.score >= grid.score),
        "matched": first_at(expected >= grid.expected),
        "score": float(trace.score.max()) - grid.score,
        **tests,
        "regret": np.round(np.maximum(regret, 0) / REGRET_UNIT).astype(np.int16).tolist(),
    }
