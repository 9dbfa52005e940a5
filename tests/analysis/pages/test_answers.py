"""The sentence per question: its verdict follows from p and from the repeats alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.pages.answers import answers, basis

ROW: dict[str, Any] = {
    "axis": "method", "question": "Does attention transfer beat plain transfer?", "first": "Attention transfer",
    "second": "Plain transfer", "difference": 0.0321, "low": 0.01, "high": 0.0542, "p_patients": 0.002,
    "p_seeds": 0.012, "p_holm": 0.012, "num_pairs": 4, "n": 3, "num_patients": 32, "cells": "a b",
}  # fmt: skip


def frame(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame([{**ROW, **row} for row in rows])


def test_a_difference_that_is_told() -> None:
    (answer,) = answers(frame({}), {})
    assert (answer.question, answer.verdict) == ("Does attention transfer beat plain transfer?", "Yes.")
    assert answer.sentence == (
        "Attention transfer minus plain transfer: +3.21 points (95% interval +1.00 to +5.42; corrected p = 0.012; "
        "mean over 4 pairs of cells; 3 repeats each, 32 test patients)."
    )


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ({"p_holm": 0.0499}, "Yes."),
        ({"p_holm": 0.05}, "Cannot be told apart from chance."),
        ({"p_holm": np.nan}, "Cannot be told apart from chance."),
        ({"difference": -0.03}, "No, it is worse."),
        ({"n": 2}, "Too few repeats to tell (2, and it takes 3)."),
        ({"n": 1, "p_holm": np.nan}, "Too few repeats to tell (1, and it takes 3)."),
        ({"axis": "teacher", "first": "ImageNet teacher"}, "ImageNet teacher."),
        ({"axis": "unfreeze", "second": "last 34 layers trained", "difference": -0.03}, "Last 34 layers trained."),
    ],
)
def test_the_verdict(row: dict[str, Any], verdict: str) -> None:
    (answer,) = answers(frame(row), {})
    assert answer.verdict == verdict


def test_of_several_contrasts_the_surest_leads_and_the_others_follow() -> None:
    teacher = {"axis": "teacher", "question": "Which teacher?", "p_holm": 0.6}
    rows = (
        {**teacher, "first": "B teacher", "second": "A teacher", "difference": 0.02},
        {**teacher, "first": "C teacher", "second": "A teacher", "difference": 0.05, "p_holm": 0.3},
        {**teacher, "first": "C teacher", "second": "B teacher", "difference": 0.03, "p_holm": np.nan},
    )
    (answer,) = answers(frame(*rows), {})
    assert answer.sentence.startswith("C teacher minus A teacher: +5.00 points (")
    assert answer.sentence.endswith(
        "; the others, in points: B teacher minus A teacher: +2.00; C teacher minus B teacher: +3.00."
    )


TEACHER = {"axis": "teacher", "question": "Which teacher?"}
LAST34, LAST67 = "last 34 layers trained", "last 67 layers trained"
DEPTH = {"axis": "unfreeze", "question": "How deep to unfreeze?", "first": "all layers trained"}


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        (  # A is higher than C, which has the least p
            [("A", "B", 0.03, 0.02), ("C", "B", 0.02, 0.003), ("A", "C", 0.01, 0.4)],
            "C teacher rather than B teacher; A teacher rather than B teacher.",
        ),
        ([("A", "B", 0.03, 0.2), ("C", "B", 0.02, 0.003), ("A", "C", 0.01, 0.4)], "C teacher rather than B teacher."),
        ([("A", "B", 0.03, 0.01), ("C", "B", 0.02, 0.003), ("A", "C", 0.01, 0.04)], "A teacher."),
        ([("B", "A", -0.03, 0.01), ("C", "A", -0.02, 0.04), ("B", "C", -0.01, 0.3)], "A teacher."),
        ([("A", "B", 0.03, 0.01), ("A", "C", 0.02, np.nan), ("B", "C", 0.01, 0.3)], "A teacher rather than B teacher."),
        (
            [("A", "B", 0.03, 0.01), ("A", "C", 0.02, 0.04), ("A", "D", 0.01, 0.3)],
            "A teacher rather than B teacher or C teacher.",
        ),
        ([("A", "B", 0.03, 0.05), ("C", "B", 0.02, 0.3)], "Cannot be told apart from chance."),
    ],
)
def test_of_several_choices_one_is_named_alone_only_if_it_beats_every_other_one(
    rows: list[tuple[str, str, float, float]], verdict: str
) -> None:
    contrasts = [
        {**TEACHER, "first": f"{first} teacher", "second": f"{second} teacher", "difference": difference, "p_holm": p}
        for first, second, difference, p in rows
    ]
    (answer,) = answers(frame(*contrasts), {})
    assert answer.verdict == verdict


def test_the_verdict_begins_with_a_capital_and_its_other_pairs_have_their_p() -> None:
    pairs = ({"second": LAST34, "difference": -0.02}, {"second": LAST67, "difference": -0.01, "p_holm": 0.04})
    (answer,) = answers(frame(*({**DEPTH, **pair} for pair in pairs)), {})
    assert answer.verdict == f"L{LAST34[1:]} rather than all layers trained; {LAST67} rather than all layers trained."
    assert answer.sentence.endswith(f"All layers trained minus {LAST67}: -1.00 (corrected p = 0.040).")


def test_a_contrast_with_too_few_repeats_neither_leads_nor_hides_another_one() -> None:
    few = {**TEACHER, "first": "A teacher", "second": "B teacher", "n": 2, "p_holm": 0.001}
    enough = {**TEACHER, "first": "C teacher", "second": "B teacher", "p_holm": 0.02}
    (answer,) = answers(frame(few, enough), {})
    assert answer.verdict == "C teacher rather than B teacher."
    assert answer.sentence.startswith("C teacher minus B teacher: ")


def test_a_phantom_is_marked_and_the_basis_says_how_many_comparisons_were_corrected_for() -> None:
    (answer,) = answers(frame({}), {"a": "images", "b": "images, teacher", "c": "first weights"})
    assert answer.sentence.endswith(" PHANTOM images, teacher: it says nothing about medicine.")
    assert "Holm's correction for this one comparison" in basis(frame({}), None)
    assert "Holm's correction for these 2 comparisons" in basis(frame({}, {}), None)
    assert basis(frame({}).head(0), None) == "" and answers(frame({}).head(0), {}) == []
