"""Which labels are averaged: counted by hand, on stores of labels alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from trainables.data.averaging import Averaging, averaged_labels, definite_counts
from trainables.data.store import Store


def chests(validation: dict[str, str], test: dict[str, str]) -> Store:
    """X-rays, each label's codes in a split, a sign per image: + positive, - negative, ? uncertain, . not mentioned."""
    codes = {"+": 1, "-": 0, "?": -1, ".": -2}
    splits = [np.array([[codes[sign] for sign in signs] for signs in part.values()]).T for part in (validation, test)]
    names = ["train"] * 30 + ["validation"] * len(splits[0]) + ["test"] * len(splits[1])
    train = np.tile([[1], [0]], (15, len(validation)))  # of the training images nothing is counted
    return cast(
        Store,
        SimpleNamespace(
            task="multilabel",
            label_names=tuple(validation),
            labels=np.concatenate([train, *splits]).astype(np.int8),
            split=np.array(names),
        ),
    )


def grades(validation: list[int], test: list[int]) -> Store:
    """Photographs, as many of each class as the lists say."""
    of_split = [np.repeat(np.arange(len(counts)), counts) for counts in (validation, test)]
    return cast(
        Store,
        SimpleNamespace(
            task="multiclass",
            label_names=tuple("ABCDE"[: len(validation)]),
            labels=np.concatenate(of_split)[:, None].astype(np.int8),
            split=np.array(["validation"] * sum(validation) + ["test"] * sum(test)),
        ),
    )


BOTH = "+-"  # of a label in the test set


def test_labels_with_ten_positives_and_ten_negatives_in_validation_are_averaged() -> None:
    validation = {
        "ten": "+" * 10 + "-" * 30,
        "nine": "+" * 9 + "-" * 31,
        "few negatives": "+" * 31 + "-" * 9,
        "one": "+" + "-" * 39,
        "half": "+" * 20 + "." * 20,
        "most": "+" * 30 + "-" * 10,
    }
    assert averaged_labels(chests(validation, dict.fromkeys(validation, BOTH)), "frequent") == Averaging(
        rule="frequent", names=("ten", "half", "most"), min_positives=10, is_reliable=True
    )


def test_an_uncertain_label_counts_for_neither_class_and_one_not_mentioned_is_negative() -> None:
    validation = {
        "uncertain positives": "+" * 9 + "?" * 11 + "-" * 20,
        "uncertain negatives": "+" * 20 + "?" * 11 + "-" * 9,
        "not mentioned": "+" * 20 + "." * 20,
        "sure": "+" * 10 + "-" * 10 + "?" * 20,
    }
    store = chests(validation, dict.fromkeys(validation, BOTH))
    assert definite_counts(store, "validation").tolist() == [[9, 20, 20, 10], [20, 9, 20, 10]]
    assert averaged_labels(store, "frequent").names == ("not mentioned", "sure")


@pytest.mark.parametrize("in_test", ["----", "++++", "--??", "++?.", "++??"])
def test_a_label_with_one_class_in_the_test_set_is_not_averaged(in_test: str) -> None:
    validation = dict.fromkeys(("sure", "other"), "+" * 20 + "-" * 20)
    names = averaged_labels(chests(validation, {"sure": "+-+-", "other": in_test}), "frequent").names
    assert names == (("sure", "other") if in_test == "++?." else ("sure",))  # not mentioned is negative


def test_where_fewer_than_half_have_ten_those_with_three_are_averaged_and_are_unreliable() -> None:
    store = grades(validation=[25, 9, 3, 2, 1], test=[9, 9, 9, 9, 9])
    assert averaged_labels(store, "frequent") == Averaging(
        rule="frequent", names=("A", "B", "C"), min_positives=3, is_reliable=False
    )
    store = grades(validation=[25, 10, 10, 2, 1], test=[9, 9, 9, 9, 9])
    assert averaged_labels(store, "frequent") == Averaging(
        rule="frequent", names=("A", "B", "C"), min_positives=10, is_reliable=True
    )
    half = grades(validation=[15, 15, 9, 9], test=[9, 9, 9, 9])  # half is not fewer than half
    assert averaged_labels(half, "frequent").min_positives == 10


def test_where_fewer_than_half_have_three_none_are_averaged() -> None:
    nothing = averaged_labels(grades(validation=[30, 3, 2, 2, 2], test=[9, 9, 9, 9, 9]), "frequent")
    assert nothing == Averaging(rule="frequent", names=(), min_positives=3, is_reliable=False)
    assert averaged_labels(grades(validation=[30, 3, 3, 2, 2], test=[9, 9, 9, 0, 0]), "frequent").names == (
        "A",
        "B",
        "C",
    )
    assert averaged_labels(grades(validation=[30, 3, 3, 2, 2], test=[9, 9, 0, 9, 9]), "frequent").names == ()


def test_the_papers_rule_averages_every_label_that_has_both_classes() -> None:
    store = grades(validation=[30, 10, 1, 0, 2], test=[9, 0, 9, 9, 9])
    assert averaged_labels(store, "defined") == Averaging(
        rule="defined", names=("A", "B", "C", "E"), min_positives=1, is_reliable=False
    )
    assert averaged_labels(grades(validation=[30, 10], test=[9, 9]), "defined").is_reliable


def test_another_rule_is_named() -> None:
    with pytest.raises(ValueError, match="the rule must be one of frequent, defined, but got 'all'"):
        averaged_labels(grades([1, 1], [1, 1]), "all")


def test_with_several_splits_a_label_must_be_frequent_in_each() -> None:
    one, other = grades([10, 30, 12], [9, 9, 9]), grades([10, 30, 9], [9, 9, 9])
    assert averaged_labels(one, "frequent").names == ("A", "B", "C")
    assert averaged_labels(one, "frequent", [other]) == averaged_labels(other, "frequent", [one])
    assert averaged_labels(one, "frequent", [other]).names == ("A", "B")
    assert averaged_labels(one, "frequent", [grades([10, 30, 12], [9, 9, 0])]).names == ("A", "B")
