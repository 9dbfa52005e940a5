"""The forest plot: which cells stand together, in which order, and what tells the baseline."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.container import ErrorbarContainer

from analysis.figures import drawing, figure_cells

NAMES = [
    "attention/mimic-cxr/densenet40/all",
    "itself/mimic-cxr/none/none",
    "transfer/none/densenet40/all",
    "transfer/none/densenet121/last34",
    "attention/imagenet/densenet40/all",
    "transfer/none/densenet121/all",
]


def variance(names: Sequence[str] = NAMES) -> pd.DataFrame:
    facts = {"auc": 0.7, "low": 0.6, "high": 0.75, "sd_seeds": 0.01, "sd_patients": 0.02, "n": 3, "num_patients": 32}
    return pd.DataFrame([{"cell": name, **facts} for name in names])


def test_each_students_cells_stand_together_below_their_baseline() -> None:
    frame = figure_cells.rows(variance(), {"transfer/none/densenet40/all": "first weights"})
    assert frame["cell"].tolist() == [
        "transfer/none/densenet121/all",
        "transfer/none/densenet121/last34",
        "transfer/none/densenet40/all",
        "attention/imagenet/densenet40/all",
        "attention/mimic-cxr/densenet40/all",
        "itself/mimic-cxr/none/none",
    ]
    assert frame["is_baseline"].tolist() == [True, False, True, False, False, False]
    assert frame[["auc", "low", "high"]].iloc[0].tolist() == [70, 60, 75]
    assert frame["phantom"].tolist() == ["", "", "first weights", "", "", ""]


def test_a_depth_with_methods_is_a_group_of_its_own_below_its_own_baseline() -> None:
    at_head, at_34, taught_at_34 = (
        "transfer/none/densenet121/head",
        "transfer/none/densenet121/last34",
        "attention/imagenet/densenet121/last34",
    )
    taught_at_block2 = "attention/imagenet/densenet121/from-block2"  # whose baseline was not trained
    taught = "attention/imagenet/densenet121/all"
    plain = "transfer/none/densenet121/all"
    frame = figure_cells.rows(variance([at_head, taught_at_34, taught_at_block2, at_34, taught, plain]), {})
    groups = [
        (plain, plain),
        (taught, plain),
        (at_head, plain),
        (taught_at_block2, "transfer/none/densenet121/from-block2"),
        (at_34, at_34),
        (taught_at_34, at_34),
    ]
    assert list(zip(frame["cell"], frame["group"], strict=True)) == groups
    assert frame.loc[frame["is_baseline"], "cell"].tolist() == [plain, at_34]
    picture = figure_cells.picture(frame, [])
    assert picture is not None
    (legend,) = picture.figure.legends
    assert legend.get_texts()[0].get_text() == "plain transfer, at the same depth: the baseline"


def test_the_baseline_alone_is_a_black_square_and_every_cell_has_title_name_and_numbers() -> None:
    frame = figure_cells.rows(variance(), {"transfer/none/densenet40/all": "first weights"})
    picture = figure_cells.picture(frame, ["AUC: mean over 2 labels"])
    assert picture is not None
    (ax,) = picture.figure.axes
    marks = [bar.lines[0] for bar in ax.containers if isinstance(bar, ErrorbarContainer)]
    squares = [mark is not None and (mark.get_marker(), mark.get_color()) == ("s", drawing.BLACK) for mark in marks]
    assert squares == frame["is_baseline"].tolist()
    texts = [text.get_text() for text in ax.texts]
    assert len(texts) == 3 * len(frame) and set(NAMES) < set(texts)
    assert "Attention transfer, MIMIC-CXR teacher, DenseNet-40" in texts and "70.0 (60.0 to 75.0)" in texts
    assert "Plain transfer, DenseNet-40 PHANTOM" in texts  # this cell alone
    assert "AUC: mean over 2 labels" in picture.caption and "MIMIC-CXR teacher itself: 70.0" in picture.alternative


def test_where_all_images_are_phantoms_the_notice_marks_all_cells() -> None:
    frame = figure_cells.rows(variance(), dict.fromkeys(NAMES, "images"))
    picture = figure_cells.picture(frame, [])
    assert picture is not None and "PHANTOM DATA" in picture.figure.get_suptitle()
    assert not any("PHANTOM" in text.get_text() for text in picture.figure.axes[0].texts)


def test_no_cell_no_figure() -> None:
    assert figure_cells.picture(figure_cells.rows(variance().head(0), {}), []) is None


def test_a_cell_without_an_interval_has_its_mean_alone() -> None:
    few = variance(NAMES[:1]).assign(low=float("nan"), high=float("nan"))
    picture = figure_cells.picture(figure_cells.rows(few, {}), [])
    assert picture is not None and picture.alternative.endswith(": 70.0.") and "nan" not in picture.alternative
