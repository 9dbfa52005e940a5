"""Small sweeps come to what they came to when the record was made; `python -m tests.reference` makes it anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.reference import outcome as reference
from tests.reference.machine import machine

NUM_SHOWN = 20


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_small_sweeps_come_to_what_the_record_says(tmp_path: Path) -> None:
    record = reference.load()
    if others := list(reference.differences(record["machine"], machine())):
        pytest.skip(f"numbers are the record's on a machine like the record's only: {'; '.join(others)}")
    before = record["outcome"]
    now = reference.without_newer(reference.outcome(tmp_path / "results"), before)
    lines = [line for part in reference.PARTS for line in reference.differences(before[part], now[part], part)]
    if lines:
        head = f"{len(lines)} differences; where they are meant, `python -m tests.reference` makes the record anew"
        pytest.fail("\n".join([head, *lines[:NUM_SHOWN], "..." * (len(lines) > NUM_SHOWN)]), pytrace=False)


def test_the_record_holds_what_it_is_for() -> None:
    outcome = reference.load()["outcome"]
    runs = outcome["runs"]
    trials = {name: run for name, run in runs.items() if run["params"]}
    assert {run["status"] for run in runs.values()} == {"FINISHED"}
    values = {key: {run["params"][key] for run in trials.values()} for key in reference.CELL}
    assert {"attention", "attention-silent", "attention-permuted", "itself"} < values["method"]
    assert values["data_fraction"] == {"0.5", "1.0"} and {"zeros", "ones"} == values["uncertainty"]
    assert {run["params"]["precision"] for run in trials.values()} == {"float32", "bfloat16"}
    assert all(bool(run["predictions"]) == (run["params"]["phase"] == "confirm") for run in trials.values())
    assert all(run["metrics"]["score"] for run in trials.values())
    assert len(outcome["printed"]) == 3 and all("row 1" in rows for rows in outcome["report"].values())


def test_a_difference_says_where_it_is_and_shows_both_values() -> None:
    before = {"runs": {"trial": {"metrics": {"val_auc": {"epoch 1": 0.5, "epoch 2": 0.0}}}}}
    now = json.loads(json.dumps(before))
    assert list(reference.differences(before, now)) == []
    now["runs"]["trial"]["metrics"]["val_auc"] = {"epoch 1": 0.5 + 2**-53, "epoch 2": -0.0}
    now["runs"]["other"] = {}
    assert list(reference.differences(before, now)) == [
        "runs > other: not in the record",
        "runs > trial > metrics > val_auc > epoch 1: 0.5 in the record, 0.5000000000000001 now",
        "runs > trial > metrics > val_auc > epoch 2: 0.0 in the record, -0.0 now",
    ]
    assert list(reference.differences({"a": [1]}, {"a": [1, 2]})) == ["a: [1] in the record, [1, 2] now"]
    assert list(reference.differences({"a": 1}, {})) == ["a: in the record only"]


def test_a_prediction_that_differs_in_its_last_bit_is_another() -> None:
    frame = pd.DataFrame({"image": ["a", "b"], "probability": pd.Series([0.25, 0.5], dtype="float32")})
    other = frame.assign(probability=pd.Series([0.25, 0.5 + 2**-24], dtype="float32"))
    before, now = reference.hashed_columns(frame), reference.hashed_columns(other)
    assert before["image"] == now["image"] and before["probability"] != now["probability"]


def test_a_record_is_written_with_the_same_bytes_and_read_as_it_was(tmp_path: Path) -> None:
    values = {"b": 0.1 + 0.2, "a": [None, "x"]}
    for name in ("first", "second"):
        reference.save(values, tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    assert reference.load(tmp_path / "first") == values


def test_a_newer_knob_is_no_difference_at_its_default_alone() -> None:
    facts = {"status": "FINISHED", "tags": {}, "metrics": {}}
    before = {"runs": {"a": {**facts, "params": {"flip": "True"}}}, "printed": [], "report": {}}

    def now(**params: str) -> reference.Json:
        return {**before, "runs": {"a": {**facts, "params": params}}}

    for same in ({"flip": "True"}, {"flip": "True", "schedule": "halving", "beta": "None"}):
        assert reference.without_newer(now(**same), before) == before
    for other in ({"flip": "True", "schedule": "cosine"}, {"flip": "False"}, {"flip": "True", "unheard": "of"}, {}):
        assert reference.without_newer(now(**other), before) != before


def test_a_newer_tag_metric_or_table_is_no_difference_but_a_changed_one_is() -> None:
    run: dict[str, Any] = {
        "status": "FINISHED",
        "tags": {"cell": "a"},
        "params": {},
        "metrics": {"val_auc": {"1": 0.5}},
    }
    before: reference.Json = {"runs": {"a": run}, "printed": [], "report": {"results.csv": {"row 1": {"auc": "0.5"}}}}
    newer = {**run, "tags": {"cell": "a", "host": "b"}, "metrics": {"val_auc": {"1": 0.5}, "joules": {"1": 3.0}}}
    now = {**before, "runs": {"a": newer}, "report": {**before["report"], "cost.csv": {}}}
    assert reference.without_newer(now, before) == before
    for changed in ({**newer, "tags": {"cell": "b"}}, {**newer, "metrics": {"val_auc": {"1": 0.6}}}):
        assert reference.without_newer({**now, "runs": {"a": changed}}, before) != before
    assert reference.without_newer({**now, "report": {"results.csv": {}}}, before) != before
