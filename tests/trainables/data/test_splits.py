"""Splits: exact in number at the full size of Table II, disjoint in patients, alike in labels; and nested fractions."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from trainables.data.splits import TABLE_II, counts_for, official_split, split_patients, train_rank


def rows_of(patients: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"patient": patients.astype(str), "labels": list(labels.astype(np.int8))})


def retina() -> pd.DataFrame:
    """35,126 photographs of 17,563 patients, two eyes each, grades as frequent as in the release."""
    rng = np.random.default_rng(0)
    grades = rng.choice(5, size=35_126, p=[0.735, 0.070, 0.151, 0.025, 0.019])
    return rows_of(np.repeat(np.arange(17_563), 2), grades[:, None])


def uneven(num_images: int, num_patients: int, rates: list[float]) -> pd.DataFrame:
    """Patients of one image and more, as uneven as in a hospital; `rates`: how often each label is positive."""
    rng = np.random.default_rng(0)
    more = rng.choice(num_patients, size=num_images - num_patients, p=_heavy_tail(rng, num_patients))
    patients = np.sort(np.concatenate([np.arange(num_patients), more]))
    return rows_of(patients, rng.uniform(size=(num_images, len(rates))) < rates)


def _heavy_tail(rng: np.random.Generator, num_patients: int) -> np.ndarray:
    weights = rng.pareto(1.5, size=num_patients) + 0.1
    return np.asarray(weights / weights.sum())


SETS = {
    "retina": retina,
    "chexpert": lambda: uneven(223_648, 64_740, [0.1, 0.05, 0.12, 0.47, 0.04, 0.23, 0.07, 0.03, 0.15, 0.09, 0.39]),
    "chestxray8": lambda: uneven(5_606, 4_230, [0.09, 0.025, 0.11, 0.17, 0.05, 0.06, 0.011, 0.05, 0.04, 0.02, 0.54]),
}


@pytest.fixture(scope="module", params=list(SETS))
def full(request: pytest.FixtureRequest) -> tuple[str, pd.DataFrame, np.ndarray, float]:
    rows = SETS[request.param]()
    started_s = time.perf_counter()
    split = split_patients(rows, counts_for(request.param, len(rows)), seed=0)
    return request.param, rows, split, time.perf_counter() - started_s


def test_the_counts_are_table_2s_to_the_image(full: tuple[str, pd.DataFrame, np.ndarray, float]) -> None:
    dataset, _, split, _ = full
    assert dict(zip(*np.unique(split, return_counts=True), strict=True)) == TABLE_II[dataset]


def test_no_patient_is_in_two_splits(full: tuple[str, pd.DataFrame, np.ndarray, float]) -> None:
    _, rows, split, _ = full
    assert (pd.Series(split).groupby(rows["patient"].to_numpy()).nunique() == 1).all()


def test_every_label_is_as_frequent_in_each_split(full: tuple[str, pd.DataFrame, np.ndarray, float]) -> None:
    dataset, rows, split, _ = full
    labels = np.stack(rows["labels"].to_list())
    positive = labels == np.arange(5) if dataset == "retina" else labels == 1
    for name in ("train", "validation", "test"):
        part = positive[split == name]
        expected = positive.mean(axis=0)
        # three standard deviations of a share in a random sample of independent images
        allowed = 3 * np.sqrt(expected * (1 - expected) / len(part)) + 0.002
        assert (np.abs(part.mean(axis=0) - expected) < allowed).all(), name


def test_splitting_takes_seconds_at_the_full_size(full: tuple[str, pd.DataFrame, np.ndarray, float]) -> None:
    assert full[3] < 20  # a quadratic search over 65,000 patients would take minutes


def test_the_seed_decides() -> None:
    rows = uneven(600, 400, [0.1, 0.3])
    splits = [split_patients(rows, counts_for("chestxray8", 600), seed=seed) for seed in (1, 1, 2)]
    assert (splits[0] == splits[1]).all() and (splits[0] != splits[2]).any()


@pytest.mark.parametrize(
    ("dataset", "num_images", "counts"),
    [
        ("retina", 720, {"train": 434, "validation": 143, "test": 143}),
        ("chestxray8", 421, {"train": 269, "validation": 64, "test": 88}),
        ("mimic-cxr", 1000, {"train": 800, "validation": 100, "test": 100}),
    ],
)
def test_a_smaller_set_has_the_same_proportions(dataset: str, num_images: int, counts: dict[str, int]) -> None:
    assert counts_for(dataset, num_images) == counts


def test_fractions_are_nested_and_begin_with_whole_patients() -> None:
    rows = uneven(3_000, 1_200, [0.1, 0.3, 0.02])
    split = split_patients(rows, counts_for("chexpert", 3_000), seed=0)
    rank = train_rank(rows, split, seed=0)
    num_train = int((split == "train").sum())
    assert sorted(rank[split == "train"]) == list(range(num_train)) and (rank[split != "train"] == -1).all()
    order = rows["patient"].to_numpy()[np.argsort(np.where(rank < 0, num_train, rank), kind="stable")[:num_train]]
    changes = int((order[1:] != order[:-1]).sum())
    assert changes == len(set(order)) - 1  # a patient's images stand together
    labels = np.stack(rows["labels"].to_list())
    tenth = labels[(rank >= 0) & (rank < num_train // 10)].mean(axis=0)
    assert np.abs(tenth - labels[split == "train"].mean(axis=0)).max() < 0.05


def test_what_cannot_be_split_is_said() -> None:
    with pytest.raises(ValueError, match="enough images for three splits, but retina has 2"):
        counts_for("retina", 2)
    rows = uneven(10, 2, [0.5])
    with pytest.raises(ValueError, match="at least three patients, but there are 2"):
        split_patients(rows, {"train": 8, "validation": 1, "test": 1}, seed=0)
    with pytest.raises(ValueError, match="must add up to 10 images"):
        split_patients(rows, {"train": 8, "validation": 1, "test": 2}, seed=0)


def test_an_official_split_is_taken_as_it_is() -> None:
    rows = uneven(300, 100, [0.3]).assign(official_split="train")
    rows.loc[rows["patient"].isin(["1", "2"]), "official_split"] = "validation"
    rows.loc[rows["patient"].isin(["3", "4"]), "official_split"] = "test"
    assert (official_split(rows, "mimic-cxr", seed=0) == rows["official_split"]).all()


@pytest.mark.parametrize("held_out", ["test", "validation"])
def test_of_two_official_parts_the_second_is_the_test_set_and_validation_is_drawn(held_out: str) -> None:
    rows = uneven(300, 100, [0.3]).assign(official_split="train")
    rows.loc[rows["patient"].astype(int) < 20, "official_split"] = held_out
    split = official_split(rows, "nih", seed=0)
    assert ((split == "test") == (rows["official_split"] == held_out)).all()
    patients = {name: set(rows["patient"][split == name]) for name in ("train", "validation")}
    assert len(patients["validation"]) == 8 and not patients["train"] & patients["validation"]


def test_what_is_no_official_split_is_said() -> None:
    rows = uneven(30, 10, [0.3])
    with pytest.raises(ValueError, match="own must come with a split of its own"):
        official_split(rows.assign(official_split=""), "own", seed=0)
    torn = rows.assign(official_split=["test", *["train"] * 29])
    torn["patient"] = "one"
    with pytest.raises(ValueError, match="no patient may be in two splits, but the official one of nih has such"):
        official_split(torn, "nih", seed=0)
