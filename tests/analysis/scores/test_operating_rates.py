"""Rates at validation's thresholds: recomputed with scikit-learn, and what has no numbers says why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from analysis.reading.predictions import Predictions
from analysis.scores.comparisons import weights_of
from analysis.scores.operating_rates import FEW, MEAN, ONE_CLASS, UNREACHED, rate_rows
from analysis.stats.resampled import resampled_interval
from analysis.stats.thresholds import Rule, threshold
from tests.drawn_predictions import made, of_labels
from trainables.cell import ITSELF, Cell

CELL = "attention/imagenet/densenet121/all"
RULE = Rule(kind="sensitivity", level=0.8)


def student(num_repeats: int = 3, unknown: float = 0.1) -> tuple[list[Predictions], list[Predictions]]:
    tested = [of_labels(seed, unknown=unknown) for seed in range(num_repeats)]
    validated = [of_labels(100 + seed, images_seed=98, prefix="v") for seed in range(num_repeats)]
    return tested, validated


def rows(tested: list[Predictions], validated: list[Predictions], rule: Rule = RULE, cell: str = CELL) -> pd.DataFrame:
    weights = None if any(repeat.test_part for repeat in tested) else weights_of(tested[0])
    return rate_rows(cell, tested, validated, rule, weights).set_index("label")


def by_hand(repeat: Predictions, chosen_on: Predictions, column: int, rule: Rule = RULE) -> dict[str, float]:
    """The rates of one repeat and label, from the predictions alone."""
    at = threshold(chosen_on.probabilities_NL[:, column], chosen_on.positive_NL[:, column], rule)
    known = repeat.known_NL[:, column]
    true, score = repeat.positive_NL[known, column], repeat.probabilities_NL[known, column]
    assert at is not None
    alarm = score >= at
    hits, false_alarms, odds = (alarm & true).mean(), (alarm & ~true).mean(), at / (1 - at)
    return {
        "threshold": at,
        "prevalence": true.mean(),
        "sensitivity": recall_score(true, alarm),
        "specificity": recall_score(~true, ~alarm),
        "ppv": precision_score(true, alarm),
        "npv": precision_score(~true, ~alarm),
        "f1": f1_score(true, alarm),
        "net_benefit": hits - odds * false_alarms,
        "treat_all": true.mean() - odds * (~true).mean(),
        "gain": hits - odds * false_alarms - max(true.mean() - odds * (~true).mean(), 0),
    }


def test_every_number_can_be_computed_from_the_predictions() -> None:
    tested, validated = student()
    frame = rows(tested, validated)
    assert frame.index.tolist() == ["Edema", "Mass", MEAN] and frame["problem"].eq("").all()
    hand = [pd.DataFrame([by_hand(*pair, k) for pair in zip(tested, validated, strict=True)]).mean() for k in (0, 1)]
    for name in hand[0].index:
        assert frame.loc["Edema", name] == pytest.approx(hand[0][name]), name
        assert frame.loc[MEAN, name] == pytest.approx((hand[0][name] + hand[1][name]) / 2), name
    known = tested[0].known_NL[:, 0]
    assert frame.loc["Edema", "num_positives"] == (tested[0].positive_NL[:, 0] & known).sum()
    assert frame.loc["Edema", "num_images"] == known.sum()
    assert frame.loc[MEAN, "num_labels"] == 2 and frame["n"].eq(3).all()


def test_the_interval_is_over_patients_and_repeats() -> None:
    tested, validated = student(unknown=0)
    frame, weights = rows(tested, validated), weights_of(tested[0])
    draws = []
    for repeat, chosen_on in zip(tested, validated, strict=True):
        at = threshold(chosen_on.probabilities_NL[:, 0], chosen_on.positive_NL[:, 0], RULE)
        alarm, true = repeat.probabilities_NL[:, 0] >= np.float32(at or 0), repeat.positive_NL[:, 0]
        draws.append([recall_score(true, alarm, sample_weight=draw) for draw in weights])
    generator = np.random.default_rng(0)
    drawn = np.take_along_axis(np.array(draws), generator.integers(3, size=(3, 1000)), axis=0).mean(axis=0)
    ends = frame.loc["Edema", ["sensitivity_low", "sensitivity_high"]].tolist()
    assert ends == pytest.approx(np.quantile(drawn, [0.025, 0.975]).tolist())
    assert ends[0] < frame.loc["Edema", "sensitivity"] < ends[1]


def test_two_repeats_have_no_interval_but_a_teacher_itself_has_the_patients() -> None:
    tested, validated = student(num_repeats=2)
    frame = rows(tested, validated)
    assert frame["sensitivity"].notna().all() and frame["sensitivity_low"].isna().all()
    teacher = replace(Cell.parse(CELL), method=ITSELF, student="none", unfreeze="none").name
    alone = rows(tested[:1], validated[:1], cell=teacher)
    assert alone["sensitivity_low"].notna().all()


def test_over_splits_it_is_the_resampled_t_of_the_parts() -> None:
    tested = [
        replace(of_labels(seed, images_seed=seed), test_part=f"split {seed}", test_to_train=0.25) for seed in range(4)
    ]
    validated = [of_labels(100 + seed, images_seed=50 + seed) for seed in range(4)]
    frame = rows(tested, validated)
    values = [by_hand(*pair, 0)["specificity"] for pair in zip(tested, validated, strict=True)]
    interval = resampled_interval(values, 0.25)
    found = frame.loc["Edema", ["specificity", "specificity_low", "specificity_high"]].tolist()
    assert found == pytest.approx([interval.mean, interval.low, interval.high])


def test_too_few_in_the_test_set() -> None:
    tested, validated = student(unknown=0)
    rare = tested[0].positive_NL.copy()
    rare[:, 1] = np.arange(120) < 9
    tested = [replace(repeat, positive_NL=rare) for repeat in tested]
    frame = rows(tested, validated)
    assert frame.loc["Mass", "problem"] == FEW and frame.loc["Mass", "num_positives"] == 9
    assert frame.loc["Mass"].filter(like="sensitivity").isna().all() and np.isnan(frame.loc["Mass", "threshold"])
    assert frame.loc[MEAN, "num_labels"] == 1
    assert frame.loc[MEAN, "f1"] == frame.loc["Edema", "f1"]


def test_folds_count_together() -> None:
    tested, validated = student(num_repeats=2, unknown=0)
    rare = tested[0].positive_NL.copy()
    rare[:, 1] = np.arange(120) < 6
    folds = [replace(repeat, positive_NL=rare, test_part=f"fold {k}") for k, repeat in enumerate(tested, 1)]
    frame = rows(folds, validated)
    assert frame.loc["Mass", "problem"] == "" and frame.loc["Mass", "num_positives"] == 12
    splits = [replace(fold, test_part=fold.test_part.replace("fold", "split")) for fold in folds]
    assert rows(splits, validated).loc["Mass", "problem"] == FEW


def test_one_class_in_the_validation_set() -> None:
    tested, validated = student()
    all_negative = validated[1].positive_NL.copy()
    all_negative[:, 0] = False
    validated[1] = replace(validated[1], positive_NL=all_negative)
    frame = rows(tested, validated)
    assert frame.loc["Edema", ["problem", "num_reached"]].tolist() == [ONE_CLASS, 2]
    assert np.isnan(frame.loc["Edema", "ppv"]) and frame.loc[MEAN, "ppv"] == frame.loc["Mass", "ppv"]


def test_a_level_that_no_threshold_reaches_in_one_repeat_takes_the_mean_along() -> None:
    tested, validated = student()
    constant = validated[2].probabilities_NL.copy()
    constant[:, 0] = 0.5
    validated[2] = replace(validated[2], probabilities_NL=constant)
    frame = rows(tested, validated, Rule(kind="specificity", level=0.9))
    assert frame.loc["Edema", ["problem", "num_reached"]].tolist() == [UNREACHED, 2]
    assert frame.loc[MEAN, ["problem", "num_reached", "num_labels"]].tolist() == [UNREACHED, 2, 2]
    assert frame.loc[["Edema", MEAN]].filter(like="sensitivity").isna().all(axis=None)
    assert frame.loc["Mass", "sensitivity"] > 0


def test_a_rate_that_one_repeat_does_not_have_is_no_number() -> None:
    tested, validated = student(unknown=0)
    tested[0] = replace(tested[0], probabilities_NL=np.zeros_like(tested[0].probabilities_NL))  # no alarm, so no PPV
    frame = rows(tested, validated)
    assert np.isnan(frame.loc["Edema", "ppv"]) and frame.loc["Edema", "npv"] > 0


def test_where_no_label_is_averaged_there_is_no_row() -> None:
    tested, validated = student()
    none = np.zeros(2, dtype=bool)
    assert rows([replace(repeat, averaged_L=none) for repeat in tested], validated).empty
    one = made(np.full((4, 1), 0.5), np.array([[True], [False]] * 2), ["A"])
    assert rows([one], [one]).index.tolist() == ["A"]  # too few: without a mean


def test_a_rate_without_an_error_has_no_interval_of_width_zero() -> None:
    """All of some forty positives are found in every draw, which does not make the next patient certain."""
    tested, validated = student(unknown=0.0)
    both = [
        [replace(it, probabilities_NL=np.where(it.positive_NL, 0.9, 0.1).astype(np.float32)) for it in split]
        for split in (tested, validated)
    ]
    frame = rows(both[0], both[1])
    assert frame["sensitivity"].eq(1.0).all()
    assert frame[["sensitivity_low", "sensitivity_high", "ppv_low"]].isna().all(axis=None)
    assert frame["prevalence_low"].notna().all()
