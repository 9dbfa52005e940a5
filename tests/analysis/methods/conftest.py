"""Two sweeps as today's ledger records them: photographs with classes, and X-rays with labels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.reading.trials import Runs, runs

GRADES = ["No DR", "DR"]
FINDINGS = ["Edema", "Effusion", "Mass"]
TRIAL = {
    "version": "0.1.0",
    "num_threads": "4",
    "node": "node-a",
    "environment": json.dumps(
        {
            "libraries": {"python": "3.11.9", "torch": "2.9.1", "ray": "2.60.0", "optuna": "5.0.0"},
            "code": "abc123def456",
            "system": "linux-x86_64",
            "processor": "A processor",
            "cpus": 16,
            "gpus": ["A GPU", "A GPU"],
        }
    ),
}
TUNED = {"learning_rate": {"low": 1e-5, "high": 1e-3, "log": True, "first": [5e-5]}}
BETA = {"beta": {"low": 1.0, "high": 2000.0, "log": True, "first": [60.0]}}
METHODS = {
    "method_facts/transfer": {"tuned": TUNED},
    "method_facts/attention": {
        "title": "Attention transfer",
        "formula": "L_AT = 1/C sum_j || Q ||",
        "reference": "Akbarian et al. 2020, Eq. 1",
        "tuned": TUNED | BETA,
    },
}
TEACHER = {
    "architecture": "densenet121",
    "outputs": 1000,
    "source": "torchvision's DenseNet-121",
    "licence": "BSD-3-Clause",
    "trained_on": "",
    "seen": {"imagenet": 0},
    "fingerprint": "0b20eb2c2d502620",
    "is_phantom": False,
}
PLAN = {
    "mode": "optuna",
    "sampler": "TPE",
    "sampler_source": "Bergstra et al., NeurIPS 2011",
    "startup_trials": 3,
    "trials_per_cell": 2,
    "grace_epochs": 8,
    "reduction_factor": 3,
}
PASHA = {"scheduler": "pasha", "scheduler_source": "Bohdal"}


def cohort(task: str, labels: list[str], **more: Any) -> dict[str, Any]:
    """The tags on images and splits: 432, 144 and 145 images, with other positives in each."""
    tags: dict[str, Any] = {"cohort": {"task": task, "channels": 3, "left_out": 7, "source": "A hospital, 2015"}}
    for number, (split, images) in enumerate({"train": 432, "validation": 144, "test": 145}.items()):
        positive = {name: 40 + 11 * number + 3 * place for place, name in enumerate(labels)}
        tags[f"cohort_{split}"] = {"images": images, "patients": images // 2, "positive": positive, "aged": 0, **more}
    return tags


def sweep_tags(labels: list[str], facts: dict[str, Any], **more: str) -> dict[str, str]:
    return {
        "label_names": json.dumps(labels),
        "table_1": json.dumps({"labeling": "manual", "views": "left/right eyes", "images": 721, "patients": 360}),
        "table_2": json.dumps({"Retina": {"train": 432, "validation": 144, "test": 145}}),
        "version": "0.1.0",
        "held_out": "",
        "num_folds": "0",
        "settings": json.dumps({"search": "optuna"}),
        **{name: json.dumps(value) for name, value in facts.items()},
        **more,
    }  # fmt: skip


PHOTOGRAPHS = cohort("multiclass", GRADES) | METHODS | {
    "teacher_facts/imagenet": TEACHER,
    "student_facts/densenet40": {"parameters": 1_354_917},
    "search_plan": PLAN,
    "split_rule": {"kind": "drawn"},
}  # fmt: skip
CELLS: list[dict[str, Any]] = [
    {"student": "densenet40", "max_epochs": 96, "batch_size": 24},
    {"student": "densenet40", "max_epochs": 96, "batch_size": 24, "teacher": "imagenet", "beta": 60.0},
]


def fill(store: Any, parent: str, cells: list[dict[str, Any]], tags: dict[str, str], **more: Any) -> None:
    """Two trials of the search, of which the second one was stopped early, and three repeats of each cell."""
    for cell in cells:
        curve = {"best_score": [0.6, 0.7]}
        store.trial(parent, phase="search", curve=curve, tags=tags, **cell, **more)
        stopped = {**tags, "stopped": "asha"}
        store.trial(parent, phase="search", curve=curve, learning_rate=1e-4, tags=stopped, **cell, **more)
        for seed in (1, 2, 3):
            store.trial(parent, seed=seed, metrics={"test_auc": 0.8}, tags=tags, **cell, **more)


@pytest.fixture(scope="session")
def photographs(new_store: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """A sweep with two cells on photographs, each with two trials and three repeats; no test changes it."""
    store = new_store(tmp_path_factory.mktemp("photographs"))
    tags = {**TRIAL, "num_trainable": "1354917"}
    fill(store, store.sweep(**sweep_tags(GRADES, PHOTOGRAPHS)), CELLS, tags)
    return runs(store.uri, "retina")


@pytest.fixture
def of_photographs(store: Any) -> Callable[..., Runs]:
    """The same sweep with other facts (None: not recorded), parameters of all trials, and tags of the sweep."""

    def make(facts: dict[str, Any] | None = None, sweep: dict[str, str] | None = None, **more: Any) -> Runs:
        known = {name: value for name, value in (PHOTOGRAPHS | (facts or {})).items() if value is not None}
        tags = {**TRIAL, "num_trainable": "1354917", **more.pop("tags", {})}
        cells = more.pop("cells", CELLS)
        fill(store, store.sweep(**(sweep_tags(GRADES, known) | (sweep or {}))), cells, tags, **more)
        return runs(store.uri, "retina")

    return make
