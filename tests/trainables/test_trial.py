"""A trial's name depends on all that decides its result."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace

from trainables.config import TrialConfig
from trainables.knob import SETUP, knob
from trainables.trial import TrialSpec

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
