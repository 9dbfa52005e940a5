"""The chapter on copies: what a sweep recorded of them, in words and as a table, and what it says without a record."""

from __future__ import annotations

import json
from typing import Any

import pytest

from analysis.chapters import contamination
from analysis.pages.chapter import Chapter
from analysis.pages.evidence import Evidence
from analysis.reading.trials import runs
from analysis.tables.rendering import csv, latex, markdown


def entry(split: str, copied_in: str, **other: Any) -> dict[str, Any]:
    return {
        "kind": "near-identical", "split": split, "copied_in": copied_in, "whose": "another patient's",
        "num_images": 3, "num_patients": 2, "num_pairs": 4, "num_labels_differ": 1, **other,
    }  # fmt: skip


def chapter(store: Any, recorded: dict[str, Any] | None, data: str = "real", **redrawn: Any) -> Chapter:
    tags = {} if recorded is None else {"copies": json.dumps(recorded)}
    parent = store.sweep("own", data=data, **tags)
    for seed in range(3):
        drawn = {"redrawn": {"split_draw": seed + 1}, "split_fingerprint": f"split-{seed}"} if redrawn else {}
        store.trial(parent, seed=seed, metrics={"test_auc": 0.5}, **drawn)
    return contamination.chapter(Evidence(runs=runs(store.uri, "own")))


def test_copies_across_splits_are_a_warning_with_counts(store: Any) -> None:
    shown = chapter(store, {"counts": [entry("test", "train"), entry("train", "train", num_labels_differ=0)]})
    assert shown.sentences[0] == (
        "WARNING: 3 test images of 2 patients have a near-identical one of another patient's in train "
        "(1 of 4 pairs with other labels)."
    )
    assert shown.sentences[1] == contamination.CONTAMINATED and len(shown.sentences) == 2
    (table,) = shown.tables
    assert [cell.text for cell in table.body[0]] == [
        "test", "train", "near-identical", "another patient's", "3", "2", "4", "1",
    ]  # fmt: skip
    assert table.frame["crosses"].tolist() == [True, False] and table.phantom == ""
    for text in (csv(table), latex(table), markdown(table)):
        assert "near-identical" in text


def test_copies_within_a_split_are_no_warning(store: Any) -> None:
    shown = chapter(store, {"counts": [entry("test", "test")]}, data="phantom")
    assert list(shown.sentences) == ["No image has a copy in another split."]
    assert shown.tables[0].phantom == "images"


@pytest.mark.parametrize(("whose", "is_said"), [("another patient's", True), ("the same patient's", False)])
def test_where_repeats_draw_splits_any_pair_of_two_patients_may_be_parted(
    store: Any, whose: str, is_said: bool
) -> None:
    shown = chapter(store, {"counts": [entry("train", "train", whose=whose)]}, draws=3)
    assert (contamination.REDRAWN in shown.sentences) == is_said


def test_no_copies_an_old_sweep_and_a_search_that_failed_say_so(store: Any) -> None:
    assert chapter(store, None).empty == contamination.NOT_KNOWN
    assert list(chapter(store, {"counts": []}).sentences) == [contamination.NONE]
    shown = chapter(store, {"not_searched": "not searched: most of them hardly differ"})
    assert shown.empty == "Copies were not searched: most of them hardly differ."
