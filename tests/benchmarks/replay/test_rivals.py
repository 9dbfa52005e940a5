"""Rival schedules and studies, by hand on flat curves, and every named searcher on a recording by formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from platform.sweeping.studies import make_studies
from search_spaces import space_of
from tests.benchmarks.replay.engine import Trace, plan_of
from tests.benchmarks.replay.rivals import InRounds, Rung
from tests.benchmarks.replay.searchers import DEFAULT, GRID, RANDOM, SEARCHERS, Discard, Searcher
from tests.benchmarks.replay.simulated import Simulated

CELL = "transfer/none/densenet40/all"
SCORES = (0.5, 0.4, 0.6, 0.7)
SPACE = space_of("retina").narrowed([CELL])


def lengths(trace: Trace) -> list[int]:
    return [curve.shape[1] for curve in trace.curves]


def curve_of(record: Any) -> Any:
    """Trial 3 begins worst and ends best."""
    first = 0.3 if record.number == 3 else SCORES[record.number]
    return np.array([[first, *[SCORES[record.number]] * 3]] * 2)


def test_rounds_take_the_best_up_again_where_they_were_left() -> None:
    plan = plan_of(make_studies(SPACE, "optuna", 4, seed=7), SPACE, 4)
    rungs = [Rung(num_trials=0, epochs=1), Rung(num_trials=2, epochs=2), Rung(num_trials=1, epochs=4)]
    trace = InRounds(plan, rungs, curve_of).run()
    assert list(zip(trace.trial.tolist(), trace.epoch.tolist(), strict=True)) == [
        *((number, 1) for number in range(4)), (2, 2), (0, 2), (2, 3), (2, 4),
    ]  # fmt: skip
    assert plan.studies[CELL].scores == {0: 0.5, 1: 0.4, 2: 0.6, 3: 0.3}


@pytest.mark.parametrize(
    ("epochs", "kept", "expected"),
    [(1, 1, [4, 1, 4, 1]), (1, 2, [4, 4, 4, 1]), (2, 1, [4, 2, 4, 4])],
)
def test_a_trial_among_the_best_so_far_is_kept(epochs: int, kept: int, expected: list[int]) -> None:
    searcher = Searcher(title="", num_trials=4, schedule=Discard(epochs=epochs, kept=kept))
    assert lengths(searcher.run(SPACE, 4, curve_of, seed=0)) == expected


def trace_of(cell: Simulated, name: str, seed: int = 0) -> Trace:
    sister = cell.sister.found(seed) if cell.sister else None
    return SEARCHERS[name].run(cell.space, cell.model.num_epochs, cell.curve_of(seed), seed, sister)


@pytest.mark.parametrize("name", SEARCHERS)
def test_every_searcher_asks_for_its_trials_within_the_ranges(cells: list[Simulated], name: str) -> None:
    trace = trace_of(cells[0], name)
    assert len(trace.params) == SEARCHERS[name].num_trials
    assert len({tuple(params.items()) for params in trace.params}) == len(trace.params)
    for key, each in cells[0].space.ranges(cells[0].space.cells[0]).items():
        low = 0.0 if name == GRID and key == "weight_decay" else each.low  # the paper's grid has none
        assert all(low <= params[key] <= each.high for params in trace.params)
    may_end_all_early = SEARCHERS[name].schedule == "pasha"
    assert max(lengths(trace)) == cells[0].model.num_epochs or may_end_all_early


@pytest.mark.parametrize("name", [GRID, RANDOM, DEFAULT, "near-3", "rounds-1-1"])
def test_another_seed_is_another_search(cells: list[Simulated], name: str) -> None:
    first, second = trace_of(cells[0], name), trace_of(cells[0], name, seed=1)
    assert trace_of(cells[0], name).score.tolist() == first.score.tolist()
    assert first.score.tolist() != second.score.tolist()
    assert (first.params == second.params) == (name == GRID)


def test_a_sister_cells_choice_is_the_second_trial(cells: list[Simulated]) -> None:
    assert [cell.sister.cell if cell.sister else None for cell in cells] == [cells[1].cell, cells[0].cell, None]
    first = cells[0].space.first(cells[0].space.cells[0])
    seed = next(seed for seed in range(20) if cells[1].found(seed) != first)
    assert trace_of(cells[0], "opening-sister", seed).params[:2] == [first, cells[1].found(seed)]


def test_openings_come_in_the_order_in_which_they_are_named(cells: list[Simulated]) -> None:
    first = cells[0].space.first(cells[0].space.cells[0])
    assert first["beta"] not in (1.0, 2000.0)
    openings = [first, {**first, "beta": 1.0}, {**first, "beta": 2000.0}]
    assert trace_of(cells[0], "opening-paper-first").params[:3] == openings
    assert trace_of(cells[0], "opening-greatest-first").params[:3] == [openings[2], openings[1], first]
    assert trace_of(cells[0], "opening-paper").params[:3] != openings
    assert trace_of(cells[0], DEFAULT).params[:3] == cells[0].space.openings(cells[0].space.cells[0])
    assert "beta" not in trace_of(cells[2], "opening-paper-first").params[1]


def test_random_search_begins_anywhere_and_fills_the_range(cells: list[Simulated]) -> None:
    betas = [params["beta"] for seed in range(20) for params in trace_of(cells[0], RANDOM, seed).params]
    assert np.mean(np.log10(betas)) == pytest.approx(np.log10(2000) / 2, abs=0.2)
    assert min(betas) < 2 and max(betas) > 1000
