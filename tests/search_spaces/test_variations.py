"""Cells that differ in any knob: crossed, or one change at a time, and named by what sets them apart from the sweep."""

from __future__ import annotations

from dataclasses import replace

import pytest

from search_spaces.space import Space, controls_of
from trainables.cell import Cell
from trainables.config import TrialConfig

PLAIN = Cell.parse("transfer/none/densenet40/all")
TAUGHT = Cell.parse("attention/imagenet/densenet40/all")
BASE = TrialConfig(dataset="retina", method="transfer", batch_size=8)
SPACE = Space(dataset="retina", cells=(PLAIN, TAUGHT))


def test_a_value_of_the_sweep_itself_stands_in_no_name() -> None:
    space = Space(dataset="retina", cells=(PLAIN,)).crossed({"batch_size": (8, 32)}, BASE)
    assert [cell.varied for cell in space.cells] == [(), (("batch_size", 32),)]
    papers = Space(dataset="retina", cells=(PLAIN,)).crossed({"batch_size": (8, 32)})
    assert [cell.varied for cell in papers.cells] == [(("batch_size", 8),), ()]


def test_knobs_are_crossed() -> None:
    space = Space(dataset="retina", cells=(PLAIN,)).crossed({"rotation_deg": (0, 15), "flip": (True, False)}, BASE)
    assert [dict(cell.varied) for cell in space.cells] == [
        {"rotation_deg": 0}, {"rotation_deg": 0, "flip": False}, {}, {"flip": False},
    ]  # fmt: skip


def test_one_change_at_a_time_stands_behind_its_baseline() -> None:
    space = SPACE.one_at_a_time({"rotation_deg": (0, 15, 30), "batch_size": (16,)}, BASE)
    changes = [cell.variations for cell in space.cells if cell.method == "attention"]
    assert changes == [(), ("rotation_deg=0",), ("rotation_deg=30",), ("batch_size=16",)]
    assert [cell.method for cell in space.cells] == ["transfer"] * 4 + ["attention"] * 4


def test_a_tuned_knob_that_is_varied_is_not_searched() -> None:
    space = SPACE.crossed({"learning_rate": (1e-4,), "beta": (10, 60.0)}, BASE)
    plain, ten, sixty = space.cells
    assert (plain.varied, ten.varied) == ((("learning_rate", 1e-4),), (("beta", 10.0), ("learning_rate", 1e-4)))
    assert [*space.ranges(plain)] == [*space.ranges(ten)] == [*space.first(sixty)] == ["weight_decay"]
    assert space.grid_points(ten) == [{"weight_decay": 0.0}]


def test_without_a_teacher_there_are_no_epochs_without_labels() -> None:
    itself = tuple(cell for cell in controls_of(["imagenet"]) if cell.method == "itself")
    space = replace(SPACE, cells=(*SPACE.cells, *itself)).crossed({"unlabelled_epochs": (0, 4)}, BASE)
    assert [cell.name for cell in space.cells] == [
        PLAIN.name, TAUGHT.name, itself[0].name, f"{TAUGHT.name}@unlabelled_epochs=4",
    ]  # fmt: skip
    assert {cell.baseline() for cell in space.cells if cell.method == "attention"} == {PLAIN}


def test_the_values_first_learning_rate_is_a_change_too() -> None:
    """The sweep searches it, so no value of it is the sweep's own."""
    (cell,) = Space(dataset="retina", cells=(PLAIN,)).crossed({"learning_rate": (5e-5,)}, BASE).cells
    assert cell.variations == ("learning_rate=5e-05",)


def test_an_untrained_teacher_has_only_what_changes_images_or_score() -> None:
    itself = tuple(cell for cell in controls_of(["imagenet"]) if cell.method == "itself")
    space = replace(SPACE, cells=itself).crossed({"batch_size": (8, 16), "image_size_px": (64, 256)}, BASE)
    assert [cell.varied for cell in space.cells] == [(("image_size_px", 64),), ()]


def test_a_value_keeps_its_knobs_rule() -> None:
    with pytest.raises(ValueError, match="0 <= rotation_deg <= 180 must hold, but got rotation_deg=200"):
        SPACE.crossed({"rotation_deg": (200,)}, BASE)
    with pytest.raises(ValueError, match="image_size_px must be a multiple of 32, but got image_size_px=50"):
        SPACE.one_at_a_time({"image_size_px": (50,)}, BASE)
