"""How often a cell has opened the test set, and where readers are told."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.pages.sections import content
from analysis.reading import openings
from analysis.reading.trials import runs
from analysis.scores.cells import closing_table, summary
from analysis.tables import retina_scores
from analysis.tables.rendering import latex, text

CELL = "transfer/none/densenet121/all"


def confirm(store: Any, parent: str, learning_rate: float, seeds: range, **changes: Any) -> list[str]:
    return [
        store.trial(parent, learning_rate=learning_rate, seed=seed, metrics={"test_auc": 0.7 + seed / 100}, **changes)
        for seed in seeds
    ]


def test_each_confirmed_configuration_of_a_cell_in_one_sweep_counts(store: Any) -> None:
    parent = store.sweep()
    confirm(store, parent, 1e-4, range(1, 4))
    newest = confirm(store, parent, 2e-4, range(1, 4))
    once = confirm(store, parent, 1e-4, range(1, 4), method="attention", teacher="imagenet", beta=30.0)
    recorded = runs(store.uri, "retina")
    counts = dict(zip(recorded.confirm["run_id"], recorded.confirm["openings"], strict=True))
    assert counts == {**dict.fromkeys(newest, 2), **dict.fromkeys(once, 1)}
    assert openings.of_cells(recorded.confirm) == {CELL: 2, "attention/imagenet/densenet121/all": 1}


def test_another_sweep_and_a_search_or_a_failure_do_not_count(store: Any) -> None:
    first, second = store.sweep(name="first"), store.sweep(name="second")
    confirm(store, first, 1e-4, range(1, 3))
    store.trial(second, learning_rate=3e-4, phase="search")
    store.trial(second, learning_rate=3e-4, seed=1, status="FAILED")
    confirm(store, second, 2e-4, range(1, 3))
    assert openings.of_cells(runs(store.uri, "retina").confirm) == {CELL: 1}


def test_rows_are_marked_and_the_mark_is_explained(store: Any) -> None:
    parent = store.sweep()
    for learning_rate in (1e-4, 2e-4, 3e-4):
        confirm(store, parent, learning_rate, range(1, 4))
    recorded = runs(store.uri, "retina")
    note = f"the test set was opened three times for {CELL}: a larger search has replaced a configuration"
    assert summary(recorded.confirm, "test_auc")["openings"].tolist() == [3]
    closing = closing_table(recorded.confirm, "test_auc")
    assert closing.count("§") == 2 and f"§: {note}" in closing
    table = retina_scores.table(retina_scores.rows([recorded]))
    assert "three times for Retina transfer/none/densenet121/all" in text(table) and r"\S{}" in latex(table)
    (sentence,) = [each for each in content(recorded).sentences if "opened" in each]
    assert sentence.startswith("The test set was opened three times for ") and f"({CELL})" in sentence


def test_a_cell_that_opened_it_once_has_no_mark(store: Any) -> None:
    parent = store.sweep()
    confirm(store, parent, 1e-4, range(1, 4))
    recorded = runs(store.uri, "retina")
    assert "§" not in closing_table(recorded.confirm, "test_auc")
    assert openings.notes(summary(recorded.confirm, "test_auc")) == []


def test_a_frame_that_does_not_say_counts_once() -> None:
    assert openings.of_cells(pd.DataFrame({"tags.cell": [CELL]})) == {CELL: 1}
