"""Thresholds carried to another hospital: what has too few images, or too few students, for a number or an interval."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analysis.reading.other_hospital import BothHospitals
from analysis.scores import external_scores, external_thresholds
from analysis.scores.external_draws import Resampled
from analysis.stats.thresholds import YOUDEN, Rule
from tests.analysis.scores.test_external_scores import LABELS, PLAIN, hospitals
from tests.drawn_predictions import of_grades


def test_decisions_with_too_few_images_have_no_row() -> None:
    """Of grades, those that are compared may all be below the first that is referred."""
    sides = BothHospitals(
        here=[of_grades(k, prefix="h") for k in range(3)],
        there=[of_grades(k + 7, 200, images_seed=3, prefix="t") for k in range(3)],
        validated=[of_grades(k, images_seed=4, prefix="v") for k in range(3)],
    )
    for num_referable, has_row in ((0, False), (9, False), (10, True)):
        there = []
        for each in sides.there:
            grade_N = each.positive_NL.argmax(axis=1)
            grade_N[np.flatnonzero(grade_N > 1)[num_referable:]] = 1
            there.append(replace(each, positive_NL=np.eye(5, dtype=bool)[grade_N]))
        cells = {PLAIN: replace(sides, there=there)}
        averaged = external_scores.averaged_labels(cells)
        assert {"No_DR", "Mild"} <= {*averaged}
        frame = external_thresholds.rows("retina", cells, averaged, [Rule(kind=YOUDEN)], Resampled())
        assert len(frame) == has_row, num_referable


def test_a_threshold_carried_by_two_students_has_no_interval_and_one_by_a_teacher_has() -> None:
    sides = hospitals(num_repeats=2)
    frame = external_thresholds.rows("chexpert", {PLAIN: sides}, LABELS, [Rule(kind=YOUDEN)], Resampled())
    assert frame["sensitivity_change"].notna().all() and frame["sensitivity_low"].isna().all()
    teacher = {"itself/chexpert/none/none": hospitals(num_repeats=1)}
    frame = external_thresholds.rows("chexpert", teacher, LABELS, [Rule(kind=YOUDEN)], Resampled())
    assert frame["sensitivity_low"].notna().all()
