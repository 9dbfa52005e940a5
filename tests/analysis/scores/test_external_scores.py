"""Another hospital in numbers: every score again by scikit-learn, and what must have no number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score

from analysis.reading.other_hospital import BothHospitals, Opened
from analysis.reading.predictions import Predictions
from analysis.scores import external_findings, external_scores, external_thresholds
from analysis.scores.external_draws import Resampled, countable
from analysis.stats.thresholds import SENSITIVITY, YOUDEN, Rule
from tests.drawn_predictions import of_grades, of_labels

PLAIN, TAUGHT = "transfer/none/densenet40/all", "attention/imagenet/densenet40/all"
LABELS = ("Edema", "Mass")
RECORD = Opened(
    target="chestxray8", data="real", fingerprint="f", part="test", labels={"Edema": "Edema", "Mass": "Mass"},
    num_images=200, num_patients=100, opened="2026-11-26",
)  # fmt: skip


def weaker(repeat: Predictions, share: float, seed: int) -> Predictions:
    """The same with noise in place of a share of each score: what another hospital does to it."""
    noise = np.random.default_rng(seed).random(repeat.probabilities_NL.shape)
    mixed = (1 - share) * repeat.probabilities_NL + share * noise
    return replace(repeat, probabilities_NL=mixed.astype(np.float32))


def hospitals(seed: int = 0, lost: float = 0.5, num_repeats: int = 3, names: Sequence[str] = LABELS) -> BothHospitals:
    """A cell on 160 images here, 200 there, where its scores are mixed with noise, and 140 for validation."""
    seeds = [10 * seed + repeat for repeat in range(num_repeats)]
    return BothHospitals(
        here=[of_labels(each, 160, names, images_seed=1, prefix="h") for each in seeds],
        there=[weaker(of_labels(each, 200, names, images_seed=2, prefix="t"), lost, each) for each in seeds],
        validated=[of_labels(each, 140, names, images_seed=3, prefix="v") for each in seeds],
    )


def areas(repeats: Sequence[Predictions], label: str) -> NDArray[np.float64]:
    """The AUC of each repeat, by scikit-learn."""
    column = repeats[0].label_names.index(label)
    found = []
    for repeat in repeats:
        known = repeat.known_NL[:, column]
        found.append(roc_auc_score(repeat.positive_NL[known, column], repeat.probabilities_NL[known, column]))
    return np.array(found)


@pytest.fixture(scope="module")
def both() -> dict[str, BothHospitals]:
    """A method's student that loses much, and plain transfer's, which loses little."""
    return {TAUGHT: hospitals(1, lost=0.9), PLAIN: hospitals(2, lost=0.1)}


@pytest.fixture(scope="module")
def rows(both: dict[str, BothHospitals]) -> tuple[pd.DataFrame, pd.DataFrame]:
    return external_scores.rows(both, LABELS, Resampled())


def test_scores_and_drops_are_those_of_scikit_learn(
    both: dict[str, BothHospitals], rows: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    scores = rows[0].set_index("cell")
    drops = {}
    for cell, sides in both.items():
        here = np.mean([areas(sides.here, label) for label in LABELS], axis=0)
        there = np.mean([areas(sides.there, label) for label in LABELS], axis=0)
        drops[cell] = (here - there).mean()
        row = scores.loc[cell]
        assert [row["here"], row["there"]] == pytest.approx([here.mean(), there.mean()])
        assert row["drop"] == pytest.approx(drops[cell]) and row["low"] < row["drop"] < row["high"]
        assert (row["num_labels"], row["n"]) == (2, 3)
    assert scores.loc[TAUGHT, "baseline"] == PLAIN and pd.isna(scores.loc[PLAIN, "baseline"])
    assert scores.loc[TAUGHT, "more"] == pytest.approx(drops[TAUGHT] - drops[PLAIN])
    assert scores.loc[TAUGHT, "p_holm"] < 0.05  # 0.9 against 0.1 of the score is noise


def test_labels_have_their_counts_scores_and_calibration(
    both: dict[str, BothHospitals], rows: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    row = rows[1].set_index(["cell", "label"]).loc[(TAUGHT, "Mass")]
    for side, repeats in (("here", both[TAUGHT].here), ("there", both[TAUGHT].there)):
        column = LABELS.index("Mass")
        positive = repeats[0].positive_NL[:, column]
        assert row[f"num_positives_{side}"] == positive.sum() and row[f"num_images_{side}"] == len(positive)
        assert row[side] == pytest.approx(areas(repeats, "Mass").mean())
        scores = [repeat.probabilities_NL[:, column].astype(float) for repeat in repeats]
        assert row[f"large_{side}"] == pytest.approx(np.mean(scores) - positive.mean())
        logits = [np.log(score / (1 - score))[:, None] for score in scores]
        fits = [LogisticRegression(C=np.inf, tol=1e-10).fit(logit, positive).coef_[0, 0] for logit in logits]
        assert row[f"slope_{side}"] == pytest.approx(np.mean(fits), abs=1e-3)
        errors = []
        for score in scores:  # ten bins of equal width
            bins = np.minimum((score * 10).astype(int), 9)
            gaps = [abs(score[bins == k].sum() - positive[bins == k].sum()) for k in range(10)]
            errors.append(sum(gaps) / len(score))
        assert row[f"ece_{side}"] == pytest.approx(np.mean(errors))


def test_the_same_students_are_paired_repeat_by_repeat() -> None:
    """Repeats that differ much, but lose the same, have a drop with little spread."""
    strong, weak = of_labels(0, 160, images_seed=1, prefix="h"), of_labels(0, 160, images_seed=1, prefix="h")
    weak = weaker(weak, 0.9, 7)
    there = [replace(each, images=each.images.assign(patient=[f"t{n}" for n in range(160)])) for each in (strong, weak)]
    sides = BothHospitals(here=[strong, weak], there=there, validated=[strong, weak])
    (row,) = external_scores.rows({PLAIN: sides}, LABELS, Resampled())[0].to_dict("records")
    assert row["drop"] == pytest.approx(0, abs=1e-12)
    assert row["high"] - row["low"] < row["here_high"] - row["here_low"]


def test_an_inverted_label_is_named_in_strong_words_and_chance_in_weak_ones() -> None:
    sides = hospitals(lost=0.0)
    turned = [replace(each, probabilities_NL=1 - each.probabilities_NL) for each in sides.there]
    noisy = [
        np.stack([one.probabilities_NL[:, 0], noise], axis=1)
        for one, noise in zip(turned, _below_chance(turned), strict=True)
    ]
    there = [
        replace(each, probabilities_NL=scores.astype(np.float32)) for each, scores in zip(turned, noisy, strict=True)
    ]
    labels = external_scores.rows({PLAIN: replace(sides, there=there)}, LABELS, Resampled())[1].set_index("label")
    assert labels["verdict"].to_dict() == {"Edema": external_scores.INVERTED, "Mass": external_scores.BELOW}
    told = external_findings.suspicions(labels.reset_index(), RECORD)
    assert len(told) == 2 and "An inverted or mismatched label is the likeliest cause" in told[0]
    assert "chance is within the interval" in told[1] and "likeliest" not in told[1]


def _below_chance(repeats: Sequence[Predictions]) -> list[NDArray[np.float64]]:
    """Noise that happens to have an AUC a little below one half for the second label."""
    found = []
    for seed, repeat in enumerate(repeats):
        noise = np.random.default_rng(seed + 50).random(len(repeat.images))
        area = roc_auc_score(repeat.positive_NL[:, 1], noise)
        found.append(noise if area < 0.5 else 1 - noise)
    return found


def test_a_rare_label_has_counts_and_no_number() -> None:
    sides = hospitals()
    positive_NL = sides.there[0].positive_NL.copy()
    positive_NL[np.flatnonzero(positive_NL[:, 1])[9:], 1] = False  # nine positives
    sides = replace(sides, there=[replace(each, positive_NL=positive_NL) for each in sides.there])
    assert countable(sides) == ("Edema",) and external_scores.averaged_labels({PLAIN: sides}) == ("Edema",)
    scores, labels = external_scores.rows({PLAIN: sides}, ("Edema",), Resampled())
    rare = labels.set_index("label").loc["Mass"]
    assert rare["num_positives_there"] == 9
    assert rare[["here", "there", "drop", "low", "slope_there", "ece_here"]].isna().all() and rare["verdict"] == ""
    assert scores["num_labels"].tolist() == [1]
    nothing = external_scores.rows({PLAIN: sides}, (), Resampled())[0]
    assert nothing[["here", "there", "drop"]].isna().all(axis=None)
    assert external_findings.drops(nothing, RECORD) == []


def test_uncertain_labels_that_are_ignored_are_no_part_of_a_score() -> None:
    sides = hospitals(num_repeats=1)
    known = np.random.default_rng(5).random((200, 2)) < 0.7
    there = replace(sides.there[0], known_NL=known)
    labels = external_scores.rows({PLAIN: replace(sides, there=[there])}, LABELS, Resampled())[1].set_index("label")
    assert labels.loc["Edema", "there"] == pytest.approx(areas([there], "Edema")[0])
    assert labels.loc["Edema", "num_images_there"] == known[:, 0].sum()


def test_folds_have_a_drop_without_an_interval() -> None:
    sides = hospitals()
    parts = [replace(each, test_part=f"fold {k}", test_to_train=0.5) for k, each in enumerate(sides.here, 1)]
    (row,) = external_scores.rows({PLAIN: replace(sides, here=parts)}, LABELS, Resampled())[0].to_dict("records")
    here, there = (np.mean([areas(side, label) for label in LABELS]) for side in (parts, sides.there))
    assert row["drop"] == pytest.approx(here - there) and np.isnan(row["low"])
    assert row["there_low"] < row["there"] < row["there_high"]


def test_grades_are_scored_by_their_f1_too() -> None:
    sides = BothHospitals(
        here=[of_grades(k, prefix="h") for k in range(2)],
        there=[of_grades(k + 7, 200, images_seed=3, prefix="t") for k in range(2)],
        validated=[of_grades(k, images_seed=4, prefix="v") for k in range(2)],
    )
    scores = external_scores.rows({PLAIN: sides}, external_scores.averaged_labels({PLAIN: sides}), Resampled())[0]
    row = scores.set_index("metric").loc["f1_weighted"]
    expected = [
        np.mean(
            [f1_score(each.positive_NL.argmax(1), each.probabilities_NL.argmax(1), average="weighted") for each in of]
        )
        for of in (sides.here, sides.there)
    ]
    assert [row["here"], row["there"]] == pytest.approx(expected)
    frame = external_thresholds.rows("retina", {PLAIN: sides}, (), [Rule(kind=YOUDEN)], Resampled())
    assert frame["label"].tolist() == ["referable"]  # the record of the data set says from which grade on


def test_thresholds_are_chosen_here_and_carried_there(both: dict[str, BothHospitals]) -> None:
    rule = Rule(kind=SENSITIVITY, level=0.8)
    frame = external_thresholds.rows("chexpert", {TAUGHT: both[TAUGHT]}, LABELS, [rule], Resampled())
    assert frame["label"].tolist() == [external_thresholds.MEAN, *LABELS]
    row = frame.set_index("label").loc["Edema"]
    found: dict[str, list[float]] = {"sensitivity_here": [], "sensitivity_there": [], "specificity_there": []}
    sides = both[TAUGHT]
    for here, there, validated in zip(sides.here, sides.there, sides.validated, strict=True):
        scores = np.sort(validated.probabilities_NL[validated.positive_NL[:, 0], 0])[::-1]
        limit = scores[int(np.ceil(0.8 * len(scores))) - 1]  # the highest that finds 80% of the positives
        found["sensitivity_here"].append((here.probabilities_NL[here.positive_NL[:, 0], 0] >= limit).mean())
        found["sensitivity_there"].append((there.probabilities_NL[there.positive_NL[:, 0], 0] >= limit).mean())
        found["specificity_there"].append((there.probabilities_NL[~there.positive_NL[:, 0], 0] < limit).mean())
    for name, values in found.items():
        assert row[name] == pytest.approx(np.mean(values)), name
    assert row["sensitivity_change"] == pytest.approx(row["sensitivity_there"] - row["sensitivity_here"])
    assert row["sensitivity_low"] < row["sensitivity_change"] < row["sensitivity_high"]


def test_a_threshold_that_some_repeats_lack() -> None:
    sides = hospitals()
    without = replace(sides.validated[0], positive_NL=np.zeros_like(sides.validated[0].positive_NL))
    frame = external_thresholds.rows(
        "chexpert", {PLAIN: replace(sides, validated=[without, *sides.validated[1:]])}, LABELS, [Rule(kind=YOUDEN)],
        Resampled(),
    )  # fmt: skip
    assert frame[["num_repeats", "n"]].drop_duplicates().values.tolist() == [[3, 2]]
    assert external_thresholds.MEAN not in set(frame["label"])
    none = replace(sides, validated=[without] * 3)
    assert external_thresholds.rows("chexpert", {PLAIN: none}, LABELS, [Rule(kind=YOUDEN)], Resampled()).empty
