"""A trial's name depends on all that decides its result."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import pytest

from tests.trainables.other_values import OTHERS, Other
from trainables.config import TrialConfig
from trainables.knob import SETUP, knob, knobs
from trainables.recipe_views import ViewRecipe
from trainables.trial import OF_ONE_STUDENT, TrialSpec

ATTENTION = TrialConfig(dataset="retina", teacher="imagenet", beta=60.0)


def test_the_key_changes_with_whatever_decides_the_result() -> None:
    spec = TrialSpec(config=ATTENTION, data_fingerprint="d", split_fingerprint="s", teacher_fingerprint="t")
    others = [
        replace(spec, config=replace(ATTENTION, beta=61.0)),
        replace(spec, config=replace(ATTENTION, seed=1)),
        replace(spec, config=replace(ATTENTION, phase="confirm")),
        replace(spec, config=replace(ATTENTION, precision="bfloat16")),
        replace(spec, config=replace(ATTENTION, interpolation="bilinear")),
        replace(spec, config=replace(ATTENTION, compiled=True)),
        replace(spec, config=replace(ATTENTION, average_labels="defined")),
        replace(spec, config=replace(ATTENTION, selection_metric="accuracy")),
        replace(spec, data_fingerprint="e"),
        replace(spec, split_fingerprint="u"),
        replace(spec, teacher_fingerprint="v"),
        replace(spec, init_fingerprint="w"),
    ]
    assert spec.key == replace(spec).key
    assert len({spec.key, *(other.key for other in others)}) == len(others) + 1


def test_knobs_are_part_of_a_trials_name() -> None:
    plain, warm, cool = (
        TrialConfig(dataset="retina", method="distillation", teacher="t", beta=1.0, knobs=knobs)
        for knobs in ((), (("temperature", 4.0),), (("temperature", 2.0),))
    )
    specs = [TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s") for config in (plain, warm, cool)]
    assert len({spec.key for spec in specs}) == 3
    assert TrialConfig.from_dict({**vars(warm), "knobs": [["temperature", 4.0]]}) == warm


def test_a_trials_cell_says_what_sets_it_apart_from_its_sweep() -> None:
    config = replace(ATTENTION, rotation_deg=0.0, learning_rate=1e-4)
    spec = TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s")
    assert spec.cell.name == "attention/imagenet/densenet121/all"
    varied = replace(spec, varied_from=(("learning_rate", None), ("rotation_deg", 15.0)))
    assert varied.cell.name == "attention/imagenet/densenet121/all@learning_rate=0.0001,rotation_deg=0"
    assert varied.key != spec.key  # two cells may come to one configuration, and each has trials of its own
    assert TrialSpec.from_dict(json.loads(json.dumps(asdict(varied)))) == varied


def test_a_field_with_what_was_done_before_as_its_default_renames_no_trial() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Longer(TrialConfig):
        later: str = knob("as before", role=SETUP, help="of a later version")

    values = {each.name: getattr(ATTENTION, each.name) for each in fields(ATTENTION)}
    before, after, other = (
        TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s").key
        for config in (ATTENTION, Longer(**values), Longer(**values, later="otherwise"))
    )
    assert before == after != other


def packed(config: TrialConfig, **of_trial: Any) -> TrialSpec:
    return replace(TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s"), **of_trial)


@pytest.mark.parametrize("changes", [{"learning_rate": 1e-3}, {"weight_decay": 1e-3}, {"beta": 61.0}])
def test_trials_that_learn_otherwise_from_the_same_views_may_share_a_pack(changes: dict[str, Any]) -> None:
    assert packed(ATTENTION).why_apart(packed(replace(ATTENTION, **changes))) == ""


OF_RUNS = {name: Other(1, "views") for name in ("seed", "order_seed", "init_seed", "split_draw")}
OF_RUNS |= {"num_folds": Other(5, "views"), "fold": Other(1, "views", {"num_folds": 5}), "phase": Other("confirm", "")}


@pytest.mark.parametrize("name", [each.name for each in knobs(TrialConfig) if each.name not in OF_ONE_STUDENT])
def test_trials_that_differ_in_anything_else_may_not(name: str) -> None:
    assert not {*OF_ONE_STUDENT} & {each.name for each in fields(ViewRecipe)}
    other = (OTHERS | OF_RUNS)[name]
    one, changed = (replace(ATTENTION, **{**other.given, **more}) for more in ({}, {name: other.value}))
    assert packed(changed).why_apart(packed(one)) and packed(one).why_apart(packed(changed))


@pytest.mark.parametrize("name", ["data_fingerprint", "split_fingerprint", "teacher_fingerprint", "init_fingerprint"])
def test_nor_trials_on_other_files(name: str) -> None:
    one, other = packed(ATTENTION), packed(replace(ATTENTION, beta=61.0), **{name: "other"})
    assert f"but have {name}=" in one.why_apart(other)


def test_a_trial_shares_no_pack_with_itself_and_some_share_none() -> None:
    assert "is there twice" in packed(ATTENTION).why_apart(packed(replace(ATTENTION)))
    compiled = replace(ATTENTION, compiled=True)
    assert "one at a time" in packed(compiled).why_apart(packed(replace(compiled, beta=61.0)))
    itself = TrialConfig(dataset="retina", method="itself", teacher="t", student="none")
    assert "nothing is trained" in packed(itself).why_apart(packed(replace(itself, learning_rate=1e-3)))
