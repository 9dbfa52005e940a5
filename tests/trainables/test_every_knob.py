"""Every knob that a sweep may vary is varied and trained: what should change does, and an interruption leaves no mark.

The knobs come from their declarations: one that is declared and has no line in `other_values` fails here.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from tests.tiny_network import NAME
from tests.trainables.other_values import CAUSES, NOTHING, OTHERS
from tests.trainables.small_training import numbers, prepared
from trainables import checkpoint
from trainables.config import TrialConfig
from trainables.data.store import Store
from trainables.job import Job
from trainables.knob import AXIS, SETUP, TUNED, knobs
from trainables.models.architectures import build
from trainables.prediction_rows import PREDICTIONS_FILE
from trainables.teachers import shelf
from trainables.training import EpochResult
from trainables.trial import TrialSpec

VARIED = knobs(TrialConfig, AXIS, SETUP, TUNED)


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory, store: Store, tiny: str) -> Path:
    """A folder with two teachers of the student's labels."""
    folder = tmp_path_factory.mktemp("teachers")
    facts: dict[str, Any] = {"task": store.task, "label_names": store.label_names, "source": "drawn"}
    for seed, name in enumerate(("wise", "wiser"), 98):  # not the seed that draws a student
        torch.manual_seed(seed)
        weights = build(tiny, len(store.label_names)).state_dict()
        shelf.save(folder, weights, name=name, architecture=tiny, is_phantom=True, **facts)
    return folder


@dataclass(frozen=True)
class Trained:
    """A trial that came to its end, and what it came to."""

    job: Job
    results: list[EpochResult]
    evidence: dict[str, Any]


Trainer = Callable[[Mapping[str, Any]], Trained]


@pytest.fixture(scope="module")
def trained(root: Path, store: Store, teachers: Path, short: str, tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    """Trains for two epochs with these knobs; all such trainings share one cache of the teacher's answers."""
    folder, trainings = tmp_path_factory.mktemp("trained"), dict[tuple[tuple[str, Any], ...], Trained]()
    stores, counter = {32: store, 64: prepared(root, 64)}, itertools.count()
    fixed: dict[str, Any] = {
        **{"dataset": "retina", "method": "distillation", "teacher": "wise", "student": NAME, "init": "random"},
        **{"knobs": (("temperature", 2.0),), "beta": 3.0, "learning_rate": 1e-3, "max_epochs": 2, "batch_size": 16},
        **{"image_size_px": 32, "selection_metric": "f1_weighted", "phase": "confirm"},
    }

    def train(changes: Mapping[str, Any]) -> Trained:
        key = tuple(sorted(changes.items()))
        if key not in trainings:
            config = TrialConfig(**{**fixed, **changes})
            of_its_size = stores[config.image_size_px]
            job = Job(
                spec=TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s"),
                store=str(of_its_size.path),
                teachers=str(teachers),
                folder=str(folder / str(next(counter))),
                cache=str(folder / "cache"),
                cache_bytes=1 << 30,
            )
            results = list(job.run())
            trainings[key] = Trained(job, results, evidence_of(job, of_its_size, results))
        return trainings[key]

    return train


def evidence_of(job: Job, store: Store, results: list[EpochResult]) -> dict[str, Any]:
    """What `CAUSES` names, of the first epoch but for the rates, in values that `==` compares."""
    training = job.training(store)
    (of_epoch,) = Path(job.folder).glob("epoch-00001-*.ckpt") if len(results) == 2 else [None]
    state = torch.load(io.BytesIO(of_epoch.read_bytes().partition(b"\n")[2]), weights_only=True) if of_epoch else {}
    views = training.views(training.rows, 1)
    first = numbers(results)[0]
    rates = [metrics["learning_rate"] for metrics in numbers(results)]
    return {
        "program": training.compiled is not training.tapped,
        "length": len(results),
        "rate": rates,
        "views": (views.shape, views.numpy().tobytes()),
        "loss": first["train_loss"],
        "weights": {name: tensor.numpy().tobytes() for name, tensor in state.get("student", {}).items()},
        "kept": first["val_loss"],
        "metrics": {name: value for name, value in first.items() if name not in ("val_loss", "train_loss")},
    }


@pytest.fixture(autouse=True)
def traced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiled step is traced, and then runs the same operations: the compiler itself takes minutes."""
    compile_ = torch.compile
    monkeypatch.setattr(
        torch, "compile", lambda student, dynamic, mode: compile_(student, dynamic=dynamic, backend="aot_eager")
    )


def test_every_knob_that_may_vary_has_another_value_here() -> None:
    assert sorted(OTHERS) == sorted(knob.name for knob in VARIED)
    for knob in VARIED:
        assert OTHERS[knob.name].value != knob.default


@pytest.mark.parametrize("name", [knob.name for knob in VARIED])
def test_a_knob_changes_what_it_should_and_nothing_before_it(trained: Trainer, name: str) -> None:
    other = OTHERS[name]
    usual, varied = trained(other.given), trained({**other.given, name: other.value})
    assert usual.job.spec.key != varied.job.spec.key
    changed = [cause for cause in CAUSES if usual.evidence[cause] != varied.evidence[cause]]
    assert (changed or [NOTHING])[0] == other.changes


@pytest.mark.parametrize("name", [knob.name for knob in VARIED])
def test_interrupted_with_a_knob_the_trial_ends_as_undisturbed(trained: Trainer, tmp_path: Path, name: str) -> None:
    other = OTHERS[name]
    whole = trained({**other.given, name: other.value})
    job = Job(**{**vars(whole.job), "folder": str(tmp_path), "cache_bytes": 0})  # and without the cache
    epochs = job.run()
    next(epochs)
    epochs.close()
    results = list(job.run())
    assert numbers(results) == numbers(whole.results)
    ends = [(Path(each.folder), results[-1].best_epoch) for each in (job, whole.job)]
    assert len({checkpoint.best_path(*end).read_bytes() for end in ends}) == 1
    rows, expected = (pd.read_parquet(folder / PREDICTIONS_FILE) for folder, _ in ends)
    pd.testing.assert_frame_equal(rows, expected, check_exact=True)


def test_all_at_once(trained: Trainer, tmp_path: Path) -> None:
    left_out = ["focal_gamma", "lr_halving_epochs"]  # which contradict others
    left_out += ["image_size_px", "max_epochs", "method", "student", "unfreeze"]
    changes = {name: other.value for name, other in OTHERS.items() if name not in left_out}
    whole = trained(changes)
    job = Job(**{**vars(whole.job), "folder": str(tmp_path), "cache_bytes": 0})
    epochs = job.run()
    assert numbers([next(epochs)]) == numbers(whole.results[:1])
    epochs.close()
    assert numbers(list(job.run())) == numbers(whole.results)
