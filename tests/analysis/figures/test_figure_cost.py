"""Score against cost: which cells are unbeaten, and that the figure has them all."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.figures import figure_cost

CELLS = {  # cell -> (seconds of each repeat, AUC)
    "transfer/none/densenet40/all": ([100.0, 140.0], 0.70),
    "attention/wise/densenet40/all": ([200.0, 200.0], 0.80),
    "hints/wise/densenet40/all": ([300.0, 300.0], 0.75),  # slower and worse than attention
    "cka/wise/densenet40/all": ([200.0, 200.0], 0.78),  # as quick and worse
    "itself/wise/none/none": ([1.0, 1.0], 0.9),
}


@pytest.fixture
def frame() -> pd.DataFrame:
    trials = [(cell, "confirm", s) for cell, (seconds, _) in CELLS.items() for s in seconds]
    trials.append(("transfer/none/densenet40/all", "search", 5_000.0))
    costs = pd.DataFrame(trials, columns=["cell", "phase", "seconds"])
    variance = pd.DataFrame({"cell": list(CELLS), "auc": [auc for _, auc in CELLS.values()], "n": 2})
    variance = variance.assign(low=variance["auc"] - 0.05, high=variance["auc"] + 0.05)
    variance.loc[0, ["low", "high"]] = np.nan
    return figure_cost.rows(costs, variance, {"attention/wise/densenet40/all": "teacher"})


def test_no_other_cell_is_as_good_and_quicker_or_as_quick_and_better(frame: pd.DataFrame) -> None:
    names = ["transfer", "attention", "cka", "hints"]  # from the quickest on, and no teacher itself
    assert [name.partition("/")[0] for name in frame["cell"]] == names
    assert frame["is_best_buy"].tolist() == [True, True, False, False]
    assert frame["seconds"].tolist() == [120.0, 200.0, 200.0, 300.0]  # the search is not a student's training
    assert frame["auc"].tolist() == pytest.approx([70, 80, 78, 75])


def test_the_figure_names_every_cell_and_marks_phantoms(frame: pd.DataFrame) -> None:
    picture = figure_cost.picture(frame)
    assert picture is not None
    (ax,) = picture.figure.axes
    assert ax.get_xlabel() == "minutes to train one student"
    labels = ax.get_legend_handles_labels()[1]
    assert len(labels) == 4
    assert [label for label in labels if "PHANTOM" in label] == [label for label in labels if "attention/" in label]
    assert "transfer/none/densenet40/all: 70.0 in 2.00 minutes, unbeaten" in picture.alternative
    assert "cka/wise/densenet40/all: 78.0 in 3.33 minutes;" in picture.alternative


def test_a_single_cell_is_compared_with_nothing(frame: pd.DataFrame) -> None:
    assert figure_cost.picture(frame[:1]) is None
