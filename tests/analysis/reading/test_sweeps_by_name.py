"""Sweeps found by their names, and the settings in which they differ."""

from __future__ import annotations

import json
from typing import Any

import pytest

from analysis.reading.sweeps_by_name import differing_settings, named_sweep, settings_of

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


def test_a_sweep_is_found_without_its_data_set(store: Any) -> None:
    add(store, "one", 1, {})
    assert named_sweep("A", store.uri, "one").runs.dataset == "retina"
    with pytest.raises(LookupError, match=r"A must be one of the sweeps in .*: one; but got 'on' \(did you mean"):
        named_sweep("A", store.uri, "on")
