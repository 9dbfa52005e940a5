"""Splits: exact in number at the full size of Table II, disjoint in patients, alike in labels; and nested fractions.

How alike: `tests.benchmarks.splits` says so at the full size over 15 seeds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tests.benchmarks import splits as tables
from trainables.data.catalogue import DATASETS
from trainables.data.splits import counts_for, official_split, split_patients, train_rank


def rows_of(patients: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"patient": patients.astype(str), "labels": list(labels.astype(np.int8))})


def uneven(num_images: int, num_patients: int, rates: list[float]) -> pd.DataFrame:
    """Patients of one image and more, as uneven as in a hospital; `rates`: how often each label is positive."""
    rng = np.random.default_rng(0)
    more = rng.choice(num_patients, size=num_images - num_patients, p=_heavy_tail(rng, num_patients))
    patients = np.sort(np.concatenate([np.arange(num_patients), more]))
    return rows_of(patients, rng.uniform(size=(num_images, len(rates))) < rates)


def _heavy_tail(rng: np.random.Generator, num_patients: int) -> np.ndarray:
    weights = rng.pareto(1.5, size=num_patients) + 0.1
    return np.asarray(weights / weights.sum())


SETS: dict[str, Callable[[], pd.DataFrame]] = {
    "retina": tables.retina,
    "chexpert": tables.chexpert,
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
    assert dict(zip(*np.unique(split, return_counts=True), strict=True)) == DATASETS[dataset].split_counts


def test_no_patient_is_in_two_splits(full: tuple[str, pd.DataFrame, np.ndarray, float]) -> None:
    _, rows, split, _ = full
    assert (pd.Series(split).groupby(rows["patient"].to_numpy()).nunique() == 1).all()


def test_every_label_is_as_frequent_in_each_split_to_two_images(
    full: tuple[str, pd.DataFrame, np.ndarray, float],
) -> None:
    dataset, rows, split, _ = full
    labels = np.stack(rows["labels"].to_list())
    positive = labels == np.arange(5) if dataset == "retina" else labels == 1
    for name in ("train", "validation", "test"):
        part = positive[split == name]
        assert (np.abs(part.sum(axis=0) - positive.mean(axis=0) * len(part)) <= 2).all(), name


def test_patients_of_many_images_are_as_likely_in_each_split(
    full: tuple[str, pd.DataFrame, np.ndarray, float],
) -> None:
    _, rows, split, _ = full
    images = pd.Series(split).groupby(rows["patient"].to_numpy()).agg(["first", "size"])
    means = images.groupby("first")["size"].mean()
    assert np.abs(means / images["size"].mean() - 1).max() < 0.06


@pytest.mark.parametrize(
    ("dataset", "size", "fraction"), [("retina", (2_000,), 0.2), ("chexpert", (14_000, 4_000), 0.3)]
)
def test_shares_deviate_at_most_half_as_much_as_in_a_random_split_by_patient(
    dataset: str, size: tuple[int, ...], fraction: float
) -> None:
    rows = getattr(tables, dataset)(*size)
    frequent = tables.positives(rows).mean(axis=0) >= tables.LEAST_SHARE
    deviations = tables.measure(rows, counts_for(dataset, len(rows)), 3, fraction)
    assert len(deviations) == 4  # validation, test, a nested fraction, and validation within an official split
    for part, (ours, chance) in deviations.items():
        assert ((ours / chance)[frequent] <= 0.5).all(), (part, ours, chance)


def test_splitting_takes_seconds_at_the_full_size(full: tuple[str, pd.DataFrame, np.ndarray, float]) -> None:
    assert full[3] < 10  # a quadratic search over 65,000 patients would take minutes


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


def test_a_share_of_ones_own_is_that_of_validation_and_of_test() -> None:
    assert counts_for("retina", 35_126, 0.2) == {"train": 21_076, "validation": 7_025, "test": 7_025}
    assert counts_for("own", 60, 0.25) == {"train": 30, "validation": 15, "test": 15}
    for share in (0.0, 0.5, -0.1, 1.0, float("nan")):
        with pytest.raises(ValueError, match=f"0 < validation share < 0.5 must hold, but got {share}"):
            counts_for("own", 60, share)
    with pytest.raises(ValueError, match="but own has 60, which gives 60 of train, 0 of validation, 0 of test"):
        counts_for("own", 60, 0.001)


@pytest.mark.parametrize("images_per_patient", [1, 2])
def test_sixty_images_with_two_labels_have_both_classes_of_both_in_each_split(images_per_patient: int) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        patients = np.arange(60) // images_per_patient
        labels = rng.uniform(size=(60, 2)) < [0.1, 0.15]
        labels[rng.permutation(60)[:6], 0] = True  # a handful of patients, who may have both
        labels[:, 1] |= np.isin(patients, rng.permutation(patients.max() + 1)[:4])
        split = split_patients(rows_of(patients, labels), counts_for("own", 60), seed=seed)
        assert dict(zip(*np.unique(split, return_counts=True), strict=True)) == counts_for("own", 60)
        for name in ("validation", "test"):
            assert (labels[split == name].any(axis=0) & ~labels[split == name].all(axis=0)).all(), (seed, name)


def test_a_label_of_three_patients_is_in_each_split() -> None:
    labels = np.zeros((400, 3), bool)
    labels[[7, 90, 311], 0] = True
    labels[:, 1] = True
    labels[[8, 91, 312], 1] = False  # and so are three patients without a label that all others have
    labels[:, 2] = np.random.default_rng(0).uniform(size=400) < 0.4
    for seed in range(10):
        split = split_patients(rows_of(np.arange(400), labels), counts_for("own", 400), seed=seed)
        assert sorted(split[[7, 90, 311]]) == sorted(split[[8, 91, 312]]) == ["test", "train", "validation"]


def test_an_uncertain_label_is_a_stratum_of_its_own() -> None:
    labels = np.random.default_rng(0).choice([1, 0, -1, -2], p=[0.2, 0.1, 0.1, 0.6], size=(1_000, 2))
    split = split_patients(rows_of(np.arange(1_000), labels), counts_for("own", 1_000), seed=0)
    uncertain = labels == -1
    assert (np.abs(uncertain[split == "test"].sum(axis=0) - uncertain.sum(axis=0) / 10) <= 1).all()


def test_the_counts_of_thirty_images_are_exact_where_patients_allow() -> None:
    patients = np.repeat(np.arange(10), [9, 5, 4, 3, 3, 2, 1, 1, 1, 1])
    for seed in range(20):
        labels = np.random.default_rng(seed).uniform(size=(30, 14)) < 0.2
        split = split_patients(rows_of(patients, labels), counts_for("own", 30), seed=seed)
        assert dict(zip(*np.unique(split, return_counts=True), strict=True)) == counts_for("own", 30), seed


def test_where_no_patients_add_up_the_counts_are_the_nearest() -> None:
    rows = rows_of(np.repeat(np.arange(40), 2), np.arange(80)[:, None] % 5)
    split = split_patients(rows, {"train": 62, "validation": 9, "test": 9}, seed=0)
    assert sorted(int((split == name).sum()) for name in ("validation", "test")) == [8, 10]


def test_a_patient_with_most_of_the_images_leaves_a_patient_to_each_split() -> None:
    rows = rows_of(np.array([*[0] * 58, 1, 2]), np.zeros((60, 1), bool))
    split = split_patients(rows, counts_for("own", 60), seed=0)
    assert set(split[:58]) == {"train"} and sorted(split[58:]) == ["test", "validation"]


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
    assert np.abs(tenth - labels[split == "train"].mean(axis=0)).max() < 0.02
    assert (rank == train_rank(rows, split, seed=0)).all() and (rank != train_rank(rows, split, seed=1)).any()


def test_no_training_image_has_no_rank() -> None:
    rows = uneven(30, 10, [0.3])
    assert (train_rank(rows, np.full(30, "test"), seed=0) == -1).all()


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
    assert not patients["train"] & patients["validation"]
    num_given = int((rows["official_split"] == "train").sum())
    assert (split == "validation").sum() == round(num_given / 10)
    more = official_split(rows, "nih", seed=0, validation_share=0.3)
    assert (more == "validation").sum() == round(0.3 * num_given) and ((more == "test") == (split == "test")).all()
    assert (more == official_split(rows, "nih", seed=0, validation_share=0.3)).all()
    assert (more != official_split(rows, "nih", seed=1, validation_share=0.3)).any()


def test_what_is_no_official_split_is_said() -> None:
    rows = uneven(30, 10, [0.3])
    with pytest.raises(ValueError, match="own must come with a split of its own"):
        official_split(rows.assign(official_split=""), "own", seed=0)
    torn = rows.assign(official_split=["test", *["train"] * 29])
    torn["patient"] = "one"
    with pytest.raises(ValueError, match="no patient may be in two splits, but the official one of nih has such"):
        official_split(torn, "nih", seed=0)
    lonely = rows_of(np.array([0, 0, 1]), np.zeros((3, 1))).assign(official_split=["train", "train", "test"])
    with pytest.raises(ValueError, match="training part must have two patients or more, but has one"):
        official_split(lonely, "nih", seed=0)
    three = rows_of(np.arange(3), np.zeros((3, 1))).assign(official_split=["train", "validation", "test"])
    with pytest.raises(
        ValueError, match=r"of mimic-cxr has a validation set of its own: leave out --validation-share 0.2"
    ):
        official_split(three, "mimic-cxr", seed=0, validation_share=0.2)
    with pytest.raises(ValueError, match=r"0 < validation share < 0\.5 must hold, but got 0\.7"):
        official_split(lonely, "nih", seed=0, validation_share=0.7)
