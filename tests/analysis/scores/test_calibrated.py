"""Brier score, likelihood and ECE as they come and at validation's temperature: recomputed with scikit-learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, logit, softmax
from sklearn.metrics import brier_score_loss, log_loss

from analysis.reading.predictions import Predictions
from analysis.scores.calibrated import calibration_rows
from analysis.scores.comparisons import weights_of
from analysis.stats.calibration import expected_calibration_error, reliability
from tests.drawn_predictions import of_grades, of_labels

CELL = "attention/imagenet/densenet121/all"


def labels(num_repeats: int = 3) -> tuple[list[Predictions], list[Predictions]]:
    tested = [of_labels(seed, size=200, unknown=0.1) for seed in range(num_repeats)]
    return tested, [of_labels(100 + seed, size=200, images_seed=98) for seed in range(num_repeats)]


def grades(num_repeats: int = 3) -> tuple[list[Predictions], list[Predictions]]:
    tested = [of_grades(seed) for seed in range(num_repeats)]
    return tested, [of_grades(100 + seed, images_seed=98) for seed in range(num_repeats)]


def test_of_labels_each_has_a_temperature() -> None:
    tested, validated = labels()
    (row,) = calibration_rows(CELL, tested, validated, weights_of(tested[0])).to_dict("records")
    hand: dict[str, list[float]] = {}
    for repeat, chosen_on in zip(tested, validated, strict=True):
        for column in range(2):
            logits = logit(chosen_on.probabilities_NL[:, column].astype(float))
            true = chosen_on.positive_NL[:, column]
            # SciPy's other method, without bounds, on 1 / T itself.
            best = minimize_scalar(lambda b, x=logits, y=true: log_loss(y, expit(b * x)), bracket=(0.5, 1.5), tol=1e-8)
            known = repeat.known_NL[:, column]
            truth, score = repeat.positive_NL[known, column], repeat.probabilities_NL[known, column].astype(float)
            for form, values in (("", score), ("_scaled", expit(best.x * logit(score)))):
                constant = np.full(len(truth), truth.mean())
                least = brier_score_loss(truth, constant)
                hand.setdefault(f"brier{form}", []).append(brier_score_loss(truth, values))
                hand.setdefault(f"brier_skill{form}", []).append(1 - brier_score_loss(truth, values) / least)
                hand.setdefault(f"nll{form}", []).append(log_loss(truth, values))
                hand.setdefault(f"ece{form}", []).append(expected_calibration_error(reliability(values, truth)))
            hand.setdefault("temperature", []).append(1 / best.x)
    for name, values in hand.items():
        assert row[name] == pytest.approx(np.mean(values), rel=1e-4), name
    assert (row["temperature_least"], row["temperature_greatest"]) == pytest.approx(
        (min(hand["temperature"]), max(hand["temperature"])), rel=1e-3
    )
    assert (row["n"], row["num_labels"], row["num_at_bound"]) == (3, 2, 0)
    assert row["nll_low"] < row["nll"] < row["nll_high"] and row["brier_scaled_low"] < row["brier_scaled"]


def test_classes_share_one_temperature() -> None:
    tested, validated = grades()
    (row,) = calibration_rows(CELL, tested, validated, weights_of(tested[0])).to_dict("records")
    brier, nll, ece, after, temperatures = [], [], [], [], []
    for repeat, chosen_on in zip(tested, validated, strict=True):
        logits, true = np.log(chosen_on.probabilities_NL.astype(float)), chosen_on.positive_NL
        best = minimize_scalar(
            lambda b, x=logits, y=true: -log_softmax(b * x, axis=1)[y].mean(), bracket=(0.5, 1.5), tol=1e-8
        )
        shares, truth = repeat.probabilities_NL.astype(float), repeat.positive_NL
        brier.append(np.square(shares - truth).sum(axis=1).mean())
        nll.append(log_loss(truth, shares / shares.sum(axis=1, keepdims=True)))
        right = shares.argmax(axis=1) == truth.argmax(axis=1)
        ece.append(expected_calibration_error(reliability(shares.max(axis=1), right)))
        after.append(log_loss(truth, softmax(best.x * np.log(shares), axis=1)))
        temperatures.append(1 / best.x)
    assert [row["brier"], row["nll"], row["ece"]] == pytest.approx([np.mean(each) for each in (brier, nll, ece)])
    assert row["nll_scaled"] == pytest.approx(np.mean(after)) and row["nll_scaled"] != pytest.approx(row["nll"])
    assert row["temperature"] == pytest.approx(np.mean(temperatures), rel=1e-4)
    shares = tested[0].positive_NL.mean(axis=0)
    assert row["brier_skill"] == pytest.approx(1 - np.mean(brier) / (1 - np.square(shares).sum()))


def test_the_interval_draws_patients_and_leaves_unknown_labels_out() -> None:
    tested, validated = labels()
    weights = weights_of(tested[0])
    frame = calibration_rows(CELL, tested, validated, weights)
    draws = []
    for repeat in tested:
        of_labels_ = []
        for column in range(2):
            known = repeat.known_NL[:, column]
            square = np.square(repeat.probabilities_NL[known, column] - repeat.positive_NL[known, column])
            of_labels_.append([np.average(square, weights=draw[known]) for draw in weights])
        draws.append(np.mean(of_labels_, axis=0))
    chosen = np.random.default_rng(0).integers(3, size=(3, 1000))
    drawn = np.take_along_axis(np.array(draws), chosen, axis=0).mean(axis=0)
    ends = frame[["brier_low", "brier_high"]].iloc[0].tolist()
    assert ends == pytest.approx(np.quantile(drawn, [0.025, 0.975]).tolist(), rel=1e-5)


def test_a_label_of_one_class_is_left_out_and_none_leaves_no_row() -> None:
    tested, validated = labels()
    negative = validated[0].positive_NL.copy()
    negative[:, 1] = False
    validated[0] = replace(validated[0], positive_NL=negative)
    frame = calibration_rows(CELL, tested, validated, weights_of(tested[0]))
    assert frame["num_labels"].tolist() == [1]
    alone = [replace(repeat, averaged_L=np.array([True, False])) for repeat in tested]
    assert frame["brier"].iloc[0] == calibration_rows(CELL, alone, labels()[1], None)["brier"].iloc[0]
    validated[1] = replace(validated[1], positive_NL=np.zeros_like(negative))
    assert calibration_rows(CELL, tested, validated, None).empty


def test_folds_have_no_ece() -> None:
    tested, validated = grades()
    folds = [replace(repeat, test_part=f"fold {k}", test_to_train=0.5) for k, repeat in enumerate(tested, 1)]
    frame = calibration_rows(CELL, folds, validated, None)
    assert frame[["ece", "ece_scaled"]].isna().all(axis=None) and frame["nll"].notna().all()
