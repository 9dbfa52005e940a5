"""Confusion matrices and agreement: recomputed with scikit-learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score, confusion_matrix, f1_score

from analysis.scores.comparisons import weights_of
from analysis.scores.grades import agreement_rows, confusion_rows
from tests.drawn_predictions import GRADES, of_grades

CELL = "attention/imagenet/densenet121/all"
TESTED = [of_grades(seed) for seed in range(3)]
TRUE = TESTED[0].positive_NL.argmax(axis=1)
ANSWERS = [repeat.probabilities_NL.argmax(axis=1) for repeat in TESTED]


def test_counts_are_means_over_repeats() -> None:
    frame = confusion_rows(CELL, TESTED)
    theirs = np.mean([confusion_matrix(TRUE, answer, labels=range(5)) for answer in ANSWERS], axis=0)
    assert frame["num_images"].to_numpy().reshape(5, 5).tolist() == pytest.approx(theirs)
    assert frame["share"].to_numpy().reshape(5, 5).sum(axis=1).tolist() == pytest.approx([1] * 5)
    assert frame["true"].tolist()[:6] == [GRADES[0]] * 5 + [GRADES[1]]


def test_folds_are_counted_together() -> None:
    folds = [replace(repeat, test_part=f"fold {number}") for number, repeat in enumerate(TESTED, 1)]
    frame = confusion_rows(CELL, folds)
    assert frame["num_images"].sum() == 3 * 150 and confusion_rows(CELL, TESTED)["num_images"].sum() == 150
    assert agreement_rows(CELL, folds, None)["num_images"].tolist() == [450]


def test_agreement_and_its_interval() -> None:
    weights = weights_of(TESTED[0])
    (row,) = agreement_rows(CELL, TESTED, weights).to_dict("records")
    kappas = [cohen_kappa_score(TRUE, answer, weights="quadratic") for answer in ANSWERS]
    assert row["kappa"] == pytest.approx(np.mean(kappas))
    assert row["accuracy"] == pytest.approx(np.mean([accuracy_score(TRUE, answer) for answer in ANSWERS]))
    scores = [f1_score(TRUE, answer, average="weighted") for answer in ANSWERS]
    assert row["f1_weighted"] == pytest.approx(np.mean(scores))
    draws = [[accuracy_score(TRUE, answer, sample_weight=draw) for draw in weights] for answer in ANSWERS]
    chosen = np.random.default_rng(0).integers(3, size=(3, 1000))
    drawn = np.take_along_axis(np.array(draws), chosen, axis=0).mean(axis=0)
    ends = [row["accuracy_low"], row["accuracy_high"]]
    assert ends == pytest.approx(np.quantile(drawn, [0.025, 0.975]).tolist())
    assert row["kappa_low"] < row["kappa"] < row["kappa_high"] and row["num_images"] == 150


def test_a_grade_that_no_image_has() -> None:
    worst = np.where(TRUE == 4, 3, TRUE)
    few = [replace(repeat, positive_NL=np.eye(5, dtype=bool)[worst]) for repeat in TESTED]
    frame = confusion_rows(CELL, few)
    absent = frame[frame["true"] == GRADES[4]]
    assert absent["num_images"].eq(0).all() and absent["share"].isna().all()
