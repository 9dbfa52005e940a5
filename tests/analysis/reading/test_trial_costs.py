"""What each trial has cost, read from a real store; and what a teacher's training in the same store has cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis.reading.teacher_costs import EXPERIMENT, MADE, teacher_costs
from analysis.reading.trial_costs import trial_costs
from analysis.reading.trials import runs
from search_spaces.space import RANDOM_TEACHER

MEASURED = {"cost_gpu_s": 30.0, "cost_cpu_s": 50.0, "cost_host_bytes": 2e9, "cost_estimated_wh": 0.5}
TAUGHT: dict[str, Any] = {"method": "attention", "teacher": "wise", "beta": 5.0}


def test_seconds_and_epochs_are_summed_from_the_epochs_and_costs_are_the_last_totals(store: Any) -> None:
    parent = store.sweep()
    store.trial(
        parent, phase="search", max_epochs=5, curve={"epoch_s": [10.0, 4.0, 3.0], "cost_gpu_s": [8.0, 9.0, 9.5]}
    )
    store.trial(parent, max_epochs=5, curve={"epoch_s": [1.0, 2.0]}, metrics=MEASURED, seed=1, **TAUGHT)
    nobody = {"student": "none", "unfreeze": "none", "init": "none"}
    store.trial(parent, method="itself", teacher="wise", max_epochs=5, curve={"epoch_s": [7.0]}, **nobody)
    frame = trial_costs(runs(store.uri, "retina"))
    assert frame["phase"].tolist() == ["search", "confirm", "confirm"]
    assert frame["seconds"].tolist() == [17.0, 3.0, 7.0]
    assert frame["epochs"].tolist() == [3, 2, 1]
    assert frame["planned_epochs"].tolist() == [5, 5, 1]  # what is scored as it is is planned to report once
    assert frame["gpu_s"].tolist()[:2] == [9.5, 30.0]
    assert frame["host_bytes"].tolist()[1] == 2e9
    assert frame["cell"].tolist()[1] == "attention/wise/densenet121/all"
    assert np.isnan(frame["estimated_wh"][0]) and np.isnan(frame["device_bytes"]).all()


@pytest.fixture
def taught(store: Any) -> Any:
    """A sweep that learns from a teacher and an ensemble, of whose members one was trained here."""
    parent = store.sweep()
    store.trial(parent, **TAUGHT, init="random", tags={"teacher_fingerprint": "f-wise"})
    ensemble = {"method": "distillation", "teacher": "other+wise", "beta": 5.0, "init": "random"}
    store.trial(parent, **ensemble, tags={"teacher_fingerprint": "f-other+f-wise"})
    return store


def test_a_teachers_training_is_found_by_its_fingerprint(taught: Any) -> None:
    training = taught.sweep(EXPERIMENT, "teacher-wise-1", **{MADE: "f-wise"})
    costs = {"cost_gpu_s": 20.0, "cost_measured_wh": 3.0, "cost_estimated_wh": 1.0}
    taught.parents[training].data.tags["dataset"] = "retina"
    taught.trial(training, phase="pretrain", curve={"epoch_s": [40.0, 20.0]}, metrics=costs)
    other = taught.sweep(EXPERIMENT, "teacher-wise-2", **{MADE: "f-another"})
    taught.parents[other].data.tags["dataset"] = "retina"
    taught.trial(other, phase="pretrain", curve={"epoch_s": [99.0]})
    frame = teacher_costs(runs(taught.uri, "retina")).set_index("teacher")
    assert frame.index.tolist() == ["wise", "other"]
    assert frame.loc["wise"].tolist() == ["f-wise", 60.0, 20.0, 3.0, 1.0]
    assert frame.loc["other", "seconds":].isna().all()


def test_where_no_teacher_was_trained_nothing_is_known(taught: Any) -> None:
    frame = teacher_costs(runs(taught.uri, "retina"))
    assert frame["teacher"].tolist() == ["wise", "other"]
    assert frame["seconds"].isna().all()


def test_random_weights_were_never_trained(taught: Any) -> None:
    parent = taught.sweep()
    random = {"method": "attention", "teacher": RANDOM_TEACHER, "beta": 5.0, "init": "random"}
    taught.trial(parent, **random, tags={"teacher_fingerprint": "f-random"})
    assert teacher_costs(runs(taught.uri, "retina"))["teacher"].tolist() == ["wise", "other"]


def test_first_weights_are_a_teachers_too(store: Any) -> None:
    parent = store.sweep()
    store.trial(parent, init="imagenet", tags={"init_fingerprint": "f-imagenet"})
    store.trial(parent, init="random", tags={"init_fingerprint": "random"}, seed=1)
    frame = teacher_costs(runs(store.uri, "retina"))
    assert frame[["teacher", "fingerprint"]].to_numpy().tolist() == [["imagenet", "f-imagenet"]]
