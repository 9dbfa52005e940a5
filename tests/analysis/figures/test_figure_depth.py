"""Score against trainable parameters: which lines there are, where their marks stand, and what tells them apart."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer

from analysis.figures import figure_depth
from analysis.reading.trials import runs

COUNTS = {"head": "14350", "last34": "2700814", "from-block1": "6958670", "all": "6968206"}
TAUGHT: dict[str, Any] = {"method": "attention", "teacher": "imagenet", "beta": 5.0}


def add(store: Any, parent: str, values: list[float], *, student: str = "densenet121", **config: Any) -> None:
    """Three repeats of a cell, with the tag that a sweep gives them."""
    count = COUNTS[config.get("unfreeze", "all")] if student == "densenet121" else "1364142"
    for seed, value in enumerate(values):
        tags = {"num_trainable": count}
        store.trial(parent, seed=seed, metrics={"test_auc": value}, tags=tags, student=student, **config)


@pytest.fixture
def swept(store: Any) -> Any:
    parent = store.sweep()
    for depth, middle in (("head", 0.6), ("last34", 0.7), ("all", 0.75)):
        add(store, parent, [middle - 0.05, middle, middle + 0.05], unfreeze=depth)
    add(store, parent, [0.75, 0.8, 0.85], unfreeze="last34", **TAUGHT)
    add(store, parent, [0.7, 0.8, 0.9], **TAUGHT)
    add(store, parent, [0.6, 0.65, 0.7], student="densenet40")
    nobody = {"student": "none", "unfreeze": "none", "init": "none"}
    store.trial(parent, method="itself", teacher="imagenet", metrics={"test_auc": 0.9}, **nobody)
    return store


def test_a_line_has_the_depths_of_a_method_a_teacher_and_a_student(swept: Any) -> None:
    frame = figure_depth.rows(runs(swept.uri, "retina"))
    lines = {line: of["unfreeze"].tolist() for line, of in frame.groupby("line")}
    assert lines == {
        "Plain transfer, DenseNet-121": ["head", "last34", "all"],
        "Plain transfer, DenseNet-40": ["all"],
        "Attention transfer, ImageNet teacher, DenseNet-121": ["last34", "all"],
    }  # and no teacher itself
    plain = frame[frame["line"] == "Plain transfer, DenseNet-121"]
    assert plain["num_trainable"].tolist() == [14350, 2_700_814, 6_968_206]
    assert plain["auc"].tolist() == pytest.approx([60, 70, 75])
    # s = 5, t(2) = 4.30265: 4.30265 * 5 / sqrt 3 = 12.4207
    assert plain["half_width"].tolist() == pytest.approx([12.4207] * 3, abs=1e-3)
    assert frame["panel"].unique().tolist() == ["all training data"]


def test_lines_differ_in_colour_dash_or_mark_and_depths_are_named_above(swept: Any) -> None:
    add(swept, swept.sweep(name="second"), [0.7, 0.75, 0.8], unfreeze="from-block1")
    picture = figure_depth.picture(runs(swept.uri, "retina"))
    assert picture is not None
    (ax,) = picture.figure.axes
    bars = [each for each in ax.containers if isinstance(each, ErrorbarContainer)]
    lines = [bar.lines[0] for bar in bars]
    looks = {
        str(bar.get_label()): (line.get_color(), line.get_linestyle(), line.get_marker())
        for bar, line in zip(bars, lines, strict=True)
        if line is not None
    }
    assert len(set(looks.values())) == len(looks) == 3
    assert looks["Plain transfer, DenseNet-121"] == ("#000000", "-", "o")
    assert looks["Attention transfer, ImageNet teacher, DenseNet-121"][:2] == ("#0072B2", "--")
    assert [text.get_text() for text in ax.texts] == [
        "● head", "■ all", "● last34", "● from-block1\n● all"
    ]  # fmt: skip
    assert ax.get_xscale() == "log"
    low, high = ax.get_ylim()
    frame = picture.frame
    assert low < (frame["auc"] - frame["half_width"]).min() and high > (frame["auc"] + frame["half_width"]).max()
    assert (
        "Plain transfer, DenseNet-121, all training data: 75.00 (from-block1, 6,958,670 parameters)"
        in picture.alternative
    )


def test_each_amount_of_data_and_first_weights_is_a_panel(swept: Any) -> None:
    parent = swept.sweep(name="second")
    for depth in ("head", "all"):
        add(swept, parent, [0.5, 0.55, 0.6], unfreeze=depth, data_fraction=0.25, init="random")
    frame = figure_depth.rows(runs(swept.uri, "retina"))
    assert set(frame["panel"]) == {"all training data", "25% of the training data, from-random"}


def test_without_two_depths_of_a_line_there_is_no_figure(store: Any) -> None:
    parent = store.sweep()
    add(store, parent, [0.6, 0.65, 0.7])
    add(store, parent, [0.6, 0.65, 0.7], unfreeze="last34", **TAUGHT)  # another method: depths of two lines
    assert figure_depth.picture(runs(store.uri, "retina")) is None
    add(store, parent, [0.6, 0.65, 0.7], unfreeze="head")
    assert figure_depth.picture(runs(store.uri, "retina")) is not None


def test_a_single_repeat_has_a_mark_without_an_interval(store: Any) -> None:
    parent = store.sweep()
    add(store, parent, [0.6], unfreeze="head")
    add(store, parent, [0.7])
    picture = figure_depth.picture(runs(store.uri, "retina"))
    assert picture is not None and np.isnan(picture.frame["half_width"]).all()
    assert "Nothing is ranked: that takes three repeats or more." in picture.alternative


def test_over_splits_drawn_anew_the_bars_are_not_students(store: Any) -> None:
    sizes = json.dumps({"Retina": {"train": 70, "validation": 10, "test": 20}})
    parent = store.sweep(vary_in_repeats="seed+split", table_2=sizes)
    for depth in ("head", "all"):
        for draw, value in enumerate([0.65, 0.7, 0.75], 1):
            tags = {
                "num_trainable": COUNTS[depth], "drawn": "seed+split",
                "sweep_setup": json.dumps({"split_fingerprint": "split-a"}),
            }  # fmt: skip
            store.trial(
                parent, seed=draw, unfreeze=depth, metrics={"test_auc": value}, tags=tags,
                redrawn={"split_draw": draw}, split_fingerprint=f"split-{draw}",
            )  # fmt: skip
    picture = figure_depth.picture(runs(store.uri, "retina"))
    assert picture is not None
    # Student's half-width is 12.4207; corrected by sqrt(1 + 3 * 20 / 70)
    assert picture.frame["half_width"].tolist() == pytest.approx([16.926] * 2, abs=1e-3)
    assert "corrected resampled t" in picture.caption and "Student" not in picture.caption
