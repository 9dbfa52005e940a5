"""A teacher that has seen the test patients is found out, by their hashes or by the name of its data set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from trainables.data.catalogue import share_patients
from trainables.teachers.layouts import photographs
from trainables.teachers.layouts.layout import Published
from trainables.teachers.overlap import overlap, sets_seen, unverifiable
from trainables.teachers.shelf import Teacher

SALT = "0a1b2c3d"
STORE: Any = SimpleNamespace(
    dataset="chestxray8",
    is_phantom=False,
    patient=np.array(["p1", "p2", "p3", "p3"]),
    rows=lambda split: np.array([1, 2, 3]),
)
TEACHER = Teacher(
    name="nih",
    folder=Path("nih"),
    architecture="densenet121",
    task="multilabel",
    label_names=("Mass",),
    source="made elsewhere",
    is_phantom=False,
    fingerprint="f",
)


def taught(**seen: Any) -> Teacher:
    return replace(TEACHER, seen=seen)


def test_test_patients_that_were_seen_are_counted() -> None:
    warning = overlap(taught(dataset="chestxray8", patients=["p1", "p3"], salt=SALT), STORE, SALT)
    assert warning == "the teacher nih was trained on 1 of 2 test patients"


def test_training_on_other_patients_of_the_same_release_is_no_overlap() -> None:
    assert overlap(taught(dataset="chestxray8", patients=["p1"], salt=SALT), STORE, SALT) == ""


def test_where_splits_are_drawn_anew_every_patient_may_be_tested() -> None:
    teacher = taught(dataset="chestxray8", patients=["p1"], salt=SALT)
    assert overlap(teacher, STORE, SALT, any_is_tested=True) == "the teacher nih was trained on 1 of 3 test patients"


@pytest.mark.parametrize("seen", [{"patients": ["p1"], "salt": "other"}, {}], ids=["another salt", "no patients"])
@pytest.mark.parametrize("dataset", ["chestxray8", "chestxray14", "nih", "rsna", "siim"])
def test_where_patients_cannot_be_compared_the_whole_release_counts_as_seen(dataset: str, seen: dict[str, Any]) -> None:
    warning = overlap(taught(dataset=dataset, **seen), STORE, SALT)
    assert warning == f"the teacher nih was trained on {dataset}, which may hold the test patients of chestxray8"


@pytest.mark.parametrize(
    "seen",
    [{"dataset": "mimic-cxr"}, {}, {"dataset": "chestxray8", "data": "phantom"}],
    ids=["other", "none", "phantom"],
)
def test_another_hospital_is_no_overlap_and_nor_are_phantoms(seen: dict[str, Any]) -> None:
    assert overlap(taught(**seen), STORE, SALT) == ""


def test_each_of_several_data_sets_is_looked_at() -> None:
    several = {"mimic-cxr": [], "rsna": [], "chestxray8": ["p1"]}
    assert overlap(taught(datasets=several, salt=SALT), STORE, SALT) == (
        "the teacher nih was trained on rsna, which may hold the test patients of chestxray8"
    )
    assert overlap(taught(datasets={"mimic-cxr": []}), STORE, SALT) == ""


def test_of_several_data_sets_the_patients_are_counted_together() -> None:
    later = taught(dataset="nih", patients=["p2"], datasets={"chestxray8": ["p3"], "chexpert": ["p1"]}, salt=SALT)
    assert overlap(later, STORE, SALT) == "the teacher nih was trained on 2 of 2 test patients"
    assert sets_seen(later.seen) == {"nih": ["p2"], "chestxray8": ["p3"], "chexpert": ["p1"]}


def test_kaggles_photographs_are_those_of_eyepacs() -> None:
    retina: Any = SimpleNamespace(dataset="retina", is_phantom=False)
    assert "may hold the test patients of retina" in overlap(taught(datasets={"eyepacs": []}), retina, SALT)


def test_a_makers_word_is_repeated_and_cannot_be_checked() -> None:
    warning = unverifiable(replace(TEACHER, trained_on="a million X-rays"))
    assert (
        warning.startswith("the teacher nih was trained on 'a million X-rays', as its maker says")
        and "checked" in warning
    )
    assert unverifiable(TEACHER) == ""


@pytest.mark.parametrize("model", [photographs.RETFOUND, photographs.RETFOUND_GREEN], ids=lambda model: model.name)
def test_models_of_eyepacs_photographs_may_have_seen_kaggles(model: Published) -> None:
    assert any(share_patients(name, "retina") for name in model.datasets)
