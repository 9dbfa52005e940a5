"""Splits drawn anew and folds are checked before the first trial, and what a trial reads is that of its own split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from platform.sweeping import fitting
from platform.sweeping.scoring import averaging_lines, check_scorable, checked_averaging
from platform.sweeping.trial_splits import TrialSplits
from platform.tracking.data_inputs import facts_of
from search_spaces.space import Space
from tests.trainables.data.test_resplit import NUM_IMAGES, store_of
from trainables.cell import Cell
from trainables.config import TrialConfig
from trainables.data.averaging import averaged_labels
from trainables.data.resplit import folded, redrawn

BASE = TrialConfig(dataset="chests", method="transfer", image_size_px=32)


def test_each_trial_has_the_split_of_its_own_configuration_and_size() -> None:
    small, large = store_of(32), store_of(64)
    splits = TrialSplits(stores={32: small, 64: large}, base=BASE, num_draws=2)
    assert splits.of(BASE) is splits.first is small
    assert splits.of(replace(BASE, image_size_px=64)) is large
    drawn = splits.of(replace(BASE, split_draw=2))
    assert drawn is splits.of(replace(BASE, split_draw=2, seed=5)) and drawn.prepared is small
    assert [each.split_fingerprint for each in splits.all] == [
        small.split_fingerprint,
        redrawn(small, 1).split_fingerprint,
        redrawn(small, 2).split_fingerprint,
    ]
    folds = TrialSplits(stores={32: small}, base=replace(BASE, num_folds=4))
    assert [each.split_fingerprint for each in folds.all] == [
        folded(small, 4, fold).split_fingerprint for fold in (1, 2, 3, 4)
    ]
    assert folds.first is folds.all[0]


def test_mlflow_is_told_the_images_of_the_trials_own_split() -> None:
    store = store_of()
    splits = TrialSplits(stores={32: store}, base=replace(BASE, num_folds=4))
    facts = facts_of(splits.of(replace(BASE, num_folds=4, fold=2, phase="confirm")), replace(BASE, phase="confirm"))
    assert {each["context"]: each["num_images"] for each in facts} == {"train": 247, "validation": 53, "test": 100}
    assert sum(each["num_images"] for each in facts) == NUM_IMAGES
    digests = {each["digest"] for fold in splits.all for each in facts_of(fold)}
    assert len(digests) == 12, "each fold's parts must be data sets of their own"


def test_mlflow_is_told_of_images_that_are_used_without_their_labels() -> None:
    config = replace(BASE, data_fraction=0.5, max_epochs=4, unlabelled_epochs=2)
    taught = replace(config, method="attention", teacher="imagenet", beta=2.0)
    counts = [{each["context"]: each["num_images"] for each in facts_of(store_of(), of)} for of in (config, taught)]
    num_train = len(store_of().rows("train"))
    assert counts[0] == {"train": round(num_train / 2), "validation": len(store_of().rows("validation"))}
    assert counts[1] == {**counts[0], "train, without labels": num_train}


def test_what_is_averaged_is_said_of_every_fold() -> None:
    store = store_of()
    averaging = checked_averaging(store, "frequent", "auc", 4)
    assert averaging == averaged_labels(folded(store, 4, 1), "frequent", [folded(store, 4, fold) for fold in (2, 3, 4)])
    (line, *_) = averaging_lines(store, averaging, 4)
    assert line.startswith("averaged: ") and "negatives in validation of each of 4 folds" in line
    assert "of each of" not in averaging_lines(store, averaging)[0]


def test_a_fold_or_a_draw_without_a_score_is_refused_by_its_name() -> None:
    store = store_of()
    averaging = averaged_labels(store, "frequent")
    drawn = redrawn(store, 3)
    check_scorable(drawn, averaging, "auc", "split 3 drawn anew")
    rarely = store.label_names.index("rarely")
    drawn.labels = drawn.labels.copy()
    drawn.labels[drawn.rows("test"), rarely] = 0
    if "rarely" not in averaging.names:
        averaging = replace(averaging, names=(*averaging.names, "rarely"))
    with pytest.raises(ValueError, match=r"but rarely has only one of them in test in split 3 drawn anew: merge rare"):
        check_scorable(drawn, averaging, "auc", "split 3 drawn anew")
    check_scorable(drawn, averaged_labels(drawn, "defined"), "auc")  # averages what there is

    flat = store_of()
    positive = np.flatnonzero(folded(flat, 4, 1).split == "train")[:3]  # none in any other fold's test set but theirs
    flat.labels = np.zeros_like(flat.labels)
    flat.labels[positive] = 1
    with pytest.raises(ValueError, match=r"in fold \d of 4"):
        checked_averaging(flat, "defined", "accuracy", 4)


def test_a_split_drawn_anew_is_checked_by_each_score_that_a_cell_is_selected_by(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, base = store_of(), replace(BASE, average_labels="defined", selection_metric="accuracy")
    flat = redrawn(store, 1)
    flat.labels = flat.labels.copy()
    flat.labels[flat.rows("validation")] = 0
    monkeypatch.setattr(fitting, "redrawn", lambda prepared, draw: flat)
    space = Space(dataset="chests", cells=(Cell.parse("transfer/none/densenet40/all"),))
    fitting.check_redrawn(space, base, store, 1)
    varied = space.crossed({"selection_metric": ("accuracy", "auc")}, base)
    with pytest.raises(ValueError, match="images for validation in split 1 drawn anew none has"):
        fitting.check_redrawn(varied, base, store, 1)
