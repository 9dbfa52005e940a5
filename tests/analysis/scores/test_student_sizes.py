"""A student's size and its latency: by student, image size and machine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis.reading.trials import runs
from analysis.scores.student_sizes import size_rows
from trainables.models.architectures import build


def test_latencies_are_medians_per_machine(store: Any) -> None:
    parent = store.sweep()
    for seed, (machine, one_ms) in enumerate([("fast", 1.0), ("fast", 9.0), ("fast", 2.0), ("slow", 50.0)]):
        measured = {"cost_latency_ms": one_ms, "cost_latency_batch_ms": 8 * one_ms, "cost_latency_batch_size": 32.0}
        store.trial(parent, seed=seed, student="densenet40", metrics=measured, tags={"hardware": machine})
    frame = size_rows(runs(store.uri, "retina"), num_labels=5)
    assert frame["hardware"].tolist() == ["fast", "slow"]
    assert frame["n"].tolist() == [3, 1]
    assert frame["latency_ms"].tolist() == [2.0, 50.0]
    assert frame["latency_batch_ms"].tolist() == [16.0, 400.0]
    assert frame["batch_size"].tolist() == [32.0, 32.0]
    assert frame["parameters"].tolist() == [sum(p.numel() for p in build("densenet40", 5).parameters())] * 2


def test_old_runs_have_a_size_and_no_latency(store: Any) -> None:
    parent = store.sweep()
    store.trial(parent, student="densenet40", image_size_px=224)
    store.trial(parent, student="densenet121", image_size_px=224, seed=1)
    frame = size_rows(runs(store.uri, "retina"), num_labels=1000)
    assert frame["student"].tolist() == ["densenet121", "densenet40"]
    assert frame["multiply_accumulates"][0] / 1e9 == pytest.approx(2.834, abs=1e-3)
    assert frame["n"].tolist() == [0, 0] and np.isnan(frame["latency_ms"]).all()


def test_a_network_whose_outputs_are_not_known_has_no_size(store: Any) -> None:
    store.trial(store.sweep(), student="densenet40")
    assert size_rows(runs(store.uri, "retina"), num_labels=0)["parameters"].isna().all()
