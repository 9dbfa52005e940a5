"""One change at a time: which cells are a baseline's changes, in which order, and what the table and figure show."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.figures import figure_one_at_a_time
from analysis.pages.sections import content
from analysis.reading.trials import runs
from analysis.scores import one_change
from analysis.tables import one_at_a_time
from trainables.cell import Cell

PLAIN, ATTENTION = "transfer/none/densenet40/all", "attention/imagenet/densenet40/all"
SETTINGS = json.dumps({"rotation_deg": 15.0, "flip": True, "max_epochs": 2, "tuned": {"learning_rate": [1e-5, 1e-3]}})
GRADES = ("No", "Mild", "Severe")


def predictions(seed: int, strength: float) -> pd.DataFrame:
    """Of 90 images of 45 patients, 30 of each grade; a strength of 0 is chance."""
    grade = np.arange(90) % 3
    logits = strength * np.eye(3)[grade] + np.random.default_rng(seed).normal(size=(90, 3))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    table = pd.DataFrame({"image": [f"i{i:02d}" for i in range(90)], "patient": [f"p{i // 2:02d}" for i in range(90)]})
    table = table.assign(view="", sex="", age_years=np.nan, grade=grade)
    for column, name in enumerate(GRADES):
        table[f"label_{name}"] = (grade == column).astype(np.int8)
        table[f"probability_{name}"] = shares[:, column].astype(np.float32)
    return table


def add(store: Any, parent: str, name: str, strength: float, num_repeats: int = 3) -> None:
    """The repeats of a cell; its parameters are the baseline's, and only its name says what it varies."""
    cell = Cell.parse(name)
    config: dict[str, Any] = {"beta": 60.0, "teacher": cell.teacher} if cell.teacher != "none" else {}
    config["data_fraction"] = cell.data_fraction
    for seed in range(num_repeats):
        tags = {"cell": name, "trial": f"{name} {seed}"}
        rows = predictions(sum(map(ord, name)) + seed, strength)
        scores = {"test_auc": 0.7, "test_f1_weighted": 0.5, "test_num_constant": float(name == PLAIN and seed == 0)}
        store.trial(
            parent, metrics=scores, tags=tags, predictions=rows, seed=seed, student=cell.student,
            method=cell.method, selection_metric="f1_weighted", **config,
        )  # fmt: skip


@pytest.fixture
def varied(store: Any) -> Any:
    parent = store.sweep(data="phantom", settings=SETTINGS, label_names=json.dumps(GRADES))
    strengths = {
        PLAIN: 1.5,
        f"{PLAIN}@flip=false": 1.4,
        f"{PLAIN}@rotation_deg=0": 0.1,
        f"{PLAIN}@flip=false,rotation_deg=0": 2.6,
        f"{PLAIN}@learning_rate=0.0005": 1.6,
        ATTENTION: 1.5,
        f"{ATTENTION}@rotation_deg=0": 1.0,
        f"{PLAIN}@0.25,rotation_deg=0": 1.0,  # has no twin: no cell of that fraction is unvaried
    }
    for name, strength in strengths.items():
        add(store, parent, name, strength)
    return store


def test_a_change_belongs_to_the_unvaried_cell_of_its_own_column() -> None:
    names = [
        f"{PLAIN}@0.25", f"{PLAIN}@0.25,flip=false", f"{PLAIN}@flip=false", ATTENTION, PLAIN,
        f"{PLAIN}@from-random,flip=false", f"{ATTENTION}@flip=false,rotation_deg=0",
    ]  # fmt: skip
    found = one_change.columns(names)
    assert [(column.baseline.name, [cell.name for cell in column.changes]) for column in found] == [
        (ATTENTION, [f"{ATTENTION}@flip=false,rotation_deg=0"]),
        (f"{PLAIN}@0.25", [f"{PLAIN}@0.25,flip=false"]),
        (PLAIN, [f"{PLAIN}@flip=false"]),
    ]
    assert one_change.columns([PLAIN, ATTENTION]) == [] and one_change.columns([f"{PLAIN}@flip=false"]) == []


def test_the_baseline_stands_first_and_the_largest_effect_next(varied: Any) -> None:
    frame = one_change.rows(runs(varied.uri, "retina"))
    assert frame.groupby(["column", "metric"], sort=False).size().to_dict() == {
        ("Attention transfer, ImageNet teacher, DenseNet-40", "auc"): 2,
        ("Attention transfer, ImageNet teacher, DenseNet-40", "f1_weighted"): 2,
        ("Plain transfer, DenseNet-40", "auc"): 5,
        ("Plain transfer, DenseNet-40", "f1_weighted"): 5,
    }
    plain = frame[frame["column"].str.startswith("Plain") & frame["metric"].eq("auc")]
    assert plain["knob"].iloc[:3].tolist() == ["baseline", "rotation_deg", "flip + rotation_deg"]
    values = dict(zip(plain["knob"], plain["value"], strict=True))
    assert values == {
        "baseline": "", "rotation_deg": "15 -> 0", "flip + rotation_deg": "true -> false; 15 -> 0",
        "flip": "true -> false", "learning_rate": "searched -> 0.0005",
    }  # fmt: skip
    effects = plain["difference"].iloc[1:].abs().tolist()
    assert effects == sorted(effects, reverse=True) and plain["difference"].isna().tolist() == [True] + [False] * 4
    assert plain["difference"].iloc[1] < 0 < plain["difference"].iloc[2]
    for row in plain.iloc[1:].to_dict("records"):
        assert row["difference"] == pytest.approx(row["first_mean"] - plain["first_mean"].iloc[0])
        assert row["low"] < row["difference"] < row["high"] and row["basis"] == "paired"
    larger = plain[["p_patients", "p_seeds"]].max(axis=1)
    assert plain["p_holm"].min() == pytest.approx(4 * larger.min())  # the column's four changes, not the others'
    assert set(frame["phantom"]) == {"images"}


def test_the_table_has_one_line_per_change_and_links_its_repeats(varied: Any) -> None:
    recorded = runs(varied.uri, "retina")
    tables = one_at_a_time.tables(one_change.rows(recorded))
    assert [table.name for table in tables] == [
        f"one_at_a_time_{k}_{m}" for k in (1, 2) for m in ("auc", "f1_weighted")
    ]
    plain = tables[2]
    assert plain.title == "One change at a time: Plain transfer, DenseNet-40, AUC" and not plain.is_sortable
    first, second = ([cell.text for cell in line] for line in plain.body[:2])
    assert first[:2] == ["baseline", "-"] and set(first[3:9]) == {"-"} and first[-1] == "3"
    assert second[:2] == ["rotation_deg", "15 -> 0"] and second[3].startswith("-") and " to " in second[4]
    assert len(plain.body[1][2].run_ids) == 3
    assert first[2].endswith("\N{DOUBLE DAGGER}") and not second[2].endswith("\N{DOUBLE DAGGER}")
    assert any("Holm's correction for the 4 tests of this table" in note for note in plain.notes)


def test_the_figure_has_a_group_of_lines_per_column(varied: Any) -> None:
    auc, f1 = figure_one_at_a_time.pictures(one_change.rows(runs(varied.uri, "retina")))
    assert (auc.name, f1.name) == ("one_at_a_time", "one_at_a_time_f1_weighted")
    assert (
        auc.frame["group"].tolist()
        == ["Attention transfer, ImageNet teacher, DenseNet-40"] + ["Plain transfer, DenseNet-40"] * 4
    )
    assert auc.frame["label"].tolist()[:2] == ["rotation_deg: 15 -> 0"] * 2
    texts = [text.get_text() for text in auc.figure.axes[0].texts]
    assert "Plain transfer, DenseNet-40" in texts and f"{PLAIN}@rotation_deg=0" in texts
    assert "Plain transfer, DenseNet-40: rotation_deg: 15 -> 0: -" in auc.alternative


def test_a_report_has_them_only_where_a_cell_is_varied(varied: Any) -> None:
    shown = content(runs(varied.uri, "retina"))
    assert sum(table.name.startswith("one_at_a_time") for table in shown.tables) == 4
    assert [picture.name for picture in shown.pictures][:2] == ["one_at_a_time", "one_at_a_time_f1_weighted"]


def test_without_varied_cells_there_is_nothing(store: Any) -> None:
    parent = store.sweep(settings=SETTINGS)
    add(store, parent, PLAIN, 1.0)
    frame = one_change.rows(runs(store.uri, "retina"))
    assert frame.empty and one_at_a_time.tables(frame) == [] and figure_one_at_a_time.pictures(frame) == []


def test_without_predictions_the_recorded_scores_are_compared(store: Any) -> None:
    parent = store.sweep(settings=SETTINGS)
    for name, scores in ((PLAIN, [0.7, 0.72, 0.74]), (f"{PLAIN}@flip=false", [0.6, 0.62, 0.64])):
        for seed, score in enumerate(scores):
            tags = {"cell": name, "trial": f"{name} {seed}"}
            store.trial(parent, metrics={"test_auc": score}, tags=tags, seed=seed, student="densenet40")
    baseline, change = one_change.rows(runs(store.uri, "retina")).to_dict("records")
    assert baseline["first_mean"] == pytest.approx(0.72) and change["difference"] == pytest.approx(-0.1)
    assert change["basis"] == "repeats" and change["p_seeds"] < 0.05 and np.isnan(change["p_holm"])
