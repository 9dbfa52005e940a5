"""Cells whose repeats are tested on splits drawn anew or on folds: paired part by part, and never across parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.reading.predictions import Predictions, from_frame
from analysis.reading.repeats import Design
from analysis.scores.cells import closing_table, interval_note, summary
from analysis.scores.comparisons import Draws, comparison_rows, draws_of, sentence, variance_rows, weights_of
from analysis.scores.label_tests import delong_rows
from analysis.scores.labels import label_rows, reliability_rows
from analysis.scores.parts import drawn
from analysis.scores.questions import contrast_rows
from analysis.scores.subgroups import subgroup_rows, within_parts
from analysis.stats.resampled import resampled_interval, resampled_p

PLAIN, TAUGHT = "transfer/none/densenet40/all", "attention/imagenet/densenet40/all"
FOLDS = {f"fold {number + 1}": np.arange(number, 400, 4) for number in range(4)}
SPLITS = {f"split {number}": np.random.default_rng(number).permutation(400)[:100] for number in range(1, 5)}


def student(images: np.ndarray, part: str, strength: float = 1.5, seed: int = 0, shift: float = 0.0) -> Predictions:
    """A student on some of 400 images, of which each is of one patient; `shift` moves all of its scores."""
    generator = np.random.default_rng(99)
    truth, noise = generator.random(400) < 0.4, generator.normal(size=400)
    own = np.random.default_rng(seed).normal(size=400)
    score = 1 / (1 + np.exp(-(strength * truth + noise + 0.3 * own - 1 + shift)))
    frame = pd.DataFrame(
        {"split": "test", "image": [f"i{i:03d}" for i in images], "patient": [f"p{i:03d}" for i in images]}
    )
    frame = frame.assign(view="PA", sex=np.where(images % 3, "F", "M"), age_years=np.nan)
    frame = frame.assign(label_A=truth[images].astype(np.int8), probability_A=score[images].astype(np.float32))
    return replace(from_frame(frame, averaged=["A"]), test_part=part, test_to_train=1 / 3)


def over(parts: dict[str, np.ndarray], strength: float = 1.5, seed: int = 0) -> list[Predictions]:
    return [student(images, part, strength, seed + k) for k, (part, images) in enumerate(parts.items())]


def draws(cells: dict[str, Sequence[Predictions]]) -> dict[str, Draws]:
    of_cells = drawn((name, list(repeats)) for name, repeats in cells.items())
    return {cell: of_cell for cell, _, of_cell in of_cells if of_cell is not None}


def scores(draws: Draws) -> np.ndarray:
    return np.array(list(draws.by_part.values()))


@pytest.mark.parametrize(("parts", "num_patients"), [(SPLITS, 100), (FOLDS, 400)], ids=["splits", "folds"])
def test_a_difference_is_paired_by_part(parts: dict[str, np.ndarray], num_patients: int) -> None:
    cells = draws({TAUGHT: over(parts, 2.0), PLAIN: list(reversed(over(parts, seed=50)))})  # in another order
    (row,) = comparison_rows(cells, [(TAUGHT, PLAIN)]).to_dict("records")
    differences = np.array([cells[TAUGHT].by_part[part] - cells[PLAIN].by_part[part] for part in parts])
    interval = resampled_interval(differences, 1 / 3)
    assert row["difference"] == pytest.approx(differences.mean())
    assert (row["low"], row["high"]) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert row["p_holm"] == row["p_seeds"] == pytest.approx(resampled_p(differences, 1 / 3))
    assert np.isnan(row["p_patients"]) and (row["n"], row["num_patients"]) == (4, num_patients)


def test_only_parts_that_both_cells_have_are_compared() -> None:
    cells = draws({TAUGHT: over(FOLDS, 2.0)[:3], PLAIN: over(FOLDS, seed=50)[1:]})
    (row,) = comparison_rows(cells, [(TAUGHT, PLAIN)]).to_dict("records")
    assert row["n"] == 2 and np.isnan(row["low"])  # two are too few for an interval
    nothing = draws({TAUGHT: over(FOLDS, 2.0)[:1], PLAIN: over(FOLDS, seed=50)[1:]})
    (row,) = comparison_rows(nothing, [(TAUGHT, PLAIN)]).to_dict("records")
    assert row["n"] == 0 and np.isnan([row["difference"], row["p_holm"]]).all()


def test_a_contrast_of_one_pair_is_that_pair() -> None:
    cells = draws({TAUGHT: over(SPLITS, 2.5), PLAIN: over(SPLITS, seed=50)})
    (pair,) = comparison_rows(cells, [(TAUGHT, PLAIN)]).to_dict("records")
    (contrast,) = contrast_rows(cells).to_dict("records")
    for name in ("difference", "low", "high", "p_seeds", "p_holm", "n", "num_patients"):
        assert contrast[name] == pytest.approx(pair[name]), name


def test_the_higher_choice_stands_first_over_parts_too() -> None:
    other = "attention/mimic-cxr/densenet40/all"
    cells = draws({TAUGHT: over(SPLITS, 2.5), other: over(SPLITS, 1.0, seed=50)})
    (row,) = contrast_rows(cells).to_dict("records")
    assert (row["first"], row["second"]) == ("ImageNet teacher", "MIMIC-CXR teacher") and row["difference"] > 0


def test_a_cell_on_other_images_of_the_same_part_is_not_compared() -> None:
    other = {part: images + 1 for part, images in SPLITS.items()}
    other = {part: np.minimum(images, 399) for part, images in other.items()}
    other = {part: np.unique(images) for part, images in other.items()}
    assert list(draws({TAUGHT: over(SPLITS), PLAIN: over(other)})) == [TAUGHT]


def test_the_variance_of_parts_stands_beside_that_of_their_patients() -> None:
    cells = draws({TAUGHT: over(FOLDS)})
    (row,) = variance_rows(cells).to_dict("records")
    points = scores(cells[TAUGHT])
    interval = resampled_interval(points, 1 / 3)
    assert (row["low"], row["high"]) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert row["auc"] == pytest.approx(points.mean()) and row["sd_seeds"] == pytest.approx(points.std(ddof=1))
    each = [float(np.std(draws_SB, ddof=1)) for draws_SB in cells[TAUGHT].draws_SB]
    assert row["sd_patients"] == pytest.approx(np.sqrt(np.mean(np.square(each))))


def test_draws_of_one_part_refuse_several() -> None:
    repeats = over(SPLITS)
    with pytest.raises(
        ValueError, match="one part to share draws of patients, but got split 1, split 2, split 3, split 4"
    ):
        draws_of(repeats, weights_of(repeats[0]))


def test_a_part_of_one_class_is_left_out() -> None:
    repeats = over(FOLDS)
    repeats[0] = replace(repeats[0], positive_NL=np.zeros_like(repeats[0].positive_NL))
    assert set(draws({TAUGHT: repeats})[TAUGHT].parts_S) == {"fold 2", "fold 3", "fold 4"}
    row = label_rows(TAUGHT, repeats).iloc[0]
    assert row["n"] == 3 and row["num_positives"] == sum(int(each.positive_NL.sum()) for each in repeats)


def test_an_auc_is_never_pooled_over_folds() -> None:
    shifted = [student(images, part, shift=2.0 * k) for k, (part, images) in enumerate(FOLDS.items())]
    level = [student(images, part) for part, images in FOLDS.items()]
    ranked, plain = label_rows(TAUGHT, shifted).iloc[0], label_rows(TAUGHT, level).iloc[0]
    assert (ranked["auc"], ranked["auprc"]) == (pytest.approx(plain["auc"]), pytest.approx(plain["auprc"]))
    assert ranked["ece"] > plain["ece"]  # it judges the probability itself
    groups = [subgroup_rows(TAUGHT, each).set_index("subgroup")["auc"] for each in (shifted, level)]
    assert groups[0].to_dict() == pytest.approx(groups[1].to_dict())


def test_counts_are_of_all_folds_or_of_a_mean_split() -> None:
    of_folds, of_splits = label_rows(TAUGHT, over(FOLDS)).iloc[0], label_rows(TAUGHT, over(SPLITS)).iloc[0]
    assert (of_folds["num_images"], of_splits["num_images"]) == (400, 100)
    pooled = reliability_rows(TAUGHT, over(FOLDS))
    assert pooled["num_images"].sum() == 400
    ece = (pooled["num_images"] * (pooled["confidence"] - pooled["frequency"]).abs()).sum() / 400
    assert of_folds["ece"] == pytest.approx(ece)
    groups = subgroup_rows(TAUGHT, over(FOLDS)).set_index("subgroup")
    assert groups["num_images"].to_dict() == {"F": 266, "M": 134} and groups["half_width"].isna().all()
    assert subgroup_rows(TAUGHT, over(SPLITS))["half_width"].notna().all()


def test_pairs_within_folds_by_hand() -> None:
    """Fold 1 has 2 pairs, of which 1 is right; fold 2 has 4, all right; and no pair goes from one fold to another."""

    def few(part: str, images: list[str], labels: list[int], scores: list[float]) -> Predictions:
        frame = pd.DataFrame(
            {"split": "test", "image": images, "patient": images, "view": "", "sex": "F", "age_years": 1.0}
        )
        frame = frame.assign(label_A=labels, probability_A=scores)
        return replace(from_frame(frame, averaged=["A"]), test_part=part)

    repeats = [
        few("fold 1", ["a", "b", "c"], [1, 0, 0], [0.5, 0.9, 0.1]),
        few("fold 2", ["d", "e", "f", "g"], [1, 1, 0, 0], [0.08, 0.07, 0.02, 0.01]),
        few("fold 3", ["h"], [1], [0.5]),
    ]
    everything = {each.test_part: np.ones(len(each.images), dtype=bool) for each in repeats}
    assert within_parts(repeats, np.array([True]), everything) == pytest.approx(5 / 6)
    assert within_parts(repeats[2:], np.array([True]), everything) is None


def test_delong_is_left_out_where_repeats_have_test_sets_of_their_own() -> None:
    for parts in (FOLDS, SPLITS):
        assert delong_rows((TAUGHT, over(parts)), (PLAIN, over(parts, seed=50))).empty


def confirmed(values: list[float], parts: list[str], to_train: float, drawn: str, num_folds: int = 0) -> pd.DataFrame:
    draws = [int(part.removeprefix("split ")) if part.startswith("split") else 0 for part in parts]
    frame = pd.DataFrame({"tags.cell": PLAIN, "metrics.test_auc": values, "test_part": parts, "tags.drawn": drawn})
    repeats = {"params.method": "transfer", "params.num_folds": num_folds, "params.split_draw": draws}
    return frame.assign(test_to_train=to_train, **repeats)


def test_a_cells_score_over_folds_has_the_corrected_interval() -> None:
    values, parts = [0.7, 0.9, 0.75, 0.8], ["fold 1", "fold 1", "fold 2", "fold 3"]
    confirm = confirmed(values, parts, 0.5, "fold", 3)
    (row,) = summary(confirm, "test_auc").to_dict("records")
    expected = resampled_interval([0.8, 0.75, 0.8], 0.5)
    assert (row["mean"], row["n"]) == (pytest.approx(expected.mean), 3)
    assert row["half_width"] == pytest.approx(expected.half_width) and np.isnan(row["half_width_normal"])
    table = closing_table(confirm, "test_auc")
    assert (
        "mean over n folds (each patient is tested once), in percent; ±: half-width of the 95% interval, correc"
        in table
    )
    assert "for folds that share images: spread between n folds, each with a search of its own" in table


def test_the_closing_table_says_which_spread_its_interval_holds() -> None:
    parts = ["split 1", "split 2", "split 3"]
    table = closing_table(confirmed([0.7, 0.71, 0.72], parts, 0.25, "seed+split"), "test_auc")
    assert "71.00±3.29" in table  # t(2) = 4.3027, sqrt(1/3 + 1/4) = 0.76376, s = 0.01
    assert "spread of seed and split over n repeats" in table
    assert interval_note(Design(sources=("seed",))).endswith("Student's t: spread of seed over n repeats")


def test_splits_of_unknown_size_have_no_interval_and_no_mark() -> None:
    confirm = confirmed([0.7, 0.71, 0.72], ["split 1", "split 2", "split 3"], float("nan"), "seed+split")
    (row,) = summary(confirm, "test_auc").to_dict("records")
    assert np.isnan(row["half_width"]) and row["mean"] == pytest.approx(0.71) and row["is_n_too_small"] is False


def test_a_sentence_says_what_was_tested() -> None:
    cells = draws({TAUGHT: over(FOLDS, 3.0), PLAIN: over(FOLDS, 0.5, seed=50)})
    (row,) = comparison_rows(cells, [(TAUGHT, PLAIN)]).to_dict("records")
    text = sentence(row, design=Design(sources=(), num_folds=4))
    assert (
        text.startswith(f"{TAUGHT} has a higher AUC than {PLAIN}: +") and "4 folds, 400 patients, each tested" in text
    )
