"""The mean of each cell, and what a sweep prints at its end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.reading.averages import Averages, names_in
from analysis.reading.trials import runs
from analysis.scores.cells import closing_table, summary

JUDGE = "itself/a/none/none"


def confirm(values: dict[str, list[float]]) -> pd.DataFrame:
    rows = [(cell, value) for cell, group in values.items() for value in group]
    frame = pd.DataFrame(rows, columns=["tags.cell", "metrics.test_auc"])
    return frame.assign(**{"params.method": ["itself" if cell == JUDGE else "attention" for cell, _ in rows]})


def test_summary_by_hand() -> None:
    frame = summary(confirm({"b": [0.70, 0.75, 0.80], "a": [0.5]}), "test_auc").set_index("cell")
    assert frame.index.tolist() == ["b", "a"]  # the order of the frame
    assert frame.loc["b", "mean"] == pytest.approx(0.75)
    assert frame.loc["b", "half_width"] == pytest.approx(0.1242069, abs=1e-6)
    assert frame.loc["b", "half_width_normal"] == pytest.approx(0.0565793, abs=1e-6)
    assert (frame.loc["b", "n"], frame.loc["a", "n"]) == (3, 1)
    assert frame.loc["a", "mean"] == 0.5
    assert np.isnan(frame.loc["a", "half_width"])


def test_what_is_not_defined_is_counted_and_not_averaged() -> None:
    frame = summary(confirm({"a": [0.6, np.nan, 0.8], "b": [np.nan, np.inf]}), "test_auc").set_index("cell")
    assert (frame.loc["a", "mean"], frame.loc["a", "n"], frame.loc["a", "num_undefined"]) == (pytest.approx(0.7), 2, 1)
    assert np.isnan(frame.loc["b", "mean"])
    assert (frame.loc["b", "n"], frame.loc["b", "num_undefined"]) == (0, 2)


def test_a_metric_that_was_never_logged() -> None:
    frame = summary(confirm({"a": [0.6, 0.7]}), "test_kappa")
    assert (frame["n"].tolist(), frame["num_undefined"].tolist()) == ([0], [2])


def test_summary_of_nothing() -> None:
    frame = summary(confirm({}), "test_auc")
    assert frame.empty and {"cell", "mean", "half_width", "n"} <= set(frame)


def test_summary_from_a_store(store: Any) -> None:
    parent = store.sweep()
    store.repeats(parent, "test_auc", [0.7, 0.8, 0.9])
    frame = summary(runs(store.uri, "retina").confirm, "test_auc")
    assert frame["cell"].tolist() == ["transfer/none/densenet121/all"]
    assert frame["mean"].tolist() == [pytest.approx(0.8)]


def rows_of(table: str, cells: tuple[str, ...]) -> list[list[str]]:
    return [line.split() for line in table.splitlines() if line.split()[0] in cells]


def test_too_few_repeats_have_no_interval_and_no_rank() -> None:
    # n = 2, 0.1 apart: t(1) = 12.706 makes half of it 63.53 points; n = 3, but the interval leaves 0 to 100
    values = {
        "two": [0.8, 0.9],
        "beyond": [0.7, 0.8, 0.99],
        "three": [0.70, 0.71, 0.72],
        "one": [0.95],
        "none": [np.nan],
    }
    frame = summary(confirm(values), "test_auc").set_index("cell")
    assert frame["half_width"].notna().to_dict() == {**dict.fromkeys(values, False), "three": True}
    assert frame["half_width_normal"].notna().tolist() == frame["half_width"].notna().tolist()
    small = ["two", "beyond", "one"]
    assert frame.index[frame["is_n_too_small"]].tolist() == small
    table = closing_table(confirm(values), "test_auc")
    assert rows_of(table, tuple(values)) == [
        ["beyond", "83.00†*", "3"],
        ["three", "71.00±2.48+", "3"],
        ["one", "95.00†", "1"],
        ["two", "85.00†", "2"],
        ["none", "-", "0"],
    ]
    assert "†: n is too small for an interval" in table and "Student's t" in table and "PHANTOM" not in table
    kappa = confirm({"a": [-0.02, 0.0, 0.02]}).rename(columns={"metrics.test_auc": "metrics.test_kappa"})
    assert summary(kappa, "test_kappa")["half_width"].notna().all()  # a kappa may be negative


def test_a_teacher_itself_has_a_score_no_interval_and_no_rank() -> None:
    values = {JUDGE: [0.9], "transfer/none/densenet40/all": [0.7, 0.7, 0.71], "x": [0.6, 0.6, 0.61]}
    table = closing_table(confirm(values), "test_auc")
    assert rows_of(table, (JUDGE,)) == [[JUDGE, "90.00", "1"]]
    assert "nothing in it is random, so that n = 1" in table and "†" not in table


def test_nothing_phantom_is_ranked_beside_what_is_not() -> None:
    values = confirm({"plain": [0.7, 0.71, 0.72], "other": [0.6, 0.61, 0.62], "taught": [0.9, 0.91, 0.92]})
    mixed = values.assign(phantom=np.where(values["tags.cell"] == "taught", "teacher, first weights", ""))
    table = closing_table(mixed, "test_auc")
    assert rows_of(table, ("plain", "other", "taught")) == [
        ["plain", "71.00±2.48*", "3", "-"],
        ["other", "61.00±2.48+", "3", "-"],
        ["taught", "91.00±2.48", "3", "teacher,", "first", "weights"],
    ]
    assert table.splitlines()[1].startswith("PHANTOM TEACHER, FIRST WEIGHTS: ")
    every = closing_table(values.assign(phantom="images"), "test_auc")
    assert rows_of(every, ("taught",)) == [["taught", "91.00±2.48*", "3", "images"]]  # phantoms among themselves
    assert every.splitlines()[1].startswith("PHANTOM DATA")


def multiclass(num_constant: dict[str, list[float]], auc: float = 0.7) -> pd.DataFrame:
    """Cells with an F1 and an AUC in each repeat, and whether the student gives one class as its only answer."""
    frame = confirm({cell: [auc, auc + 0.001, auc] for cell in num_constant})
    f1 = [0.9 - 0.1 * place for place in range(len(num_constant)) for _ in range(3)]
    flags = [flag for flags in num_constant.values() for flag in flags]
    return frame.assign(**{"metrics.test_f1_weighted": f1, "metrics.test_num_constant": flags})


def test_a_constant_answer_is_no_score() -> None:
    frame = multiclass({"flat": [1, 0, 1], "good": [0, 0, 0], "fair": [0, 0, 0]})
    table = closing_table(frame, "test_f1_weighted")
    assert rows_of(table, ("flat", "good", "fair")) == [
        ["good", "80.00±0.00*", "3"],
        ["fair", "70.00±0.00+", "3"],
        ["flat", "90.00±0.00‡", "3"],
    ]
    assert "‡: answers one class only: flat in 2 of 3 repeats" in table
    assert closing_table(frame, "test_auc").count("‡") == 2  # said of the cell, whose AUC may order images all the same
    assert not summary(frame, "test_auc")["is_constant"].any()
    no_order = frame.assign(**{"metrics.test_auc": 0.5})
    assert summary(no_order, "test_auc")["is_constant"].tolist() == [True, False, False]  # then no probability varies


def test_probabilities_of_a_label_that_do_not_vary() -> None:
    frame = multiclass({"flat": [0, 0, 1], "good": [0, 0, 0]}).drop(columns="metrics.test_f1_weighted")
    assert summary(frame, "test_auc")["is_constant"].tolist() == [True, False]
    assert "a label's probabilities do not vary: flat in 1 of 3 repeats" in closing_table(frame, "test_auc")


def some(**changes: object) -> Averages:
    facts = {"names": ("A", "B"), "label_names": ("A", "B", "C"), "rule": "frequent", "min_positives": 10}
    return Averages(**{**facts, "is_reliable": True, **changes})  # type: ignore[arg-type]


def test_the_closing_table_says_which_labels_and_shows_the_papers_rule_where_it_differs() -> None:
    frame = confirm({"a": [0.7, 0.71, 0.72]})
    same = closing_table(frame.assign(**{"metrics.test_auc_defined": frame["metrics.test_auc"]}), "test_auc", some())
    assert "AUC: mean over 2 of 3 labels, without C (10 positives and negatives or more in the validation set)" in same
    assert "paper's rule" not in same and "unreliable" not in same
    table = closing_table(frame.assign(**{"metrics.test_auc_defined": [0.6, 0.61, 0.62]}), "test_auc", some())
    assert rows_of(table, ("a",)) == [["a", "71.00±2.48", "61.00±2.48", "3"]]
    assert "paper's rule: the mean over every label that has positives and negatives in the test set" in table
    rare = closing_table(frame, "test_auc", some(min_positives=3, is_reliable=False))
    assert "unreliable: labels with only three positives or more" in rare


def test_averages_in_words() -> None:
    assert some().which == "2 of 3 labels, without C"
    assert some(names=("A",)).which == "1 of 3 labels: A"
    assert some(names=("A", "B", "C")).which == "all 3 labels"
    assert some(label_names=()).which == "2 labels: A, B"
    assert some(names=()).which == "none of the 3 labels" and some(names=(), is_reliable=False).warnings == []
    assert some(rule="defined").why == "every label that has positives and negatives in the test set"
    with pytest.raises(ValueError, match="must be a JSON list, but got 'A, B'"):
        names_in("A, B")
