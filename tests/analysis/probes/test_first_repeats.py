"""Networks that are shown side by side are repeats of one split, and are shown on that split's images."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from analysis.probes.networks import first_repeats
from analysis.reading.artifacts import split_of
from analysis.reading.trials import Runs
from tests.trainables.data.test_resplit import store_of
from trainables.data.resplit import folded, redrawn


def runs_of(*rows: tuple[Any, ...]) -> Runs:
    """Repeats of cells: cell, seed, number of the split drawn anew, fold, fingerprint of the split."""
    names = ["tags.cell", "params.seed", "params.split_draw", "params.fold", "tags.split_fingerprint"]
    return shown(pd.DataFrame(rows, columns=names).assign(**{"tags.data_fingerprint": "own"}))


def shown(trained: pd.DataFrame) -> Runs:
    return cast(Runs, SimpleNamespace(trained=trained, data_fingerprint="own"))


def test_the_first_repeat_of_each_cell_by_its_seed() -> None:
    older = runs_of(("a", 2, None, None, "s"), ("b", 1, None, None, "s"), ("a", 1, None, None, "s"))
    older = shown(older.trained.drop(columns=["params.split_draw", "params.fold"]))
    assert first_repeats(older)[["tags.cell", "params.seed"]].to_numpy().tolist() == [["b", 1], ["a", 1]]
    assert first_repeats(runs_of()).empty


def test_a_cell_without_a_repeat_on_the_first_split_is_left_out() -> None:
    drawn = runs_of(
        ("a", 2, 2, 0, "t"), ("a", 1, 1, 0, "s"), ("b", 2, 2, 0, "t"), ("c", 1, 1, 0, "s"), ("c", 2, 2, 0, "t")
    )
    assert first_repeats(drawn)[["tags.cell", "params.split_draw"]].to_numpy().tolist() == [["a", 1], ["c", 1]]
    folds = runs_of(("a", 1, 0, 2, "t"), ("a", 1, 0, 1, "s"), ("b", 1, 0, 1, "s"))
    assert first_repeats(folds)[["tags.cell", "params.fold"]].to_numpy().tolist() == [["a", 1], ["b", 1]]


def test_a_student_of_another_image_size_is_left_out() -> None:
    both = runs_of(("a@image_size_px=64", 1, 0, 0, "s"), ("a", 1, 0, 0, "s")).trained
    both.loc[0, "tags.data_fingerprint"] = "larger"
    assert first_repeats(shown(both))["tags.cell"].tolist() == ["a"]


@pytest.mark.parametrize(
    "params",
    [{}, {"split_draw": np.nan}, {"split_draw": "0", "num_folds": "0", "fold": "0"}, {"split_draw": 0.0, "fold": 0.0}],
    ids=["older", "missing", "text", "numbers"],
)
def test_a_run_on_the_prepared_split_is_shown_on_it(params: dict[str, Any]) -> None:
    store = store_of()
    assert split_of(store, pd.Series({f"params.{name}": value for name, value in params.items()})) is store


def test_a_run_on_another_split_is_shown_on_its_own() -> None:
    store = store_of()
    drawn = split_of(store, pd.Series({"params.split_draw": "2", "params.fold": "0"}))
    assert drawn.split_fingerprint == redrawn(store, 2).split_fingerprint
    fold = split_of(store, pd.Series({"params.split_draw": 0.0, "params.num_folds": 4.0, "params.fold": 3.0}))
    assert fold.split_fingerprint == folded(store, 4, 3).split_fingerprint
