"""Predictions out of MLflow's artifacts, and what is made of them label by label and subgroup by subgroup."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.reading.predictions import by_cell, from_frame, load
from analysis.reading.trials import runs
from analysis.scores.labels import has_enough, label_rows, macro_auc, reliability_rows
from analysis.scores.subgroups import subgroup_rows
from trainables.data.store import salted_hashes


def frame(num_images: int = 60, seed: int = 0, noise: float = 1.0) -> pd.DataFrame:
    """Two images a patient; Edema in every third, Hernia in two images, each scored by its truth with noise."""
    truth = np.arange(num_images) % 3 == 0
    rare = np.isin(np.arange(num_images), [0, 1])
    generator = np.random.default_rng(seed)
    score = 1 / (1 + np.exp(-(2.0 * truth - 1 + noise * generator.normal(size=num_images))))
    return pd.DataFrame(
        {
            "split": "test",
            "image": [f"i{number:03d}" for number in range(num_images)],
            "patient": [f"p{number // 2:03d}" for number in range(num_images)],
            "view": ["PA", "AP"] * (num_images // 2),
            "sex": np.where(np.arange(num_images) // 2 % 2, "F", "M"),
            "age_years": np.linspace(20, 90, num_images),
            "label_Edema": truth.astype(np.int8),
            "probability_Edema": score.astype(np.float32),
            "label_Hernia": rare.astype(np.int8),
            "probability_Hernia": generator.random(num_images).astype(np.float32),
        }
    )


def test_images_stand_in_the_order_of_the_file_whatever_their_hashes() -> None:
    hashed = frame().assign(image=salted_hashes(frame()["image"].to_list(), b"secret"))
    plain, loaded = from_frame(frame()), from_frame(hashed)
    assert loaded.images["image"].tolist() == hashed["image"].tolist() != sorted(hashed["image"])
    np.testing.assert_array_equal(loaded.probabilities_NL, plain.probabilities_NL)
    assert loaded.label_names == ("Edema", "Hernia") and not loaded.is_multiclass


@pytest.mark.parametrize(
    ("policy", "positives", "known"),
    [("zeros", [True, False, False, False], [True] * 4), ("ones", [True, False, True, False], [True] * 4),
     ("ignore", [True, False, False, False], [True, True, False, True])],
)  # fmt: skip
def test_uncertainty_policies(policy: str, positives: list[bool], known: list[bool]) -> None:
    coded = frame(4).assign(label_Edema=np.array([1, 0, -1, -2], dtype=np.int8))
    loaded = from_frame(coded, policy)
    assert loaded.positive_NL[:, 0].tolist() == positives
    assert loaded.known_NL[:, 0].tolist() == known


def test_what_is_no_file_of_predictions() -> None:
    with pytest.raises(ValueError, match="column patient"):
        from_frame(frame().drop(columns="patient"))
    with pytest.raises(ValueError, match="label_Edema"):
        from_frame(frame().drop(columns="label_Edema"))
    with pytest.raises(ValueError, match="probability_<label>"):
        from_frame(frame()[["split", "image", "patient", "view", "sex", "age_years"]])
    with pytest.raises(ValueError, match="i000"):
        from_frame(pd.concat([frame(), frame()]))
    with pytest.raises(ValueError, match="column split"):
        from_frame(frame().drop(columns="split"))


def test_each_split_has_its_own_rows_of_the_file() -> None:
    on_validation = frame(10, seed=1).assign(split="validation", image=[f"v{number}" for number in range(10)])
    whole = pd.concat([on_validation, frame()])
    for split, expected in (("validation", on_validation), ("test", frame())):
        loaded = from_frame(whole, averaged=["Edema"], split=split)
        assert loaded.images["image"].tolist() == expected["image"].tolist()
        assert loaded.probabilities_NL[:, 0].tolist() == expected["probability_Edema"].tolist()
        assert loaded.positive_NL[:, 0].tolist() == (expected["label_Edema"] == 1).tolist()
    assert from_frame(whole, split="external").images.empty


def test_from_a_store(store: Any) -> None:
    parent = store.sweep()
    store.trial(parent, predictions=frame())
    store.trial(parent, seed=1, predictions=frame(seed=1))
    store.trial(parent, seed=2)  # a run that left none
    store.trial(parent, student="densenet40")
    recorded = runs(store.uri, "retina")
    cells = dict(by_cell(store.uri, recorded.confirm))
    assert {cell: len(repeats) for cell, repeats in cells.items()} == {"transfer/none/densenet121/all": 2}
    assert load(store.uri, recorded.confirm.iloc[2]) is None


def test_repeats_on_other_images_are_refused(store: Any) -> None:
    parent = store.sweep()
    store.trial(parent, predictions=frame())
    store.trial(parent, seed=1, predictions=frame().replace("i000", "other"))
    with pytest.raises(ValueError, match="transfer/none/densenet121/all have not"):
        list(by_cell(store.uri, runs(store.uri, "retina").confirm))


def test_a_label_that_the_sweep_does_not_average_is_shown_alone() -> None:
    repeats = [from_frame(frame(seed=seed), averaged=["Edema"]) for seed in range(3)]
    rows = label_rows("cell", repeats).set_index("label")
    assert rows["num_positives"].to_dict() == {"Edema": 20, "Hernia": 2}
    assert rows["is_averaged"].to_dict() == {"Edema": True, "Hernia": False}
    assert rows["n"].tolist() == [3, 3] and rows.drop(columns="half_width").notna().all(axis=None)
    low = rows["auc"] - rows["half_width"]
    assert (low.isna() | low.between(0, 1)).all()  # an interval that would leave 0 to 1 is not shown
    everything = np.ones(60, dtype=bool)
    macro = np.mean([macro_auc(repeat, repeat.averaged_L, everything) for repeat in repeats])
    assert macro == pytest.approx(rows.loc["Edema", "auc"])  # the mean of the averaged labels alone


def test_an_auc_of_one_class_is_not_defined() -> None:
    one_class = from_frame(frame().assign(label_Hernia=np.int8(0)))
    row = label_rows("cell", [one_class]).set_index("label").loc["Hernia"]
    assert (row["n"], row["num_positives"]) == (0, 0)
    assert np.isnan(row["auc"]) and np.isnan(row["auprc"]) and np.isfinite(row["ece"])
    assert macro_auc(one_class, np.array([False, True]), np.ones(60, dtype=bool)) is None


def test_reliability_of_a_cell_holds_every_image_of_every_repeat() -> None:
    bins = reliability_rows("cell", [from_frame(frame(seed=seed)) for seed in range(2)])
    assert bins["num_images"].sum() == 2 * 2 * 60


def test_subgroups_and_their_gap() -> None:
    # A perfect score for one sex, a reversed one for the other: AUC 1 and 0, a gap of 1.
    table = frame(120)
    truth = table["label_Edema"].to_numpy() == 1
    is_female = table["sex"] == "F"
    table["probability_Edema"] = np.where(truth == is_female, 0.9, 0.1).astype(np.float32)
    rows = subgroup_rows("cell", [from_frame(table, averaged=["Edema", "Hernia"])]).set_index(["kind", "subgroup"])
    assert rows.loc[("sex", "F"), "auc"] == 1.0
    assert rows.loc[("sex", "M"), ["auc", "gap", "num_labels"]].tolist() == [0.0, 1.0, 1]
    assert rows.loc["sex", "num_images"].sum() == 120
    assert rows.loc["age band", "num_images"].sum() == 120


def test_which_labels_are_averaged() -> None:
    renamed = frame().rename(columns=lambda name: name.replace("Edema", "Pleural_Effusion"))
    assert from_frame(renamed, averaged=["Pleural Effusion"]).averaged_L.tolist() == [
        True,
        False,
    ]  # as trackers spell it
    assert not from_frame(renamed).averaged_L.any()
    one_class = from_frame(renamed.assign(label_Hernia=np.int8(0)), averaged=None)
    assert one_class.averaged_L.tolist() == [True, False]  # the paper's rule: those with an AUC on these images
    with pytest.raises(ValueError, match="none of Mass"):
        from_frame(renamed, averaged=["Mass"])


def test_enough_of_a_label_in_a_subset() -> None:
    repeat = from_frame(frame())
    assert has_enough(repeat, np.ones(60, dtype=bool)).tolist() == [True, False]
    assert has_enough(repeat, np.arange(60) < 27).tolist() == [False, False]  # nine positives


def test_unknown_sex_and_age_are_no_subgroup() -> None:
    rows = subgroup_rows("cell", [from_frame(frame().assign(sex="", age_years=np.nan))])
    assert set(rows["kind"]) == {"view"}
    assert subgroup_rows("cell", [from_frame(frame().assign(sex="", age_years=np.nan, view="PA"))]).empty
