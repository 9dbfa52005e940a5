"""Before a sweep begins: which students do not have a depth, and which methods would teach frozen layers alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from platform.command_line.sweep_requests import SweepRequest
from platform.sweeping.unfreezing import absent, depth_warnings, fitted_to_depths
from search_spaces.space import Space, columns_of
from tests.typed import typed

STUDENTS = ("densenet121", "densenet40")


def space(
    methods: Sequence[str], depths: Sequence[str], students: Sequence[str] = STUDENTS, *, controls: bool = False
) -> Space:
    columns = columns_of(methods, ["imagenet"], students, controls=controls)
    return Space(dataset="retina", cells=columns).crossed({"unfreeze": depths, "data_fraction": (0.5, 1.0)})


def test_a_student_without_a_depth_is_named_with_its_own() -> None:
    lines = absent(typed(SweepRequest, "retina", "--unfreeze", "head", "last34", "from-block2"))
    assert lines == ["left out: densenet40 at last34, since its depths are head, from-bottleneck, from-block2, "
                     "from-block1, all"]  # fmt: skip
    assert absent(typed(SweepRequest, "retina")) == []


def test_a_method_whose_taps_are_all_frozen_is_left_out_at_that_depth_alone() -> None:
    whole = space(["attention", "distillation"], ["head", "from-block2", "all"])
    fitted, lines = fitted_to_depths(whole, ["attention", "distillation"])
    gone = {cell.name for cell in whole.cells} - {cell.name for cell in fitted.cells}
    names = [f"attention/imagenet/{student}/head" for student in STUDENTS]
    assert gone == {f"{name}{fraction}" for name in names for fraction in ("", "@0.5")}
    why = "its attention tap lies in the frozen part, so that nothing of its loss would reach the student"
    assert lines == [f"left out: {name}: {why}" for name in names]  # once, not for each fraction


def test_where_a_method_has_no_cell_left_the_sweep_is_refused_with_what_to_do() -> None:
    with pytest.raises(ValueError) as caught:
        fitted_to_depths(space(["hints"], ["head", "last34"]), ["hints"])
    message = str(caught.value)
    assert "hints/imagenet/densenet121/head@0.5 it does not: its middle tap lies in the frozen part" in message
    assert "--unfreeze from-block2 from-block1 all)" in message  # where transition 1, the tap, is trained
    assert message.split("from outputs: ")[1].split(", ") == [
        "attention+distillation", "compression", "decoupled-labels", "dist", "distillation", "standardised-distillation"
    ]  # fmt: skip


def test_a_method_with_layers_of_its_own_is_no_exception() -> None:
    """The regressor of `hints` would learn, and the student nothing of it."""
    with pytest.raises(ValueError, match="nothing of its loss would reach the student"):
        fitted_to_depths(space(["hints"], ["from-bottleneck"], ["densenet40"]), ["hints"])


def test_a_control_that_nobody_asked_for_may_go() -> None:
    fitted, lines = fitted_to_depths(space(["distillation"], ["head"], controls=True), ["distillation"])
    assert {cell.method for cell in fitted.cells} == {"transfer", "distillation", "itself"}
    assert any(line.startswith("left out: attention-permuted/imagenet/densenet121/head: ") for line in lines)


def test_the_papers_own_cells_stay_and_nothing_is_said() -> None:
    paper = Space(dataset="retina")
    assert fitted_to_depths(paper, ["attention"]) == (paper, []) and depth_warnings(paper) == []


def test_a_method_with_one_frozen_tap_of_two_is_warned_of_once() -> None:
    (line,) = depth_warnings(space(["flow"], ["from-block2"], ["densenet121"]))
    assert line == (
        "flow of densenet121 at from-block2: nothing reaches the student from its shallow tap, which lies in the "
        "frozen part; it learns from middle alone"
    )
    (line,) = depth_warnings(space(["attention+distillation"], ["head"], ["densenet121"]))
    assert "from its attention tap, which lies in the frozen part; it learns from logits alone" in line


def test_layers_that_are_neither_loaded_nor_trained_are_warned_of() -> None:
    (line,) = depth_warnings(space(["distillation"], ["head", "all"]))
    assert line.startswith("densenet40 at head: attention, expansion and norm are frozen as they were drawn at random")
