"""Decision curves: every point from the predictions by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analysis.scores.net_benefits import curve_rows
from tests.drawn_predictions import made, of_labels

CELL = "attention/imagenet/densenet121/all"


def test_every_point_by_hand() -> None:
    tested = [of_labels(seed, unknown=0.1) for seed in range(2)]
    frame = curve_rows(CELL, tested).set_index("threshold_probability")
    assert len(frame) == 99
    for p in (0.01, 0.25, 0.5, 0.9):
        ours, of_all = [], []
        for repeat in tested:
            for column in range(2):
                known = repeat.known_NL[:, column]
                true, treated = repeat.positive_NL[known, column], repeat.probabilities_NL[known, column] >= p
                ours.append((treated & true).mean() - (treated & ~true).mean() * p / (1 - p))
                of_all.append(true.mean() - (1 - true.mean()) * p / (1 - p))
        assert frame.loc[p, "net_benefit"] == pytest.approx(np.mean(ours))
        assert frame.loc[p, "treat_all"] == pytest.approx(np.mean(of_all))


def test_an_image_at_the_threshold_is_treated() -> None:
    positive = np.array([[True]] * 10 + [[False]] * 10)
    one = made(np.where(positive, 0.5, 0.0), positive, ["A"])
    frame = curve_rows(CELL, [one]).set_index("threshold_probability")
    assert frame.loc[0.5, "net_benefit"] == 0.5 and frame.loc[0.51, "net_benefit"] == 0


def test_a_perfect_student_is_worth_the_prevalence_everywhere() -> None:
    positive = of_labels(0).positive_NL
    frame = curve_rows(CELL, [made(positive.astype(float), positive, ("A", "B"))])
    assert frame["net_benefit"].to_numpy() == pytest.approx(positive.mean(axis=0).mean())


def test_rare_labels_are_left_out() -> None:
    repeat = of_labels(0)
    rare = repeat.positive_NL.copy()
    rare[:, 1] = np.arange(120) < 9
    first = curve_rows(CELL, [replace(repeat, averaged_L=np.array([True, False]))])
    assert curve_rows(CELL, [replace(repeat, positive_NL=rare)]).equals(first)
    assert curve_rows(CELL, [replace(repeat, averaged_L=np.array([False, False]))]).empty
