"""The chapter on ensembles: what it shows, and why it may show nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.chapters.ensembles import chapter
from analysis.pages.evidence import Evidence
from analysis.pages.predicted import from_predictions
from analysis.reading.trials import Runs, runs
from analysis.scores.ensemble_rows import WEIGHTS
from analysis.tables.rendering import text

CELL = "transfer/none/densenet121/all"


def answers(seed: int, num_images: int = 60, positives: int = 30) -> pd.DataFrame:
    names = [f"i{image:03d}" for image in range(num_images)]
    truth = np.arange(num_images) < positives
    score = truth + 1.5 * np.random.default_rng(seed).normal(size=num_images)
    frame = pd.DataFrame(
        {"split": "test", "image": names, "patient": names, "view": "", "sex": "", "age_years": np.nan}
    )
    return frame.assign(label_ill=truth.astype(np.int8), probability_ill=1 / (1 + np.exp(-score)))


def evidence(recorded: Runs) -> Evidence:
    predicted = from_predictions(recorded)
    return Evidence(runs=recorded, tested=predicted.tested, draws=predicted.draws)


def sweep(store: Any, num_repeats: int, **facts: Any) -> Runs:
    parent = store.sweep("own", label_names='["ill"]')
    for seed in range(num_repeats):
        store.trial(parent, seed=seed, metrics={"test_auc": 0.7}, predictions=answers(seed), **facts)
    return runs(store.uri, "own")


def test_the_ensemble_stands_beside_the_single_students(store: Any) -> None:
    made = chapter(evidence(sweep(store, 3)))
    (row,) = made.tables[0].frame.to_dict("records")
    assert row["cell"] == CELL and row["ensemble"] > row["single"] and row["n"] == 3
    assert row["low"] < row["ensemble"] < row["high"] and len(made.pictures) == 1
    assert any("no spread over seeds exists" in line for line in made.sentences)
    assert any("python -m platform.evaluate weight-average --dataset own" in line for line in made.sentences)
    assert f"{100 * row['ensemble']:.2f}" in text(made.tables[0])


def test_averaged_weights_are_shown_where_they_are(store: Any, tmp_path: Any) -> None:
    recorded = sweep(store, 3)
    first = str(recorded.trained.sort_values("params.seed")["run_id"].iloc[0])
    answers(9).to_parquet(tmp_path / "weight_average.parquet")
    store.client.log_artifact(first, str(tmp_path / "weight_average.parquet"))
    store.client.set_tag(first, "weight_average_of", "3")
    store.client.set_tag(str(recorded.sweeps["run_id"].iloc[-1]), "weight_averages", CELL)
    made = chapter(evidence(runs(store.uri, "own")))
    assert (made.tables[0].frame["answer"] == WEIGHTS).sum() == 1
    assert any(
        line.startswith(f"The test set was opened once more for the averaged weights of {CELL}")
        for line in made.sentences
    )
    assert not any("weight-average --dataset" in line for line in made.sentences)


def test_one_student_makes_no_ensemble(store: Any) -> None:
    made = chapter(evidence(sweep(store, 1)))
    assert "no cell has a second student: run the sweep with --repeats 3" in made.empty and not made.tables


def test_without_predictions_the_chapter_says_so(store: Any) -> None:
    store.trial(store.sweep("own"), metrics={"test_auc": 0.7})
    assert "no student has predictions of test images" in chapter(evidence(runs(store.uri, "own"))).empty


@pytest.mark.parametrize(("number", "option"), [("split_draw", "--vary-in-repeats"), ("fold", "--folds")])
def test_students_of_other_splits_make_no_ensemble(store: Any, number: str, option: str) -> None:
    parent = store.sweep("own", label_names='["ill"]', vary_in_repeats="seed+split")
    for draw in (1, 2, 3):
        redrawn = {number: draw, **({"num_folds": 3} if number == "fold" else {})}
        tags = {"drawn": "fold" if number == "fold" else "seed+split"}
        store.trial(parent, seed=draw, metrics={"test_auc": 0.7}, predictions=answers(draw), redrawn=redrawn, tags=tags)
    made = chapter(evidence(runs(store.uri, "own")))
    assert option in made.empty and "what tests one student has trained another" in made.empty and not made.tables
