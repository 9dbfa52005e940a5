"""What a search was worth, by hand; results that are kept, and tables of them."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.benchmarks.replay import page, simulated
from tests.benchmarks.replay.engine import Trace
from tests.benchmarks.replay.measures import NUM_SHARES, RULES, Grid, choices, grid_of, measured
from tests.benchmarks.replay.searchers import SEARCHERS
from tests.benchmarks.replay.simulated import Results, Simulated, cells_of, play
from tests.benchmarks.replay.summary import mean_and_half_width, quantile, summary

WORTH = {0: (0.70, 0.60), 1: (0.80, 0.65), 2: (0.75, 0.72)}  # validation and test score of three configurations
# What was seen of them: the second has one lucky epoch, the third ends well.
CURVES = [[0.5, 0.7, 0.6], [0.4, 0.9, 0.5], [0.6, 0.8, 0.85]]


def fake_model(confirmed: dict[int, float] | None = None) -> Any:
    """A model that knows what its three configurations are worth, and what a new seed makes of them."""
    again = confirmed or {}
    return SimpleNamespace(
        expected=lambda params: WORTH[params["n"]],
        curve=lambda params, seed: np.full((2, 3), again.get(params["n"], 0.0)),
    )


def trace() -> Trace:
    curves = [np.array([curve, curve]) for curve in CURVES]
    return Trace(
        params=[{"n": number} for number in range(3)],
        curves=curves,
        trial=np.repeat([0, 1, 2], 3),
        epoch=np.tile([1, 2, 3], 3),
        score=np.concatenate(CURVES),
    )


def test_the_leader_is_the_trial_with_the_best_epoch_so_far() -> None:
    assert trace().leader.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1]


def test_each_rule_sees_another_side_of_a_curve() -> None:
    values = {name: [rule(np.array(curve)) for curve in CURVES] for name, rule in RULES.items()}
    assert values["best"] == [0.7, 0.9, 0.85]
    assert values["last"] == values["neighbours"] == pytest.approx([0.6, 0.6, 0.75])
    assert RULES["neighbours"](np.array([0.1, 0.2, 0.3, 0.4, 0.0])) == pytest.approx(0.3)
    assert RULES["last"](np.array([0.1, 0.2, 0.3, 0.4, 0.0])) == pytest.approx(0.7 / 3)
    assert RULES["neighbours"](np.array([0.2, 0.4])) == RULES["last"](np.array([0.2, 0.4])) == pytest.approx(0.3)


@pytest.mark.parametrize(("confirmed", "expected"), [({1: 0.7, 2: 0.8}, 2), ({1: 0.8, 2: 0.7, 0: 0.9}, 1)])
def test_the_better_of_the_top_two_is_found_with_new_seeds(confirmed: dict[int, float], expected: int) -> None:
    chosen = choices(trace(), fake_model(confirmed), seed=0)
    assert chosen == {"best": {"n": 1}, "last": {"n": 2}, "neighbours": {"n": 2}, "top two": {"n": expected}}


def test_a_search_is_measured_by_the_grid_of_its_seed() -> None:
    grid = Grid(num_epochs=12, score=0.85, expected=0.8, test=0.7)
    row = measured(trace(), grid, fake_model({1: 0.7, 2: 0.8}), ceiling=0.81, seed=0)
    regret = row.pop("regret")
    assert row == pytest.approx(
        {
            "grid_epochs": 12, "spent": 9, "reached": 5, "matched": 5, "score": 0.05,
            "test_best": -0.05, "test_last": 0.02, "test_neighbours": 0.02, "test_top two": 0.02,
        }
    )  # fmt: skip
    # The first leads for four of the twelve epochs.
    assert len(regret) == NUM_SHARES and regret == [1100] * (NUM_SHARES // 3) + [100] * (2 * NUM_SHARES // 3)
    never = measured(
        trace(), Grid(num_epochs=12, score=0.91, expected=0.9, test=0.7), fake_model(), ceiling=0.9, seed=0
    )
    assert never["reached"] == never["matched"] == math.inf


def test_the_grid_is_worth_what_its_choice_is() -> None:
    assert grid_of(trace(), fake_model()) == Grid(num_epochs=9, score=0.9, expected=0.8, test=0.65)


def test_never_counts_as_infinite() -> None:
    shares = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, math.inf, math.inf]
    assert (quantile(shares, 0.5), quantile(shares, 0.8), quantile(shares, 0.9)) == (0.5, 0.8, math.inf)


def test_the_interval_is_over_seeds_and_each_cell_counts_the_same() -> None:
    # Means 2 and 6, variances of the means 1 / 2 and 4 / 4; the mean of both has (1 / 2 + 1) / 4.
    values = {"a": [1.5, 2.5], "b": [4.0, 8.0, 4.0, 8.0]}
    frame = pd.DataFrame([{"setting": "s", "cell": c, "x": v} for c, each in values.items() for v in each])
    variance = (0.5 / 2 + (16 / 3) / 4) / 4
    assert mean_and_half_width(frame, "x") == pytest.approx((4.0, 1.96 * math.sqrt(variance)))


SEEDS = {"grid": 2, "default": 3}


def test_what_was_played_is_not_played_again(
    cells: list[Simulated], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "simulated.parquet"
    assert play(cells, {"grid": 2}, Results(file), minutes=1, num_processes=1) == 0
    assert len(Results(file).lacking(cells, SEEDS)) == 9
    assert play(cells, SEEDS, Results(file), minutes=0, num_processes=1) == 8  # one is played when time is over
    assert play(cells, SEEDS, Results(file), minutes=1, num_processes=2) == 0
    rows = Results(file).current(cells, SEEDS)
    assert len(rows) == 13 and not rows.duplicated(["cell", "searcher", "seed"]).any()
    # Alone and in one go, the same comes out.
    once = cells[0].row("default", 2)
    (kept,) = rows[(rows["cell"] == cells[0].cell) & (rows["searcher"] == "default") & (rows["seed"] == 2)].to_dict(
        "records"
    )
    assert {name: value for name, value in kept.items() if name != "regret"} == {
        name: value for name, value in once.items() if name != "regret"
    }
    assert list(kept["regret"]) == once["regret"]
    monkeypatch.setattr(simulated, "VERSION", -1)
    assert len(Results(file).lacking(cells, SEEDS)) == 13 and Results(file).current(cells, SEEDS).empty


def test_a_recording_that_grew_is_played_anew(cells: list[Simulated], synthetic: pd.DataFrame, tmp_path: Path) -> None:
    results = Results(tmp_path / "simulated.parquet")
    play(cells, {"grid": 1}, results, minutes=1, num_processes=1)
    fewer = synthetic[(synthetic["cell"] == cells[0].cell) & (synthetic["seed"] < 3)]
    assert results.lacking(cells_of(fewer), {"grid": 1}) == [(0, "grid", 0)]
    assert results.lacking(cells, {"grid": 1}) == []


def test_tables_say_who_is_beside_whom(cells: list[Simulated], synthetic: pd.DataFrame, tmp_path: Path) -> None:
    results = Results(tmp_path / "simulated.parquet")
    play(cells, {"grid": 2, "random": 2, "default": 2}, results, minutes=1, num_processes=1)
    rows = results.current(cells, SEARCHERS)
    held_out = frozenset({("phantom-retina", cells[1].cell)})
    written = page.Written(rows, cells, held_out, synthetic)
    assert {title: set(part["cell"]) for title, part in written.groups.items()} == {
        page.CHOOSING: {cells[0].cell},
        page.HELD_OUT: {cells[1].cell},
    }
    grid = summary(written.groups[page.HELD_OUT]).loc["grid"]
    assert (grid.spent, grid.test_best, grid.score) == (1.0, 0.0, 0.0) and grid.reached_90 <= 1
    assert [met for *_, met in page.Written(rows, cells, frozenset(), synthetic).targets()] == []
    targets = written.targets()
    row = summary(rows[(rows["cell"] == cells[1].cell) & (rows["searcher"] == "default")]).loc["default"]
    assert [met for *_, met in targets] == [row.reached_50 <= 0.15, row.reached_90 <= 0.3, row.test_best >= -0.1]
    text = "\n".join(written.lines())
    assert all(f"| {what} | {target} | {here} |" in text for what, target, here, _ in targets)
    assert text.count("| the paper's grid | 2 | 100% |") == 2
    assert text.count("| held out |") == 2 and text.count("| no beta | no beta |") == 1


def test_a_page_without_marks_is_refused() -> None:
    text = f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n"
    assert page.with_tables(text, ["new"]) == f"before\n{page.BEGIN}\n\nnew\n\n{page.END}\nafter\n"
    with pytest.raises(ValueError, match=r"^search\.md must have the lines"):
        page.with_tables("before", ["new"])
