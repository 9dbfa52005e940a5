"""Thresholds of validation images, and what is decided with them: grades as referable or not, labels one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analysis.scores.operating_points import REFERABLE, counts_at, decided, referable_from, thresholds, thresholds_SL
from analysis.stats.thresholds import Rule
from tests.drawn_predictions import made, of_grades, of_labels
from trainables.data.catalogue import DATASETS

YOUDEN = Rule(kind="youden")


def test_grades_become_one_question() -> None:
    grades = of_grades(1)
    referable = decided(grades, "retina")
    assert referable.label_names == (REFERABLE,) and not referable.is_multiclass and referable.averaged_L.all()
    wanted = grades.probabilities_NL[:, 2] + grades.probabilities_NL[:, 3] + grades.probabilities_NL[:, 4]
    np.testing.assert_allclose(referable.probabilities_NL[:, 0], wanted, rtol=1e-6)
    assert referable.positive_NL[:, 0].tolist() == (grades.positive_NL.argmax(axis=1) >= 2).tolist()
    assert referable.known_NL.all() and referable.images is grades.images


def test_labels_and_other_classes_stay_what_they_are() -> None:
    labels, grades = of_labels(1), of_grades(1)
    assert decided(labels, "chestxray8") is labels and decided(grades, "my") is grades
    assert len(decided(replace(grades, label_names=tuple("abcde")), "retina").label_names) == 5


def test_only_grades_of_a_record_that_says_so_are_referable() -> None:
    assert [name for name, record in DATASETS.items() if record.referable_from] == ["retina"]
    assert referable_from("retina", DATASETS["retina"].label_names) == 2
    with pytest.raises(ValueError, match=r"must be a grade after the first of No DR, Mild, .* but retina has 'No DR'"):
        replace(DATASETS["retina"], referable_from="No DR")
    with pytest.raises(ValueError, match="but chestxray8 has 'Edema'"):
        replace(DATASETS["chestxray8"], referable_from="Edema")


def test_a_sum_of_probabilities_does_not_pass_1() -> None:
    almost = np.array([[0.0, 0.0, 0.5, 0.25, 0.25 + 1e-6]])
    grades = made(almost, np.eye(5, dtype=bool)[[2]], of_grades(1).label_names, is_multiclass=True)
    assert decided(grades, "retina").probabilities_NL.item() == 1.0


def test_the_threshold_of_each_label_by_hand() -> None:
    score = np.array([[0.1, 0.9], [0.4, 0.8], [0.35, 0.7], [0.8, 0.1]])
    positive = np.array([[0, 1], [0, 1], [1, 0], [1, 0]], dtype=bool)
    assert thresholds(made(score, positive, ("A", "B")), YOUDEN) == [pytest.approx(0.8), pytest.approx(0.8)]
    # Without its third image, A has one positive, which all negatives lie below.
    known = np.array([[1, 1], [1, 1], [0, 1], [1, 1]], dtype=bool)
    wanted = Rule(kind="sensitivity", level=0.9)
    assert thresholds(made(score, positive, ("A", "B")), wanted) == [pytest.approx(0.35), pytest.approx(0.8)]
    assert thresholds(made(score, positive, ("A", "B"), known_NL=known), wanted)[0] == pytest.approx(0.8)


def test_what_has_no_threshold() -> None:
    score = np.array([[0.1, 0.5], [0.4, 0.5], [0.7, 0.5]])
    positive = np.array([[1, 1], [1, 0], [1, 0]], dtype=bool)
    constant = made(score, positive, ("A", "B"))
    assert thresholds(constant, Rule(kind="specificity", level=0.9)) == [None, None]
    matrix = thresholds_SL([constant, of_labels(3)], YOUDEN)
    assert np.isnan(matrix[0]).tolist() == [True, False] and np.isfinite(matrix[1]).all()


def test_decisions_on_other_images() -> None:
    tested = of_labels(1, unknown=0.2)
    threshold = np.array([0.5, 0.25])
    counts = counts_at(tested, threshold)
    for label in range(2):
        known = tested.known_NL[:, label]
        alarm = tested.probabilities_NL[known, label] >= threshold[label]
        assert counts.true_positives[0, label] == (alarm & tested.positive_NL[known, label]).sum()
        assert counts.images[0, label] == known.sum() < 120
