"""The parameters of a joint search: conditional, shared by the cells that have them, and there and back again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from optuna.distributions import FloatDistribution

from search_spaces.joint import OWN, Decide, JointSpace
from search_spaces.retina import SPACE
from search_spaces.space import Space, columns_of, controls_of
from trainables.cell import Cell


def space_of(methods: tuple[str, ...] = ("attention",), *, controls: bool = False, **axes: Any) -> Space:
    cells = columns_of(methods, ("imagenet", "mimic-cxr"), ("densenet121", "densenet40"), controls=controls)
    trained = tuple(cell for cell in cells if cell.method != "itself")
    return replace(SPACE, cells=trained).crossed(axes)


def of(values: dict[str, Any]) -> Decide:
    return lambda name, _: values[name]


@pytest.mark.parametrize(
    "space",
    [
        space_of(),
        space_of(("attention", "distillation", "hints"), controls=True),
        space_of(rotation_deg=(0.0, 15.0), flip=(True, False), batch_size=(8, 16), learning_rate=(1e-4, 1e-3)),
        space_of(init=("imagenet", "random"), data_fraction=(0.25, 1.0)),
    ],
    ids=["paper", "methods and controls", "varied", "axes"],
)
def test_every_cell_is_found_again_from_its_parameters(space: Space) -> None:
    joint = JointSpace(space)
    names = set()
    for cell in space.cells:
        knobs = space.first(cell)
        values, distributions = joint.of(cell, knobs)
        assert [*values] == [*distributions]
        assert joint.walk(of(values)) == (cell, knobs)
        names.add(tuple(sorted(values.items())))
    assert len(names) == len(space.cells)


def test_what_some_cells_fix_and_others_search_has_two_names() -> None:
    baseline = Cell.parse("attention/imagenet/densenet40/all")
    space = replace(SPACE, cells=(baseline,)).one_at_a_time({"learning_rate": (1e-4, 1e-3), "beta": (9.0,)})
    joint = JointSpace(space)
    for cell in space.cells:
        values, distributions = joint.of(cell, space.first(cell))
        assert joint.walk(of(values)) == (cell, space.first(cell))
        assert all(name.startswith("fixed ") != isinstance(of, FloatDistribution) for name, of in distributions.items())
    names = [set(joint.of(cell, space.first(cell))[0]) for cell in space.cells]
    assert {"fixed beta", "fixed learning_rate", "learning_rate", "weight_decay", "beta"} == names[0]
    assert "learning_rate" not in names[1] | names[2] and "beta" not in names[3]


def test_a_parameter_is_shared_by_all_that_have_it() -> None:
    joint = JointSpace(space_of())
    cells = ["attention/imagenet/densenet121/all", "attention/mimic-cxr/densenet40/all", "transfer/none/densenet40/all"]
    knobs = {"learning_rate": 1e-4, "weight_decay": 0.0, "beta": 9.0}
    first, second, plain = (joint.of(Cell.parse(name), knobs)[0] for name in cells)
    assert [*first] == ["method", "teacher", "student", "learning_rate", "weight_decay", "beta"] == [*second]
    assert [*plain] == ["method", "student", "learning_rate", "weight_decay"]
    assert (first["teacher"], second["teacher"], first["beta"]) == ("imagenet", "mimic-cxr", 9.0)
    partly = joint.of(Cell.parse("transfer/none/densenet121/last34"), knobs)[0]
    assert partly["unfreeze"] == "last34"


def test_ranges_and_choices_that_differ_are_named_apart() -> None:
    joint = JointSpace(space_of(("attention", "distillation"), controls=True))
    knobs = {"learning_rate": 1e-4, "weight_decay": 1e-6, "beta": 1.0, "temperature": 4.0}
    by_method = {
        name: joint.of(Cell.parse(f"{name}/imagenet/densenet40/all"), knobs) for name in ("attention", "distillation")
    }
    assert "beta of attention" in by_method["attention"][0] and "beta of distillation" in by_method["distillation"][0]
    assert "temperature" in by_method["distillation"][0]
    assert {name for name in by_method["attention"][0] if name.startswith("teacher")} == {
        "teacher of imagenet|mimic-cxr|random-weights"
    }


def test_a_cell_that_does_not_vary_a_knob_has_the_sweeps_own() -> None:
    space = space_of(rotation_deg=(0.0, 15.0))
    values = [JointSpace(space).of(cell, space.first(cell))[0]["rotation_deg"] for cell in space.cells[:1]]
    assert (
        values == [0.0]
        and JointSpace(space).of(space.cells[-1], space.first(space.cells[-1]))[0]["rotation_deg"] == OWN
    )


def test_a_point_of_a_grid_widens_its_range() -> None:
    joint = JointSpace(space_of())
    _, distributions = joint.of(
        Cell.parse("transfer/none/densenet40/all"), {"learning_rate": 5e-5, "weight_decay": 0.0}
    )
    decay = distributions["weight_decay"]
    assert isinstance(decay, FloatDistribution) and (decay.low, decay.log) == (0.0, False)
    rate = distributions["learning_rate"]  # stays logarithmic: no end of it is 0
    assert isinstance(rate, FloatDistribution) and (rate.low, rate.log) == (1e-5, True)


def test_a_single_cell_has_no_dimension_to_decide() -> None:
    (cell,) = controls_of(["imagenet"], ["densenet40"])[:1]
    joint = JointSpace(replace(SPACE, cells=(cell,)))
    assert joint.walk(of(SPACE.first(cell)))[0] == cell
    assert [*joint.of(cell, SPACE.first(cell))[0]] == ["learning_rate", "weight_decay", "beta"]
