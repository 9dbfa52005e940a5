"""Sweeps found by their names, and the settings in which they differ."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from analysis.reading.sweeps_by_name import differing_settings, named_sweep, settings_of
from analysis.reading.tracking_uri import sqlite_file
from analysis.reading.trials import runs

CELL = {"method": "transfer", "teacher": "none", "student": "densenet40"}


def add(store: Any, name: str, num_repeats: int, settings: dict[str, Any], **tags: str) -> None:
    parent = store.sweep(name=name, settings=json.dumps(settings), **tags)
    for seed in range(num_repeats):
        store.trial(parent, seed=seed, tags={"version": f"0.{num_repeats}"}, metrics={"test_auc": 0.7}, **CELL)
    store.trial(parent, phase="search", **CELL)


def test_nested_settings_are_flat_and_only_what_differs_is_listed(store: Any) -> None:
    add(store, "one", 1, {"flip": True, "batch_size": 8, "tuned": {"beta": [1.0, 2000.0]}, "teachers": {"t": "f1"}})
    add(store, "two", 2, {"flip": False, "batch_size": 8, "tuned": {"beta": [1.0, 100.0]}, "teachers": {"t": "f2"}})
    sweeps = [named_sweep(side, store.uri, name) for side, name in (("A", "one"), ("B", "two"))]
    frame = differing_settings(sweeps)
    assert list(frame.columns) == ["setting", "A", "B"]
    assert {row.setting: (row.A, row.B) for row in frame.itertuples()} == {
        "software version": ("0.1", "0.2"),
        "flip": ("true", "false"),
        "teachers t": ("f1", "f2"),
        "tuned beta": ("1 to 2000", "1 to 100"),
        "repeats per cell": ("1", "2"),
    }
    assert settings_of(sweeps[0])["batch_size"] == "8" and settings_of(sweeps[0])["trials per cell"] == "1"
    assert settings_of(sweeps[0])["labels averaged"] == "DR" and settings_of(sweeps[1])["max_epochs"] == "128"
    assert differing_settings([sweeps[0], sweeps[0]]).empty


def test_a_setting_that_an_older_version_did_not_record_is_empty_and_keeps_its_place(store: Any) -> None:
    add(store, "one", 1, {"flip": True})
    add(store, "two", 1, {"flip": True, "optimizer": "adamw"}, ablation_sha256="abc", overrides="--trials 3")
    frame = differing_settings([named_sweep(side, store.uri, name) for side, name in (("A", "one"), ("B", "two"))])
    assert frame.to_numpy().tolist() == [
        ["ablation file", "", "abc"],
        ["flags on top of the ablation file", "", "--trials 3"],
        ["optimizer", "", "adamw"],
    ]


def test_the_sampler_of_a_sweep_that_recorded_none_was_tpe_but_for_a_grid(store: Any) -> None:
    for name, settings in {"one": {"search": "optuna"}, "two": {"search": "optuna", "searcher": "gp"}}.items():
        add(store, name, 1, settings)
    add(store, "three", 1, {"search": "grid"})
    one, two, three = (named_sweep("A", store.uri, name) for name in ("one", "two", "three"))
    assert differing_settings([one, two]).to_numpy().tolist() == [["searcher", "tpe", "gp"]]
    assert "searcher" not in settings_of(three)


def test_what_repeats_draw_anew_differs_and_their_splits_do_not(store: Any) -> None:
    add(store, "one", 1, {})
    parent = store.sweep(name="two", settings="{}", vary_in_repeats="seed+split")
    store.trial(parent, phase="search", tags={"version": "0.1"}, **CELL)
    tags = {"version": "0.1", "drawn": "seed+split", "sweep_setup": json.dumps({"split_fingerprint": "split-a"})}
    store.trial(
        parent, metrics={"test_auc": 0.7}, split_fingerprint="split-1", redrawn={"split_draw": 1}, tags=tags, **CELL
    )
    frame = differing_settings([named_sweep(side, store.uri, name) for side, name in (("A", "one"), ("B", "two"))])
    assert frame.to_numpy().tolist() == [["drawn anew in repeats", "seed", "seed, split"]]


def test_a_sweep_is_found_without_its_data_set(store: Any) -> None:
    add(store, "one", 1, {})
    assert named_sweep("A", store.uri, "one").runs.dataset == "retina"
    with pytest.raises(LookupError, match=r"A must be one of the sweeps in .*: one; but got 'on' \(did you mean"):
        named_sweep("A", store.uri, "on")


def test_a_trial_from_before_a_knob_has_its_default_and_another_value_is_another_setup(store: Any) -> None:
    add(store, "old", 2, {})
    file = sqlite_file(store.uri)
    assert file is not None
    with closing(sqlite3.connect(file)) as database, database:
        assert database.execute("delete from params where key in ('flip', 'rotation_deg')").rowcount == 6
    old = named_sweep("A", store.uri, "old").runs
    assert old.left_out.empty and old.confirm["params.rotation_deg"].tolist() == [15.0, 15.0]
    add(store, "new", 1, {})
    both = runs(store.uri, "retina")
    assert len(both.trials) == 3 and set(both.trials["params.flip"]) == {"True"}  # equal trials count once
    store.trial(store.sweep(name="other"), metrics={"test_auc": 0.7}, rotation_deg=0.0, **CELL)
    reasons = runs(store.uri, "retina").left_out["reason"]
    assert set(reasons) == {"another setup: params.rotation_deg 15, not 0"}
