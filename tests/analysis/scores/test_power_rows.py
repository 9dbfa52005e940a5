"""What a sweep could have seen: its rows, its sentences, and a test's own few lines beside them."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from analysis.reading.predictions import Predictions, from_frame
from analysis.reading.repeats import SEED_ALONE, Design
from analysis.scores.comparisons import Draws, draws_of, planned, weights_of
from analysis.scores.power_rows import level_of, power_rows, prospect_rows
from analysis.tables.detectable_differences import sentences, warning

PLAIN, TAUGHT = "transfer/none/densenet40/all", "attention/imagenet/densenet40/all"
NUM_IMAGES = 300


def repeats(strength: float, seed: int, num_repeats: int = 3) -> list[Predictions]:
    shared = np.random.default_rng(99)
    truth, common = shared.random(NUM_IMAGES) < 0.4, shared.normal(size=NUM_IMAGES)
    made = []
    for repeat in range(num_repeats):
        own = np.random.default_rng(100 * seed + repeat)
        score = (strength + 0.1 * own.normal()) * truth + common + 0.4 * own.normal(size=NUM_IMAGES)
        frame = pd.DataFrame({"image": range(NUM_IMAGES), "label_A": truth.astype(np.int8), "view": "PA", "sex": ""})
        frame = frame.assign(patient=[f"p{i // 2}" for i in range(NUM_IMAGES)], age_years=np.nan)
        made.append(from_frame(frame.assign(split="test", probability_A=1 / (1 + np.exp(-score))), averaged=["A"]))
    return made


def drawn(predictions: list[Predictions]) -> Draws:
    draws = draws_of(predictions, weights_of(predictions[0]))
    assert draws is not None
    return draws


def test_the_numbers_can_be_had_from_the_predictions_alone() -> None:
    first, second = repeats(1.2, 1), repeats(1.0, 2)
    (row,) = power_rows({TAUGHT: drawn(first), PLAIN: drawn(second)}, [(TAUGHT, PLAIN)]).to_dict("records")
    rng, patients = np.random.default_rng(8), first[0].patient_N.reshape(-1, 2)
    names = patients[:, 0]

    def auc(repeat: Predictions, rows: np.ndarray) -> float:
        return float(roc_auc_score(repeat.positive_NL[rows, 0], repeat.probabilities_NL[rows, 0]))

    everything = np.arange(NUM_IMAGES)
    means = [np.mean([auc(repeat, everything) for repeat in cell]) for cell in (first, second)]
    assert row["difference"] == pytest.approx(means[0] - means[1], abs=1e-6)
    ahead, paired = [], []
    for _ in range(150):
        chosen = rng.integers(len(names), size=len(names))
        rows = np.stack([2 * chosen, 2 * chosen + 1], axis=1).ravel()
        scores = [[auc(repeat, rows) for repeat in cell] for cell in (first, second)]
        ahead.append(np.mean([(a > b) + 0.5 * (a == b) for a, b in product(*scores)]))
        paired.append(np.mean(scores[0]) - np.mean(scores[1]))
    assert row["probability"] == pytest.approx(np.mean(ahead), abs=0.04)
    # Nothing can be seen that the patients alone would hide.
    assert row["smallest"] > 2.8 * np.std(paired) and row["smallest_low"] < row["smallest"] < row["smallest_high"]


def test_a_level_is_shared_among_the_comparisons_that_can_be_tested() -> None:
    other = "attention/mimic-cxr/densenet40/all"
    cells = {PLAIN: drawn(repeats(1.0, 1)), TAUGHT: drawn(repeats(1.2, 2)), other: drawn(repeats(1.1, 3))}
    pairs = planned(list(cells))
    assert len(pairs) == 3 and level_of(cells, pairs) == pytest.approx(0.05 / 3)
    alone = power_rows(cells, [(TAUGHT, PLAIN)])["smallest"].iloc[0]
    among = power_rows(cells, pairs).set_index(["first", "second"])["smallest"][(TAUGHT, PLAIN)]
    assert among > alone
    cells[other] = drawn(repeats(1.1, 3, num_repeats=1))
    assert level_of(cells, pairs) == pytest.approx(0.05)
    untested = power_rows(cells, pairs).set_index(["first", "second"]).loc[(other, PLAIN)]
    assert untested[["smallest", "repeats_needed", "patients_needed", "low"]].isna().all()
    assert 0 < untested["probability"] < 1


def test_folds_and_splits_have_their_own_test_alone() -> None:
    def parts(kind: str, scores: list[float]) -> Draws:
        draws = np.repeat(np.array(scores)[:, None], 20, axis=1)
        names = tuple(f"{kind} {number}" for number in range(1, len(scores) + 1))
        return Draws(points_S=np.array(scores), draws_SB=draws, num_patients=40, parts_S=names, test_to_train=0.25)

    first, second = [0.8, 0.82, 0.79, 0.83, 0.81], [0.79, 0.8, 0.8, 0.8, 0.79]
    for kind, is_folded in (("fold", True), ("split", False)):
        cells = {TAUGHT: parts(kind, first), PLAIN: parts(kind, second)}
        (row,) = power_rows(cells, [(TAUGHT, PLAIN)]).to_dict("records")
        assert row["n"] == 5 and row["probability"] == 0.8 and math.isnan(row["patients_needed"])
        assert row["smallest"] > 0 and math.isnan(row["repeats_needed"]) == is_folded
        prospects = prospect_rows(cells, [(TAUGHT, PLAIN)], (5, 10))
        assert prospects["num_repeats"].tolist() == ([] if is_folded else [5, 10])
        if not is_folded:
            assert prospects["median"].iloc[0] == pytest.approx(row["smallest"])
        told = sentences(power_rows(cells, [(TAUGHT, PLAIN)]), 0.01, Design(sources=("seed",), num_folds=5))
        assert any("true difference" in line for line in told) and not any("needed" in line for line in told)


def test_prospects_shrink_with_repeats_and_patients() -> None:
    cells = {TAUGHT: drawn(repeats(1.2, 1)), PLAIN: drawn(repeats(1.0, 2))}
    frame = prospect_rows(cells, [(TAUGHT, PLAIN)], (3, 10), (150, 600), test_share=0.2)
    visible = frame.set_index(["num_repeats", "num_patients"])["largest"]
    assert visible[(3, 150)] == pytest.approx(power_rows(cells, [(TAUGHT, PLAIN)])["smallest"].iloc[0])
    assert visible[(3, 150)] > visible[(10, 150)] > visible[(10, 600)]
    assert frame["test_share"].tolist() == pytest.approx([0.2, 0.8] * 2)
    assert prospect_rows(cells, [(TAUGHT, PLAIN)], (3,))["num_patients"].tolist() == [150, 300, 600]
    with pytest.raises(ValueError, match="from 3 repeats on, but got 2"):
        prospect_rows(cells, [(TAUGHT, PLAIN)], (2,))
    with pytest.raises(ValueError, match="two patients or more, but got 1"):
        prospect_rows(cells, [(TAUGHT, PLAIN)], (3,), (1,))


def test_a_sweep_that_was_too_small_is_told_so() -> None:
    alike = {TAUGHT: drawn(repeats(1.01, 1)), PLAIN: drawn(repeats(1.0, 2))}
    frame = power_rows(alike, [(TAUGHT, PLAIN)])
    assert warning(frame).startswith("WARNING: this sweep was too small. The largest difference in AUC that it saw is")
    told = sentences(frame, 0.01, SEED_ALONE)
    assert told[0] == warning(frame)
    assert any(line.startswith("To tell 1 point from chance with these repeats,") for line in told)
    hopeless = sentences(power_rows(alike, [(TAUGHT, PLAIN)], 0.001), 0.001, SEED_ALONE)
    assert (
        "To tell 0.1 points from chance on this test set, no number of repeats of each cell would do: the part of the "
        "test patients alone is too large." in hopeless
    )
    far = power_rows({TAUGHT: drawn(repeats(4.0, 1)), PLAIN: drawn(repeats(1.0, 2))}, [(TAUGHT, PLAIN)])
    lucky = frame.assign(is_claimed=True)  # by luck, since it is smaller than what would be claimed 8 times in 10
    assert far["is_claimed"].all() and not frame["is_claimed"].any()
    assert warning(lucky) == warning(far) == "" and warning(frame.iloc[:0]) == ""
    two = power_rows({name: drawn(repeats(1.0, 1, num_repeats=2)) for name in alike}, [(TAUGHT, PLAIN)])
    assert "no comparison has 3 repeats" in warning(two)


def test_more_comparisons_than_the_draws_can_tell_apart_are_named() -> None:
    cells = {TAUGHT: drawn(repeats(4.0, 1)), PLAIN: drawn(repeats(1.0, 2))}
    frame = power_rows(cells, [(TAUGHT, PLAIN)] * 26)
    assert np.isinf(frame["smallest"]).all()
    assert any(
        "26 comparisons" in line and "Compare fewer cells" in line for line in sentences(frame, 0.01, SEED_ALONE)
    )
    assert "does not exist" in warning(frame)


def test_two_repeats_which_claim_nothing_have_no_visible_difference() -> None:
    cells = {TAUGHT: drawn(repeats(1.2, 1, num_repeats=2)), PLAIN: drawn(repeats(1.0, 2))}
    frame = power_rows(cells, [(TAUGHT, PLAIN)])
    assert frame[["smallest", "smallest_low", "patients_needed"]].isna().all(axis=None)
    assert frame["repeats_needed"].iloc[0] > 2
    told = sentences(frame, 0.01, SEED_ALONE)
    assert not any("would have been claimed" in line or "test patients" in line for line in told)
    assert told[-1].startswith("That number rests on a variance over two repeats")
    names = ("split 1", "split 2")
    parts = {
        cell: Draws(points_S=points, draws_SB=np.zeros((2, 5)), num_patients=40, parts_S=names, test_to_train=0.25)
        for cell, points in ((TAUGHT, np.array([0.8, 0.85])), (PLAIN, np.array([0.7, 0.8])))
    }
    assert power_rows(parts, [(TAUGHT, PLAIN)])["smallest"].isna().all()
