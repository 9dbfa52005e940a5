"""What a declaration of a knob refuses, and what is read from it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from trainables.config import TrialConfig
from trainables.knob import AXIS, ROLES, SETUP, TUNED, Knob, knob, knobs


@dataclass(frozen=True, kw_only=True)
class Toy:
    weight_kg: float = knob(1.5, role=SETUP, low=0, above_low=True, high=2, help="its weight")
    num_wheels: int = knob(4, role=AXIS, low=2, multiple_of=2, help="its wheels")
    most: float = knob(0.0, role=SETUP, high=9, help="a number without a least one")
    wood: str = knob("oak", role=AXIS, choices=("oak", "elm"), help="its wood")
    speed: float | None = knob(None, role=TUNED, low=0, help="its speed")
    rolls: bool = knob(True, role=SETUP, help="whether it rolls")


def test_a_knob_knows_its_name_type_and_default() -> None:
    facts = {each.name: (each.type, each.default) for each in knobs(Toy)}
    assert facts == {
        "weight_kg": (float, 1.5),
        "num_wheels": (int, 4),
        "most": (float, 0.0),
        "wood": (str, "oak"),
        "speed": (float, None),
        "rolls": (bool, True),
    }
    assert [each.name for each in knobs(Toy, AXIS)] == ["num_wheels", "wood"]
    assert [each.name for each in knobs(Toy, AXIS, TUNED)] == ["num_wheels", "wood", "speed"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("weight_kg", 0, "0 < weight_kg <= 2 must hold, but got weight_kg=0"),
        ("weight_kg", 2.5, "0 < weight_kg <= 2 must hold, but got weight_kg=2.5"),
        ("weight_kg", float("nan"), "0 < weight_kg <= 2 must hold, but got weight_kg=nan"),
        ("num_wheels", 0, "num_wheels >= 2 must hold, but got num_wheels=0"),
        ("num_wheels", 3, "num_wheels must be a multiple of 2, but got num_wheels=3"),
        ("most", 10.0, "most <= 9 must hold, but got most=10.0"),
        ("most", float("-inf"), "most <= 9 must hold, but got most=-inf"),
        ("wood", "ash", "wood must be one of oak, elm, but got 'ash'"),
        ("speed", -1.0, "speed >= 0 must hold, but got speed=-1.0"),
        ("rolls", 0, "rolls must be true or false, but got rolls=0"),
        ("num_wheels", True, "num_wheels must be a whole number, but got num_wheels=True"),
        ("num_wheels", 2.0, "num_wheels must be a whole number, but got num_wheels=2.0"),
        ("speed", "fast", "speed must be a number, but got speed='fast'"),
        ("speed", False, "speed must be a number, but got speed=False"),
    ],
)
def test_a_value_that_breaks_a_rule_is_named_with_it(name: str, value: object, message: str) -> None:
    (declared,) = (each for each in knobs(Toy) if each.name == name)
    with pytest.raises(ValueError) as refused:
        declared.check(value)
    assert str(refused.value) == message


def test_what_keeps_the_rules_passes() -> None:
    for each in knobs(Toy):
        each.check(each.default)
        each.check(None)
    for each in knobs(TrialConfig):
        each.check(each.default)


def test_a_field_that_is_not_declared_and_a_role_that_is_none_are_refused() -> None:
    @dataclass
    class Careless:
        undeclared: int = 1

    with pytest.raises(TypeError, match=r"each field of Careless must be declared by knob\(\), but undeclared is not"):
        knobs(Careless)
    with pytest.raises(ValueError, match="role must be one of axis, tuned, setup, run, but got 'axes'"):
        Knob(role="axes", help="")


def test_every_knob_of_a_trial_is_documented() -> None:
    for each in knobs(TrialConfig):
        assert each.help and each.role in ROLES
        assert each.search is None or each.search.low <= each.search.first <= each.search.high
