"""A cell's score by any metric: as the training code computes it, and in draws that count images several times."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.reading.predictions import Predictions, from_frame
from analysis.scores.drawn_metrics import averaged_names, averaging, drawn, metrics_of
from trainables.metrics import multiclass_metrics, multilabel_metrics

NAMES = ("No DR", "Mild", "Severe")


def classes(seed: int = 0, size: int = 60) -> Predictions:
    rng = np.random.default_rng(seed)
    grade = np.arange(size) % 3
    shares = rng.dirichlet(np.ones(3), size=size) + 0.5 * np.eye(3)[grade]
    frame = pd.DataFrame(
        {"split": "test", "image": [f"i{i}" for i in range(size)], "patient": [f"p{i // 2}" for i in range(size)]}
    )
    frame = frame.assign(view="", sex="", age_years=np.nan, grade=grade)
    for column, name in enumerate(("No_DR", "Mild", "Severe")):
        frame[f"label_{name}"] = (grade == column).astype(np.int8)
        frame[f"probability_{name}"] = shares[:, column].astype(np.float32)
    return from_frame(frame, averaged=NAMES)


def labels() -> Predictions:
    """Two labels, with an uncertain one that policy "ignore" does not score."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {"split": "test", "image": [f"i{i}" for i in range(40)], "patient": [f"p{i}" for i in range(40)]}
    )
    frame = frame.assign(view="", sex="", age_years=np.nan)
    for name in ("A", "B"):
        frame[f"label_{name}"] = rng.integers(-1, 2, size=40).astype(np.int8)
        frame[f"probability_{name}"] = rng.random(40).astype(np.float32)
    return from_frame(frame, "ignore", averaged=["A"])


@pytest.mark.parametrize("metric", ["auc", "f1_weighted", "accuracy", "kappa"])
def test_with_classes_the_points_are_the_trainings_own_metrics(metric: str) -> None:
    repeats = [classes(seed) for seed in (1, 2)]
    once = np.ones((1, 60), dtype=np.float32)
    of_cell = drawn(metric, repeats, once)
    assert of_cell is not None and of_cell.num_patients == 30
    grade = repeats[0].positive_NL.argmax(axis=1)
    known = [multiclass_metrics(repeat.probabilities_NL, grade, NAMES)[metric] for repeat in repeats]
    assert of_cell.points_S.tolist() == pytest.approx(known)
    assert of_cell.draws_SB[:, 0].tolist() == pytest.approx(known)


@pytest.mark.parametrize("metric", ["auc", "accuracy"])
def test_with_labels_too_and_what_is_not_known_does_not_count(metric: str) -> None:
    repeat = labels()
    of_cell = drawn(metric, [repeat], np.ones((1, 40), dtype=np.float32))
    assert of_cell is not None and not repeat.known_NL.all()
    targets = repeat.positive_NL.astype(float)
    known = multilabel_metrics(repeat.probabilities_NL, targets, repeat.known_NL, ("A", "B"), ["A"])[metric]
    assert [of_cell.points_S[0], of_cell.draws_SB[0, 0]] == pytest.approx([known, known])


def test_an_image_that_is_drawn_twice_counts_twice() -> None:
    repeat = labels()
    weights = np.zeros((1, 40), dtype=np.float32)
    weights[0, :3] = (2, 1, 0)
    of_cell = drawn("accuracy", [repeat], weights)
    assert of_cell is not None
    right = (repeat.probabilities_NL > 0.5) == repeat.positive_NL
    drawn_twice = [0, 0, 1]
    expected = right[drawn_twice][repeat.known_NL[drawn_twice]].mean()
    assert of_cell.draws_SB[0, 0] == pytest.approx(expected)


def test_which_metrics_there_are() -> None:
    assert metrics_of(classes(), "kappa") == ("auc", "f1_weighted", "kappa")
    assert metrics_of(classes(), "f1_weighted") == ("auc", "f1_weighted")
    assert metrics_of(labels(), "auc") == ("auc",) and metrics_of(labels(), "accuracy") == ("auc", "accuracy")
    with pytest.raises(ValueError, match="the metric must be one of auc, f1_weighted, accuracy, kappa, but got 'f1'"):
        drawn("f1", [classes()], np.ones((1, 60), dtype=np.float32))


def test_kappa_of_labels_and_of_one_class_is_not_defined() -> None:
    once = np.ones((1, 40), dtype=np.float32)
    assert drawn("kappa", [labels()], once) is None
    repeat = classes(size=40)
    of_one = replace(
        repeat, positive_NL=np.eye(3, dtype=bool)[[0] * 40], probabilities_NL=np.eye(3, dtype=np.float32)[[0] * 40]
    )
    assert drawn("kappa", [of_one], once) is None


def test_another_average() -> None:
    (repeat,) = averaging([classes()], ["Mild"])
    assert averaged_names([repeat]) == ("Mild",) and averaged_names([classes()]) == ("No_DR", "Mild", "Severe")
