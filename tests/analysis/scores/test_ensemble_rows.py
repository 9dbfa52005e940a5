"""Ensembles beside single students: by a test's own few lines, and what makes no ensemble."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score, roc_auc_score

from analysis.reading.predictions import Predictions, from_frame
from analysis.scores.ensemble_rows import PROBABILITIES, WEIGHTS, ensemble_rows, together

PLAIN = "transfer/none/densenet121/all"
NUM_IMAGES = 240


def findings(seed: int, num_images: int = NUM_IMAGES) -> Predictions:
    """A repeat with two labels, of which the policy ignores some of the second's images."""
    truth, own = np.random.default_rng(5), np.random.default_rng(seed)
    codes = (truth.random((num_images, 2)) < 0.4).astype(np.int8)
    codes[truth.random(num_images) < 0.2, 1] = -1
    scores = 1 / (1 + np.exp(-(1.0 * (codes == 1) + own.normal(size=codes.shape))))
    frame = pd.DataFrame({"image": [f"i{i}" for i in range(num_images)], "view": "PA", "sex": "", "age_years": np.nan})
    frame = frame.assign(patient=[f"p{i // 2}" for i in range(num_images)])
    for column, name in enumerate("AB"):
        frame[f"label_{name}"], frame[f"probability_{name}"] = codes[:, column], scores[:, column]
    return from_frame(frame.assign(split="test"), uncertainty="ignore", averaged=["A", "B"])


def grades(seed: int) -> Predictions:
    truth, own = np.random.default_rng(6), np.random.default_rng(seed)
    grade = truth.integers(3, size=NUM_IMAGES)
    logits = 1.2 * np.eye(3)[grade] + own.normal(size=(NUM_IMAGES, 3))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    frame = pd.DataFrame(
        {"image": range(NUM_IMAGES), "patient": range(NUM_IMAGES), "view": "", "sex": "", "grade": grade}
    )
    for column in range(3):
        frame[f"label_{column}"], frame[f"probability_{column}"] = grade == column, probabilities[:, column]
    return from_frame(frame.assign(age_years=np.nan, split="test"), averaged=["0", "1", "2"])


def macro(predictions: Predictions, rows: np.ndarray) -> float:
    areas = []
    for column in range(len(predictions.label_names)):
        known = rows[predictions.known_NL[rows, column]]
        areas.append(roc_auc_score(predictions.positive_NL[known, column], predictions.probabilities_NL[known, column]))
    return float(np.mean(areas))


def test_the_auc_and_its_gain_can_be_had_from_the_predictions_alone() -> None:
    repeats = [findings(seed) for seed in range(3)]
    (row,) = ensemble_rows({PLAIN: repeats}).to_dict("records")
    mean = replace(repeats[0], probabilities_NL=np.stack([it.probabilities_NL for it in repeats]).mean(axis=0))
    everything = np.arange(NUM_IMAGES)
    single = np.mean([macro(repeat, everything) for repeat in repeats])
    assert (row["answer"], row["metric"], row["n"], row["num_patients"]) == (PROBABILITIES, "auc", 3, 120)
    assert row["ensemble"] == pytest.approx(macro(mean, everything), abs=1e-6)
    assert row["single"] == pytest.approx(single, abs=1e-6)
    assert row["difference"] == pytest.approx(row["ensemble"] - row["single"])
    rng, gains = np.random.default_rng(1), []
    for _ in range(200):
        chosen = rng.integers(120, size=120)
        rows = np.stack([2 * chosen, 2 * chosen + 1], axis=1).ravel()
        gains.append(macro(mean, rows) - np.mean([macro(repeat, rows) for repeat in repeats]))
    spread = float(np.std(gains))
    assert [row["difference_low"], row["difference_high"]] == pytest.approx(
        np.quantile(gains, [0.025, 0.975]), abs=spread
    )
    assert row["difference_high"] - row["difference_low"] == pytest.approx(3.92 * spread, rel=0.25)
    assert row["p_holm"] == row["p"] < 0.05  # independent noise averages out


def test_grades_have_f1_and_kappa_too() -> None:
    repeats = [grades(seed) for seed in range(4)]
    frame = ensemble_rows({PLAIN: repeats}).set_index("metric")
    true = repeats[0].positive_NL.argmax(axis=1)
    answers = np.mean([repeat.probabilities_NL for repeat in repeats], axis=0).argmax(axis=1)
    assert frame.index.tolist() == ["auc", "f1_weighted", "kappa"]
    assert frame["ensemble"]["f1_weighted"] == pytest.approx(f1_score(true, answers, average="weighted"))
    kappa = cohen_kappa_score(true, answers, weights="quadratic")
    assert frame["ensemble"]["kappa"] == pytest.approx(kappa)
    singles = [f1_score(true, repeat.probabilities_NL.argmax(axis=1), average="weighted") for repeat in repeats]
    assert frame["single"]["f1_weighted"] == pytest.approx(np.mean(singles))
    assert (frame["p_holm"] >= frame["p"]).all() and (frame["p_holm"] > frame["p"]).any()


def test_averaged_weights_stand_beside_the_mean_of_the_probabilities() -> None:
    repeats = [findings(seed) for seed in range(3)]
    frame = ensemble_rows({PLAIN: repeats}, {PLAIN: findings(7)}).set_index("answer")
    assert frame["ensemble"][WEIGHTS] == pytest.approx(macro(findings(7), np.arange(NUM_IMAGES)), abs=1e-6)
    assert frame["single"][WEIGHTS] == frame["single"][PROBABILITIES]


def test_one_student_and_a_teacher_itself_make_no_ensemble() -> None:
    repeats = [findings(seed) for seed in range(3)]
    assert ensemble_rows({PLAIN: repeats[:1], "itself/imagenet/none/none": repeats}).empty


def test_students_that_were_tested_on_different_images_are_refused() -> None:
    with pytest.raises(ValueError, match="tested on the same ones"):
        together([findings(0), findings(1, num_images=100)])
