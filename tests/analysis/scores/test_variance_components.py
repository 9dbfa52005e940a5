"""What each source of variance contributes, from runs that draw it alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.figures import figure_variance
from analysis.scores.comparisons import Draws
from analysis.scores.variance_components import ALL, COLUMNS, PATIENTS, component_rows

CELL, OTHER = "transfer/none/densenet40/all", "attention/imagenet/densenet40/all"


def repeats(drawn: str, values: list[float], cell: str = CELL) -> pd.DataFrame:
    return pd.DataFrame({"tags.cell": cell, "tags.drawn": drawn, "metrics.test_auc": values})


def rows() -> pd.DataFrame:
    confirm = pd.concat([repeats("seed+split", [0.7, 0.8, 0.9]), repeats("seed+split", [0.5, 0.6], OTHER)])
    alone = pd.concat(
        [repeats("seed", [0.80, 0.81, 0.82]), repeats("split", [0.6, 0.9]), repeats("split", [0.1], OTHER)]
    )
    spread = Draws(
        points_S=np.zeros(2),
        draws_SB=np.array([[0.0, 0.2], [0.1, 0.1]]),
        num_patients=9,
        parts_S=("split 1", "split 2"),
    )
    return component_rows(confirm, alone, {CELL: spread})


def test_each_source_by_hand() -> None:
    frame = rows()
    assert frame[["cell", "source", "n"]].to_numpy().tolist() == [
        [CELL, "seed", 3], [CELL, "split", 2], [CELL, ALL, 3], [CELL, PATIENTS, 0], [OTHER, ALL, 2],
    ]  # fmt: skip
    by_source = frame[frame["cell"] == CELL].set_index("source")
    assert by_source["sd"].to_dict() == pytest.approx(
        {"seed": 0.01, "split": 0.3 / 2**0.5, ALL: 0.1, PATIENTS: (0.02 / 2) ** 0.5}  # variances 0.02 and 0
    )
    assert by_source.loc["seed", "high"] == pytest.approx(0.01 * (2 / 0.0506356) ** 0.5)
    assert np.isnan(by_source.loc[PATIENTS, "low"])


def test_one_source_is_not_also_all_together() -> None:
    frame = component_rows(repeats("split", [0.6, 0.9, 0.7]), repeats("split", []), {})
    assert frame["source"].tolist() == ["split"]


@pytest.mark.parametrize(
    "confirm",
    [repeats("seed", [0.7, 0.8]), repeats("fold", [0.7, 0.8]).assign(**{"params.num_folds": 2}), repeats("seed", [])],
    ids=["the seed alone", "folds", "none"],
)
def test_nothing_to_show(confirm: pd.DataFrame) -> None:
    frame = component_rows(confirm, confirm.head(0), {})
    assert frame.empty and frame.columns.tolist() == COLUMNS
    assert figure_variance.picture(figure_variance.rows(frame, {})) is None


def test_the_figure_shows_every_line_and_says_it_in_words() -> None:
    frame = figure_variance.rows(rows(), {CELL: "teacher"})
    assert frame["sd"].iloc[0] == pytest.approx(1.0) and frame["place"].is_monotonic_increasing
    gaps = frame["place"].diff().dropna().tolist()
    assert gaps == [1, 1, 1, 1 + figure_variance.HEAD]  # room for the second cell's name
    picture = figure_variance.picture(frame)
    assert picture is not None
    (ax,) = picture.figure.axes
    assert [label.get_text() for label in ax.get_yticklabels()] == frame["source"].tolist()
    texts = [text.get_text() for text in ax.texts]
    assert "Plain transfer, DenseNet-40 PHANTOM" in texts and OTHER in texts
    assert "1.00 (0.52 to 6.28; n = 3)" in texts and "10.00" in texts
    assert "seed 1.00, split 21.21, all together 10.00, test patients 10.00" in picture.alternative
