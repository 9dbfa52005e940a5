"""A metric's name in MLflow and in frames: each gives the other."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.reading import record_form
from analysis.reading.record_form import key_of, name_of


def test_the_examples_hold() -> None:
    assert doctest.testmod(record_form).failed == 0


@pytest.mark.parametrize(
    "name", ["train", "val", "testing_time", "learning_rate", "images_per_s", "best_score", "rung"]
)
def test_what_is_of_no_group_keeps_its_name(name: str) -> None:
    assert (key_of(name), name_of(name)) == (name, name)


@given(st.from_regex(r"((train|val|test)_)?[A-Za-z][A-Za-z_]*", fullmatch=True))
def test_every_name_comes_back(name: str) -> None:
    assert name_of(key_of(name)) == name
