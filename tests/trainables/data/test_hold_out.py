"""A finding held out, by hand: six images, of which training loses the positive and the uncertain one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trainables.data.hold_out import hold_out
from trainables.data.listing import Listing, nothing_left_out
from trainables.data.splits import split_rows
from trainables.data.store import new_content

CODES = [[1, 0], [0, 1], [-1, 1], [1, 1], [1, 0], [-2, 0]]
SPLIT = np.array(["train", "train", "train", "validation", "test", "validation"])
COUNTS = {"train": 20, "validation": 10, "test": 10}
LISTING = Listing(
    dataset="own",
    root=Path("."),
    task="multilabel",
    label_names=("New", "Old"),
    channels=1,
    rows=pd.DataFrame({"path": list("abcdef"), "labels": [np.array(codes, np.int8) for codes in CODES]}),
    left_out=nothing_left_out(),
)


def test_training_and_validation_lose_the_finding_and_its_column():
    listing, split, kept = hold_out(LISTING, SPLIT, "New")
    assert list(listing.rows["path"]) == ["b", "e", "f"] and listing.label_names == ("Old",)
    assert [labels.tolist() for labels in listing.rows["labels"]] == [[1], [0], [0]]
    assert list(split) == ["train", "test", "validation"] and list(kept) == [1, 4, 5]
    assert listing.notes == ("New held out: 3 images left training and validation",)
    assert len(LISTING.rows) == 6 and LISTING.label_names == ("New", "Old")


def test_rows_are_split_with_and_without_a_finding_that_is_held_out():
    labels = np.zeros((40, 2), np.int8)
    labels[::4, 0] = labels[::3, 1] = 1
    rows = pd.DataFrame({"path": [f"{n}.png" for n in range(40)], "patient": [str(n) for n in range(40)]})
    listing = replace(LISTING, rows=rows.assign(labels=list(labels), official_split=""))
    kept, whole = split_rows(listing, 0, False, 0.25, None)
    assert kept.label_names == ("New", "Old") and whole["split"].value_counts().to_dict() == COUNTS
    kept, without = split_rows(listing, 0, False, 0.25, "New")
    assert kept.label_names == ("Old",)
    lost = whole[labels[:, 0] == 1].query("split != 'test'")
    assert set(without["path"]) == set(whole["path"]) - set(lost["path"]) and len(lost) > 0


def test_what_cannot_be_held_out_is_refused():
    with pytest.raises(ValueError, match="one of New, Old, but got 'Covid'"):
        hold_out(LISTING, SPLIT, "Covid")
    with pytest.raises(ValueError, match="own is multiclass"):
        hold_out(replace(LISTING, task="multiclass"), SPLIT, "New")
    with pytest.raises(ValueError, match="'New' is the only one"):
        hold_out(replace(LISTING, label_names=("New",)), SPLIT, "New")


def test_no_two_findings_that_are_held_out_share_a_fingerprint() -> None:
    assert len({new_content(finding).hexdigest() for finding in ("", "New", "Old")}) == 3
