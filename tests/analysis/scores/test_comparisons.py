"""Two cells on the same test images, and what may be said of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.reading.predictions import Predictions, from_frame
from analysis.scores.comparisons import Draws, comparison_rows, draws_of, planned, sentence, variance_rows
from analysis.scores.comparisons import weights_of as shared_weights
from analysis.scores.label_tests import delong_rows
from trainables.data.store import salted_hashes

NUM_IMAGES = 400


def repeats(strength: float, num_repeats: int = 3, seed: int = 0, salt: bytes = b"") -> list[Predictions]:
    """Repeats that score the same images: the images' own noise is shared, each repeat adds a little."""
    generator = np.random.default_rng(99)
    truth, shared = generator.random(NUM_IMAGES) < 0.3, generator.normal(size=NUM_IMAGES)
    repeats = []
    for repeat in range(num_repeats):
        own = np.random.default_rng(1000 * seed + repeat).normal(size=NUM_IMAGES)
        score = 1 / (1 + np.exp(-(strength * truth + shared + 0.2 * own)))
        table = pd.DataFrame(
            {"split": "test", "image": [f"i{i:04d}" for i in range(NUM_IMAGES)], "label_A": truth.astype(np.int8)}
        )
        table = table.assign(patient=[f"p{i // 2}" for i in range(NUM_IMAGES)], view="PA", sex="", age_years=np.nan)
        table[["image", "patient"]] = table[["image", "patient"]].apply(lambda names: salted_hashes(list(names), salt))
        repeats.append(from_frame(table.assign(probability_A=score.astype(np.float32)), averaged=["A"]))
    return repeats


def draws(strength: float, num_repeats: int = 3, seed: int = 0, salt: bytes = b"") -> Draws:
    predictions = repeats(strength, num_repeats, seed, salt)
    cell_draws = draws_of(predictions, shared_weights(predictions[0]))
    assert cell_draws is not None
    return cell_draws


def test_the_salt_of_a_results_folder_changes_no_interval() -> None:
    first, second = ({"a": draws(2.0, salt=salt), "b": draws(1.0, seed=1, salt=salt)} for salt in (b"one", b"other"))
    pd.testing.assert_frame_equal(variance_rows(first), variance_rows(second), check_exact=True)
    compared = [comparison_rows(cells, [("a", "b")]) for cells in (first, second)]
    pd.testing.assert_frame_equal(*compared, check_exact=True)


def test_a_real_difference_is_told() -> None:
    row = comparison_rows({"a": draws(2.0), "b": draws(1.0, seed=1)}, [("a", "b")]).iloc[0]
    assert row["low"] > 0 and row["low"] < row["difference"] < row["high"]
    assert row["p_holm"] == max(row["p_patients"], row["p_seeds"]) < 0.05
    assert sentence(row.to_dict()).startswith("a has a higher AUC than b: +")
    assert (row["n"], row["num_patients"]) == (3, 200)


def test_no_difference_is_told_where_there_is_none() -> None:
    row = comparison_rows({"a": draws(1.0), "b": draws(1.0, seed=1)}, [("a", "b")]).iloc[0]
    assert row["p_holm"] > 0.05
    assert "no difference can be shown with n = 3 repeats and 200 test patients" in sentence(row.to_dict())


def test_one_repeat_tells_nothing_however_large_the_difference() -> None:
    row = comparison_rows({"a": draws(3.0, 1), "b": draws(0.5, 1)}, [("a", "b")]).iloc[0]
    assert row["p_patients"] < 0.05 and np.isnan(row["p_seeds"]) and np.isnan(row["p_holm"])
    assert "no difference can be shown with n = 1 repeats" in sentence(row.to_dict())


def test_two_repeats_that_agree_are_too_few_for_a_difference() -> None:
    row = {"first": "a", "second": "b", "difference": 0.2, "low": 0.15, "high": 0.25, "p_holm": 0.001}
    assert "no difference can be shown with n = 2 repeats" in sentence({**row, "n": 2, "num_patients": 200})
    assert "a has a higher AUC than b" in sentence({**row, "n": 3, "num_patients": 200})


def test_a_teacher_itself_can_be_compared_but_not_told_from_another() -> None:
    cells = {"itself/a/none/none": draws(3.0, num_repeats=1), "transfer/none/densenet40/all": draws(0.2)}
    (row,) = comparison_rows(cells, [("itself/a/none/none", "transfer/none/densenet40/all")]).to_dict("records")
    assert row["low"] > 0 and row["n"] == 1 and np.isnan(row["p_seeds"]) and np.isnan(row["p_holm"])
    assert np.isnan(variance_rows(cells)["sd_seeds"]).tolist() == [True, False]


def test_a_pair_is_narrower_than_its_two_halves() -> None:
    first, second = draws(1.2), draws(1.0, seed=1)
    row = comparison_rows({"a": first, "b": second}, [("a", "b")]).iloc[0]
    alone = variance_rows({"a": first, "b": second})
    assert row["high"] - row["low"] < 0.6 * np.hypot(*(alone["high"] - alone["low"]))


def test_variance_of_seeds_and_of_patients_stand_apart() -> None:
    row = variance_rows({"a": draws(1.0)}).iloc[0]
    assert row["low"] < row["auc"] < row["high"]
    assert 0 < row["sd_seeds"] < row["sd_patients"]  # the images' noise is five times the repeats'
    assert np.isnan(variance_rows({"a": draws(1.0, 1)}).iloc[0]["sd_seeds"])


def test_corrected_for_all_pairs() -> None:
    cells = {"a": draws(2.0), "b": draws(1.0, seed=1), "c": draws(1.9, seed=2)}
    alone = comparison_rows(cells, [("a", "b")])["p_holm"].iloc[0]
    together = comparison_rows(cells, [("a", "b"), ("c", "b"), ("a", "c")])["p_holm"].iloc[0]
    assert together > alone


def test_planned_pairs() -> None:
    cells = [
        "transfer/none/densenet121/all", "transfer/none/densenet121/last34", "attention/imagenet/densenet121/all",
        "attention/mimic-cxr/densenet121/all", "attention/imagenet/densenet40/all",
        "transfer/none/densenet121/all@0.25", "attention/imagenet/densenet121/all@0.25",
    ]  # fmt: skip
    assert planned(cells) == [
        ("attention/imagenet/densenet121/all", "transfer/none/densenet121/all"),
        ("attention/imagenet/densenet121/all@0.25", "transfer/none/densenet121/all@0.25"),
        ("attention/mimic-cxr/densenet121/all", "attention/imagenet/densenet121/all"),
        ("attention/mimic-cxr/densenet121/all", "transfer/none/densenet121/all"),
        ("transfer/none/densenet121/last34", "transfer/none/densenet121/all"),
    ]
    teachers = ["itself/imagenet/none/none", "itself/mimic-cxr/none/none"]  # no pair: the correction stays as it is
    assert planned([*cells, *teachers]) == planned(cells)
    few = [f"{name}@0.25,ones,from-random" for name in ("hints/a+b/resnet18/all", "transfer/none/resnet18/all")]
    assert planned([*cells, *few, "transfer/none/resnet18/all"]) == sorted([*planned(cells), tuple(few)])
    at_34 = "attention/imagenet/densenet121/last34"
    assert planned([at_34, "transfer/none/densenet121/last34", "transfer/none/densenet121/all"]) == [
        (at_34, "transfer/none/densenet121/last34"),
        ("transfer/none/densenet121/last34", "transfer/none/densenet121/all"),
    ]
    assert planned([at_34, "transfer/none/densenet121/all"]) == []  # method and depth would differ at once
    assert planned([]) == [] and comparison_rows({}, []).empty


def test_delong_by_label() -> None:
    rows = delong_rows(("a", repeats(2.0)), ("b", repeats(1.0, seed=1)))
    assert rows["label"].tolist() == ["A"]
    assert rows["p_holm"].iloc[0] == rows["p"].iloc[0] < 0.001
    others = [from_frame(pd.DataFrame({
        "split": "test", "image": [f"x{i}" for i in range(4)], "patient": "p", "view": "", "sex": "", "age_years": 1.0,
        "label_A": [0, 1, 0, 1], "probability_A": [0.1, 0.2, 0.3, 0.4],
    }))]  # fmt: skip
    assert delong_rows(("a", repeats(2.0)), ("b", others)).empty


@pytest.mark.parametrize(("num_positives", "averaged"), [(0, ["A"]), (30, [])])
def test_no_averaged_label_with_an_auc_no_draws(num_positives: int, averaged: list[str]) -> None:
    label = (np.arange(60) < num_positives).astype(np.int8)
    table = pd.DataFrame(
        {
            "split": "test",
            "image": [f"i{i:02d}" for i in range(60)],
            "patient": "p",
            "view": "",
            "sex": "",
            "age_years": 1,
        }
    )
    first = from_frame(table.assign(label_A=label, probability_A=np.float32(0.5)), averaged=averaged)
    assert draws_of([first], shared_weights(first)) is None
