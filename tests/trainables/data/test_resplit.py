"""Splits drawn anew and folds: no patient in two parts, labels in proportion, everywhere the same, no pixel copied."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trainables.config import TrialConfig
from trainables.data import resplit
from trainables.data.averaging import Averaging, averaged_labels, definite_counts
from trainables.data.resplit import all_folds, averaging_of, folded, redrawn, split_for
from trainables.data.splits import SPLITS, split_patients, train_rank
from trainables.data.store import Store, fingerprint_of_split

NUM_IMAGES, NUM_PATIENTS = 400, 150
RATES = (0.5, 0.25, 0.1)  # how often each label is positive
COUNTS = {"train": 280, "validation": 60, "test": 60}


def store_of(image_size_px: int = 32, held_out: str = "", num_patients: int = NUM_PATIENTS, seed: int = 0) -> Store:
    """X-rays of patients with one image and more, split as a prepared set is; every pixel of an image is its row."""
    rng = np.random.default_rng(0)
    patient = np.sort(np.concatenate([np.arange(num_patients), rng.choice(num_patients, NUM_IMAGES - num_patients)]))
    labels = (rng.uniform(size=(NUM_IMAGES, len(RATES))) < RATES).astype(np.int8)
    rows = pd.DataFrame({"patient": patient.astype(str), "labels": list(labels)})
    split = split_patients(rows, COUNTS, seed=seed)
    rank = train_rank(rows, split, seed=seed)
    facts: dict[str, Any] = {
        "dataset": "chests",
        "task": "multilabel",
        "label_names": ("often", "sometimes", "rarely"),
        "channels": 1,
        "image_size_px": image_size_px,
        "is_phantom": True,
        "held_out": held_out,
        "left_out": [],
        "fingerprint": f"of {image_size_px} px and split {seed}",
        "split_fingerprint": fingerprint_of_split(split, rank),
    }
    nothing = np.full(NUM_IMAGES, "")
    columns = {
        "labels": labels,
        "patient": rows["patient"].to_numpy(),
        "image_id": np.arange(NUM_IMAGES).astype(str),
        "view": nothing,
        "sex": nothing,
        "age_years": np.zeros(NUM_IMAGES, np.float32),
        "split": split,
        "train_rank": rank,
    }
    pixels = np.broadcast_to((np.arange(NUM_IMAGES) % 256).astype(np.uint8)[:, None, None, None], (NUM_IMAGES, 2, 2, 1))
    return Store(Path("chests.arrow"), facts, columns, [pixels])


@pytest.fixture(scope="module")
def prepared() -> Store:
    return store_of()


def parts_of(store: Store) -> dict[str, set[int]]:
    return {name: set(store.rows(name).tolist()) for name in SPLITS}


def check_is_a_split(store: Store) -> None:
    """Each image is in one part, each patient in one part, each label in proportion, and a half is nested in all."""
    parts = parts_of(store)
    assert sum(map(len, parts.values())) == NUM_IMAGES and len(set().union(*parts.values())) == NUM_IMAGES
    owners = [set(store.patient[sorted(rows)]) for rows in parts.values()]
    assert not (owners[0] & owners[1] or owners[0] & owners[2] or owners[1] & owners[2])
    shares = store.labels.mean(axis=0)
    for name, rows in parts.items():
        own = store.labels[sorted(rows)].mean(axis=0)
        assert np.abs(own - shares).max() <= 2.5 / len(rows), f"{name}: {own} of {shares}"
    half = set(store.rows("train", 0.5).tolist())
    assert len(half) == round(len(parts["train"]) / 2) and half < parts["train"]


@pytest.mark.parametrize("draw", [1, 2, 7])
def test_a_split_drawn_anew_has_the_prepared_ones_numbers_and_other_patients(prepared: Store, draw: int) -> None:
    drawn = redrawn(prepared, draw)
    check_is_a_split(drawn)
    assert {name: len(rows) for name, rows in parts_of(drawn).items()} == COUNTS
    before = parts_of(prepared)["test"]
    assert len(parts_of(drawn)["test"] & before) < len(before) / 2


def test_the_folds_test_every_image_once(prepared: Store) -> None:
    folds = [folded(prepared, 5, fold) for fold in range(1, 6)]
    for fold in folds:
        check_is_a_split(fold)
        assert {name: len(rows) for name, rows in parts_of(fold).items()} == {
            "train": 264,
            "validation": 56,
            "test": 80,
        }
    tested = np.concatenate([fold.rows("test") for fold in folds])
    assert sorted(tested.tolist()) == list(range(NUM_IMAGES))
    assert len({tuple(fold.rows("validation")) for fold in folds}) == 5


def test_all_folds_are_the_folds(prepared: Store) -> None:
    for number, fold in enumerate(all_folds(prepared, 3), 1):
        assert (fold.split == folded(prepared, 3, number).split).all()


def test_a_split_is_a_function_of_the_prepared_one_and_the_draw_whatever_the_size_of_the_images(
    prepared: Store,
) -> None:
    larger, other = store_of(64), store_of(seed=1)
    for make in (lambda store: redrawn(store, 2), lambda store: folded(store, 4, 2)):
        assert make(prepared).split_fingerprint == make(store_of()).split_fingerprint
        assert make(prepared).split_fingerprint == make(larger).split_fingerprint != make(other).split_fingerprint
        assert make(prepared).fingerprint == make(store_of()).fingerprint
        assert make(prepared).fingerprint not in (make(larger).fingerprint, prepared.fingerprint)
    prints = {redrawn(prepared, draw).split_fingerprint for draw in range(1, 6)}
    prints |= {folded(prepared, num, fold).split_fingerprint for num in (2, 3) for fold in range(1, num + 1)}
    assert len(prints | {prepared.split_fingerprint}) == 5 + 2 + 3 + 1


def test_another_split_shares_the_images_and_leaves_the_prepared_one_as_it_is(prepared: Store) -> None:
    before = prepared.split.copy(), prepared.train_rank.copy(), prepared.fingerprint
    drawn = redrawn(prepared, 1)
    assert (
        drawn.prepared is prepared and prepared.prepared is prepared and redrawn(drawn.prepared, 2).prepared is prepared
    )
    rows = np.array([3, 200])
    assert drawn._chunks is prepared._chunks and (drawn.gather(rows) == prepared.gather(rows)).all()
    assert (prepared.split == before[0]).all() and (prepared.train_rank == before[1]).all()
    assert prepared.fingerprint == before[2]
    few = drawn.only(np.arange(50))
    assert (few.split == drawn.split[:50]).all() and few.fingerprint == drawn.fingerprint


def test_the_configuration_says_which_split(prepared: Store) -> None:
    config = TrialConfig(dataset="chests", method="transfer")
    for changes, expected in (
        ({}, prepared),
        ({"split_draw": 3}, redrawn(prepared, 3)),
        ({"num_folds": 4, "fold": 2}, folded(prepared, 4, 2)),
        ({"num_folds": 4}, prepared),
    ):
        own = split_for(prepared, TrialConfig(**{**vars(config), **changes}))
        assert own.split_fingerprint == expected.split_fingerprint


def test_what_cannot_be_split_anew_is_refused() -> None:
    held = store_of(held_out="often")
    with pytest.raises(ValueError, match=r"^often is held out .* but not of the test set.*: leave out --hold-out"):
        redrawn(held, 1)
    with pytest.raises(ValueError, match=r"leave out --hold-out"):
        folded(held, 5, 1)
    few = store_of(num_patients=4)
    with pytest.raises(ValueError, match=r"^5 folds need at least 5 patients.* chests has 4: give a smaller --folds$"):
        folded(few, 5, 1)
    assert {len(set(folded(few, 4, fold).patient[folded(few, 4, fold).rows("test")])) for fold in range(1, 5)} == {1}


def test_a_patient_in_two_parts_is_found(prepared: Store) -> None:
    owners, num_images = np.unique(prepared.patient, return_counts=True)
    rows = np.flatnonzero(prepared.patient == owners[num_images > 1][0])
    split = prepared.split.copy()
    split[rows[0]] = "train" if split[rows[-1]] == "test" else "test"
    with pytest.raises(ValueError, match=r"^no patient may be in two splits, but 1 are in chests.arrow"):
        prepared.with_split(split, prepared.train_rank)


def test_every_repeat_averages_the_prepared_splits_labels_and_every_fold_the_same(prepared: Store) -> None:
    assert averaging_of(prepared, "frequent") == averaged_labels(prepared, "frequent")
    folds = all_folds(prepared, 20)  # 20 test images each, and 67 for validation
    fewest = np.min([definite_counts(fold, "validation").min(axis=0) for fold in folds], axis=0)
    own = averaging_of(prepared, "frequent", 20)
    assert own == averaging_of(prepared, "frequent", 20) == averaged_labels(folds[0], "frequent", folds[1:])
    is_frequent = (fewest >= own.min_positives) & np.all(
        [definite_counts(f, "test").min(axis=0) > 0 for f in folds], axis=0
    )
    assert own.names == tuple(name for name, is_in in zip(prepared.label_names, is_frequent, strict=True) if is_in)
    assert "rarely" not in own.names and "rarely" in averaging_of(prepared, "defined", 2).names


def test_every_fold_counts_for_what_is_averaged(prepared: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[int]] = []

    def watched(store: Store, rule: str, others: Sequence[Store] = ()) -> Averaging:
        asked.append([len(np.intersect1d(each.rows("test"), prepared.rows("test"))) for each in (store, *others)])
        return averaged_labels(store, rule, others)

    resplit.held.clear()
    monkeypatch.setattr(resplit, "averaged_labels", watched)
    averaging_of(prepared, "frequent", 4)
    assert [len(each) for each in asked] == [4] and sum(asked[0]) == len(prepared.rows("test"))
