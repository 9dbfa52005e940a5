"""What a report says where repeats have splits drawn anew, or are the folds of a cross-validation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis import report
from analysis.pages.sections import content
from analysis.reading.trials import runs
from analysis.tables import rendering

CELLS: list[dict[str, Any]] = [
    {"method": "transfer", "teacher": "none", "student": "densenet40"},
    {"method": "attention", "teacher": "imagenet", "student": "densenet40", "beta": 3.0},
]
COUNTS = json.dumps({"eyes": {"train": 60, "validation": 20, "test": 20}})
SETUP = {"sweep_setup": json.dumps({"split_fingerprint": "split-a"})}


def predictions(images: np.ndarray, strength: float, seed: int) -> pd.DataFrame:
    truth = images % 2 == 0
    score = 1 / (1 + np.exp(-(strength * truth + np.random.default_rng(seed).normal(size=len(images)))))
    names = [f"i{image:03d}" for image in images]
    table = pd.DataFrame({"image": names, "patient": names, "view": "", "sex": "", "age_years": np.nan})
    return table.assign(
        grade=truth.astype(int), label_ill=truth.astype(np.int8), probability_ill=score.astype(np.float32)
    )


def add(store: Any, parent: str, number: int, images: np.ndarray, drawn: str, redrawn: dict[str, int]) -> None:
    """A repeat of each cell, which all see the same test images."""
    for place, cell in enumerate(CELLS):
        rows = predictions(images, 1.0 + 2 * place, 10 * number + place)
        beta = {"beta": 3.0 + number} if "beta" in cell and redrawn.get("fold") else {}
        fingerprint = "-".join(["split", *map(str, redrawn.values())]) if redrawn else "split-a"
        store.trial(
            parent, seed=number, metrics={"test_auc": 0.7 + 0.1 * place + 0.01 * number}, predictions=rows,
            curve={"val_auc": [0.6, 0.65 + 0.01 * number]}, split_fingerprint=fingerprint, redrawn=redrawn,
            tags={"drawn": drawn, **(SETUP if redrawn else {})}, **{**cell, **beta},
        )  # fmt: skip


@pytest.fixture
def splits(store: Any) -> Any:
    """Three repeats with another seed and split each, and of either alone."""
    parent = store.sweep("eyes", vary_in_repeats="seed+split", label_names='["ill"]', table_2=COUNTS)
    for draw in (1, 2, 3):
        images = np.random.default_rng(draw).permutation(100)[:40]
        add(store, parent, draw, images, "seed+split", {"split_draw": draw})
        add(store, parent, draw, images, "split", {"split_draw": draw, "order_seed": 0})
        add(store, parent, draw, np.arange(40), "seed", {})
    return store


@pytest.fixture
def folds(store: Any) -> Any:
    """Three folds, each with a search and a repeat."""
    parent = store.sweep("eyes", vary_in_repeats="seed", label_names='["ill"]', table_2=COUNTS)
    for fold in (1, 2, 3):
        redrawn = {"num_folds": 3, "fold": fold}
        store.trial(parent, phase="search", curve={"best_score": [0.6]}, redrawn=redrawn, tags=SETUP, **CELLS[0])
        add(store, parent, fold, np.arange(fold - 1, 120, 3), "fold", redrawn)
    return store


@pytest.mark.usefixtures("svg_alone")
def test_a_report_over_splits(splits: Any, tmp_path: Path) -> None:
    assert report.main(["eyes", "--tracking-uri", splits.uri, "--out", str(tmp_path)]) == 0
    html = (tmp_path / "eyes" / "index.html").read_text()
    for line in (
        "3 splits, 40 test patients in each",
        "Cells are paired by splits: in each, all see the same test images.",
        "The spread shown is of seed and split.",
        "spread of seed and split over n repeats",
        "Where the variance comes from",
        "repeats on splits drawn anew share no one test set",
        "split-a, and 3 drawn anew",
        "6 confirming repeats; 12 that draw other sources anew, and are no part of a score",
        "the prepared split, of the search; repeats have others of these sizes",
    ):
        assert line in html, line
    assert "hierarchical bootstrap" not in html and "paired by patient" not in html


def test_the_components_are_in_no_score(splits: Any) -> None:
    shown = content(runs(splits.uri, "eyes"))
    tables = {table.name: table for table in shown.tables}
    assert [cell.text for cell in tables["results"].body[1]] == ["  n", "3", "3"]
    components = tables["variance_components"].frame
    assert components["source"].tolist() == ["seed", "split", "all together", "test patients"] * 2
    assert "p_patients" not in tables["comparisons"].frame and tables["comparisons"].frame["n"].tolist() == [3]
    assert "delong" not in {name for name, table in tables.items() if table.body}


@pytest.mark.usefixtures("svg_alone")
def test_a_report_over_folds(folds: Any, tmp_path: Path) -> None:
    assert report.main(["eyes", "--tracking-uri", folds.uri, "--out", str(tmp_path)]) == 0
    html = (tmp_path / "eyes" / "index.html").read_text()
    for line in (
        "3 folds, 120 patients, each tested once",
        "Cross-validation in 3 folds: every patient is tested once",
        "AUC and AUPRC: taken within folds",
        "folds would rank the probabilities of different students against each other",
        "Was the budget equal?: each fold has a search of its own",
        "5 (4 to 6)",  # the betas that the folds chose
        "Reliability on test images, labels and folds together",
        "split-a as prepared, divided anew in 3 folds",
    ):
        assert line in html, line
    assert "hierarchical bootstrap" not in html and "Where the variance comes from" not in html


def test_the_sizes_of_folds_are_those_of_their_own_training_images(folds: Any) -> None:
    tables = {table.name: rendering.text(table) for table in content(runs(folds.uri, "eyes")).tables}
    assert "50 training images" in tables["results"]  # 100 images, a third of them tested on, 3/4 of the rest
    assert "the first of 3 folds; in each, other patients are tested" in tables["table_2"]


def test_the_seed_alone_is_said_to_be_alone(store: Any) -> None:
    parent = store.sweep("eyes", label_names='["ill"]', table_2=COUNTS)
    for seed in (1, 2, 3):
        add(store, parent, seed, np.arange(40), "seed", {})
    shown = content(runs(store.uri, "eyes"))
    assert shown.spread.startswith("The spread shown is of the seed alone, on one split")
    assert "Where the variance comes from" not in {picture.title for picture in shown.pictures}
    assert "hierarchical bootstrap" in shown.basis and "3 repeats each, 40 test patients" in shown.answers[0].sentence
