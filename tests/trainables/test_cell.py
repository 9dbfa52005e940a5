"""A cell's name and the way back, for a thousand cells; its baseline; what is no name."""

from __future__ import annotations

import doctest
import re
import string
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trainables.cell
from trainables.cell import UNCERTAINTY_POLICIES, Cell
from trainables.config import TrialConfig

ALNUM = string.ascii_letters + string.digits
WORD = st.builds(str.__add__, st.sampled_from(ALNUM), st.text(f"{ALNUM}._-", max_size=12))
TEACHER = st.lists(WORD, min_size=1, max_size=3).map("+".join)
FRACTION = st.one_of(
    st.just(1.0),
    st.sampled_from([0.25, 0.1, 1e-5, 5_000 / 178_352, 50_000 / 178_352, 1 / 3, 1 - 2**-53, 5e-324]),
    st.floats(min_value=0, max_value=1, exclude_min=True),
    st.integers(1, 178_352).map(lambda count: count / 178_352),
)
INTEGER = st.integers(-(2**40), 2**40)
NUMBER = st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: str(value) != "-0.0")
VALUE = WORD.filter(lambda word: word not in ("true", "false") and not re.fullmatch(r"\d.*", word))
VARIED = st.fixed_dictionaries(  # a knob has one type: in Python False is 0
    {},
    optional={
        "batch_size": INTEGER,
        "flip": st.booleans(),
        "k": st.one_of(INTEGER, NUMBER, VALUE),
        "optimizer": VALUE,
        "rotation_deg": st.one_of(INTEGER, NUMBER),
    },
)
CELLS = st.builds(
    Cell,
    method=WORD,
    teacher=TEACHER,
    student=st.one_of(WORD, st.just("none")),
    unfreeze=st.sampled_from(["all", "last34", "none"]),
    data_fraction=FRACTION,
    uncertainty=st.sampled_from(UNCERTAINTY_POLICIES),
    init=st.one_of(st.sampled_from(["imagenet", "random", "ones", "from-random"]), WORD),
    varied=VARIED.map(lambda knobs: tuple(sorted(knobs.items()))),
)
TAUGHT = Cell(method="attention", teacher="mimic-cxr", student="densenet40")


@settings(max_examples=1000, deadline=None, database=None)
@given(CELLS)
def test_a_name_gives_its_cell_back(cell: Cell) -> None:
    assert Cell.parse(cell.name) == cell


@settings(max_examples=300, deadline=None, database=None)
@given(CELLS, CELLS)
def test_two_cells_have_two_names(first: Cell, other: Cell) -> None:
    assert (first.name == other.name) == (first == other)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({}, "attention/mimic-cxr/densenet40/all"),
        ({"data_fraction": 1}, "attention/mimic-cxr/densenet40/all"),
        ({"data_fraction": 0.25}, "attention/mimic-cxr/densenet40/all@0.25"),
        ({"data_fraction": 1e-5}, "attention/mimic-cxr/densenet40/all@1e-05"),
        ({"data_fraction": 5_000 / 178_352}, "attention/mimic-cxr/densenet40/all@0.02803444873060016"),
        ({"uncertainty": "ones"}, "attention/mimic-cxr/densenet40/all@ones"),
        ({"init": "random"}, "attention/mimic-cxr/densenet40/all@from-random"),
        (
            {"data_fraction": 0.5, "uncertainty": "ignore", "init": "a-b.c"},
            "attention/mimic-cxr/densenet40/all@0.5,ignore,from-a-b.c",
        ),
        ({"method": "itself", "student": "none", "unfreeze": "none"}, "itself/mimic-cxr/none/none"),
        ({"varied": (("batch_size", 8),)}, "attention/mimic-cxr/densenet40/all@batch_size=8"),
        (
            {"data_fraction": 0.5, "init": "random", "varied": (("flip", False), ("lr", 1e-5), ("optimizer", "sgd"))},
            "attention/mimic-cxr/densenet40/all@0.5,from-random,flip=false,lr=1e-05,optimizer=sgd",
        ),
    ],
)
def test_what_is_the_papers_is_not_in_the_name(change: dict[str, Any], name: str) -> None:
    assert replace(TAUGHT, **change).name == name


def test_a_trial_is_called_as_its_cell() -> None:
    config = TrialConfig(dataset="retina", teacher="a+b", beta=5.0, data_fraction=1 / 3, uncertainty="ones", init="nih")
    parts = {name: getattr(config, name) for name in Cell.OWN_AXES}
    assert Cell.parse(config.cell.name) == config.cell == Cell(**parts)
    assert replace(config, **config.cell.axes) == config
    untrained = TrialConfig(dataset="retina", method="itself", teacher="a", student="none", unfreeze="none")
    assert Cell.parse(untrained.cell.name) == Cell(method="itself", teacher="a", student="none", unfreeze="none")


def test_the_baseline_is_plain_transfer_of_the_same_images_and_first_weights() -> None:
    cell = replace(TAUGHT, unfreeze="last34", data_fraction=0.25, uncertainty="ones", init="random")
    plain = cell.baseline()
    assert plain.name == "transfer/none/densenet40/last34@0.25,ones,from-random"  # at its own depth
    assert plain.baseline().name == "transfer/none/densenet40/all@0.25,ones,from-random"
    assert plain.baseline().baseline() == plain.baseline()
    varied = replace(TAUGHT, varied=(("beta", 10), ("rotation_deg", 0), ("unlabelled_epochs", 4)))
    assert varied.baseline().name == "transfer/none/densenet40/all@rotation_deg=0"
    with pytest.raises(ValueError, match="a baseline must have a student, but got 'itself/a/none/none'"):
        Cell(method="itself", teacher="a", student="none", unfreeze="none").baseline()


def test_numbers_sort_as_numbers() -> None:
    fractions = [replace(TAUGHT, data_fraction=fraction) for fraction in (1e-5, 0.0625, 0.25, 0.5, 1.0)]
    sizes = [replace(TAUGHT, varied=(("batch_size", size),)) for size in (8, 16, 128)]
    for cells in (fractions, sizes):
        assert sorted(reversed(cells), key=lambda cell: cell.sort_key) == cells
        assert sorted(cell.name for cell in cells) != [cell.name for cell in cells]


def test_what_a_figure_says_of_a_cell() -> None:
    cell = replace(TAUGHT, data_fraction=0.25, uncertainty="ones", init="random")
    assert cell.departures == ("ones", "from-random") and cell.has_less_data
    assert cell.short == replace(cell, data_fraction=1.0).short == "attention/mimic-cxr/densenet40/all,ones,from-random"
    control = replace(TAUGHT, init="random")
    assert control.departures == ("from-random",) and not control.has_less_data
    assert TAUGHT.short == TAUGHT.name and TAUGHT.departures == ()


@pytest.mark.parametrize(
    "name",
    [
        "", "a", "a/b/c", "a/b/c/d/e", "a/b/c/d@", "a/b/c/d@1", "a/b/c/d@0.250", "a/b/c/d@2", "a/b/c/d@0,ones",
        "a/b/c/d@0.5,zeros", "a/b/c/d@1,ones", "a/b/c/d@k=1,ones", "a/b/c/d@k=1.0", "a/b/c/d@b=1,a=1", "a/b/c/d@init=x",
        "a/b/c/d@k=", "a/b/c/d@1-k=2", "a/b/c/d@0.5,from-imagenet", "a/b/c/d@0.5,from-x,ones", "a/b/c/d@e-e",
        "a/b/none/d@0.5,from-random", "a/b/c/d\n", "a/b c/c/d", "a/b/c/d,from-random",
    ],
)  # fmt: skip
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a cell's name must be method/teacher/student/depth"):
        Cell.parse(name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"teacher": "a/b"}, "a cell's teacher must be a word without '/'"),
        ({"init": ""}, "a cell's init must be a word"),
        ({"student": "x@1"}, "but got student='x@1'"),
        ({"data_fraction": 0.0}, r"0 < data_fraction <= 1 must hold, but got data_fraction=0\.0"),
        ({"data_fraction": float("nan")}, "but got data_fraction=nan"),
        ({"uncertainty": "twos"}, "uncertainty must be one of zeros, ones, ignore"),
        ({"varied": (("b", 1), ("a", 1))}, "varied knobs must be in alphabetical order, each once, but got b, a"),
        ({"varied": (("init", "random"),)}, "varied knobs must be .* but got init"),
        ({"varied": (("a", "1"),)}, "must be a number, a truth or a word, but got a='1'"),
        ({"varied": (("a", "true"),)}, "but got a='true'"),
        ({"varied": (("a", float("nan")),)}, "but got a=nan"),
        ({"varied": (("a", "x,y"),)}, "must be a word without"),
    ],
)
def test_a_part_that_breaks_its_rule_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(TAUGHT, **change)


def test_the_example_in_the_docstring_holds() -> None:
    assert doctest.testmod(trainables.cell).failed == 0
