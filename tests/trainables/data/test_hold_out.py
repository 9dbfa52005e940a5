"""A finding held out, by hand: six images, of which training loses the positive and the uncertain one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trainables.data.hold_out import hold_out
from trainables.data.listing import Listing, nothing_left_out

CODES = [[1, 0], [0, 1], [-1, 1], [1, 1], [1, 0], [-2, 0]]
SPLIT = np.array(["train", "train", "train", "validation", "test", "validation"])
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


def test_what_cannot_be_held_out_is_refused():
    with pytest.raises(ValueError, match="one of New, Old, but got 'Covid'"):
        hold_out(LISTING, SPLIT, "Covid")
    with pytest.raises(ValueError, match="own is multiclass"):
        hold_out(replace(LISTING, task="multiclass"), SPLIT, "New")
    with pytest.raises(ValueError, match="'New' is the only one"):
        hold_out(replace(LISTING, label_names=("New",)), SPLIT, "New")
