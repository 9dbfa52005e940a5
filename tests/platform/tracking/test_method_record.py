"""What a sweep notes for a paper's methods: nothing of a patient, each range, and what a teacher has seen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.reading import cohort
from platform.tracking import environment as environments
from platform.tracking.method_record import MAX_TEXT, method_facts, sampler_facts, teacher_facts
from search_spaces.space import PAPER_BETAS, Space
from trainables.cell import Cell
from trainables.data.splits import SPLITS
from trainables.data.store import Store
from trainables.teachers.shelf import Teacher

CELLS = tuple(
    map(Cell.parse, ("transfer/none/densenet40/all", "attention/imagenet/densenet40/all", "itself/imagenet/none/none"))
)


def store_of(labels: list[list[int]], names: list[str], task: str = "multilabel") -> Store:
    """Six images of five patients: three for training, two and one for the others."""
    columns = {
        "labels": np.array(labels, np.int8),
        "patient": np.array(["p1", "p1", "p2", "p3", "p4", "p5"], object),
        "image_id": np.array(list("abcdef"), object),
        "view": np.array(["PA", "AP", "PA", "", "", ""], object),
        "sex": np.array(["F", "F", "M", "M", "", "F"], object),
        "age_years": np.array([40, 40, 60, 50, np.nan, np.nan], np.float32),
        "split": np.array(["train"] * 3 + ["validation"] * 2 + ["test"], object),
        "train_rank": np.array([0, 1, 2, -1, -1, -1]),
    }
    facts = {
        "dataset": "own", "task": task, "label_names": names, "channels": 1, "image_size_px": 32, "is_phantom": False,
        "fingerprint": "f", "split_fingerprint": "s", "held_out": "", "left_out": [["private/name.png", "unreadable"]],
    }  # fmt: skip
    return Store(Path("store"), facts, columns, [np.zeros((6, 1, 1, 1), np.uint8)])


def test_the_cohort_is_counted_by_hand() -> None:
    store = store_of([[1, 0], [-1, 0], [0, 1], [1, 1], [0, 0], [0, -1]], ["A", "B"])
    tags = {name: json.loads(text) for name, text in cohort.tags(store).items()}
    assert tags["cohort"] == {"task": "multilabel", "channels": 1, "left_out": 1, "source": ""}
    assert tags["cohort_train"]["positive"] == {"A": 1, "B": 1}
    assert (tags["cohort_train"]["images"], tags["cohort_train"]["patients"]) == (3, 2)
    assert tags["cohort_train"]["sex"] == {"F": 1, "M": 1} and tags["cohort_train"]["views"] == {"AP": 1, "PA": 2}
    assert tags["cohort_train"]["age_years"] == [45.0, 50.0, 55.0] and tags["cohort_train"]["aged"] == 2
    assert tags["cohort_validation"]["sex"] == {"M": 1} and tags["cohort_validation"]["aged"] == 1
    assert "age_years" not in tags["cohort_test"]
    text = json.dumps(tags)
    assert not any(secret in text for secret in ("p1", "private", "unreadable"))


def test_the_sampler_is_noted_with_its_source_and_when_it_begins_to_learn() -> None:
    assert sampler_facts("tpe") == {
        "sampler": "TPE",
        "sampler_source": "Bergstra et al., NeurIPS 2011; Falkner et al., ICML 2018",
        "startup_trials": 3,
    }
    assert sampler_facts("random") == {"sampler": "random", "sampler_source": "Bergstra and Bengio, JMLR 2012"}


def test_uncertain_labels_are_no_positives() -> None:
    codes = store_of([[1, 0]] * 6, ["A", "B"])
    from trainables.data.listing import UNCERTAIN

    codes.labels[1, 0] = UNCERTAIN
    facts = cohort.split_facts(codes, "train")
    assert facts["positive"] == {"A": 2, "B": 0} and facts["uncertain"] == {"A": 1}
    classes = store_of([[0], [1], [1], [0], [1], [0]], ["no", "yes"], "multiclass")
    facts = cohort.split_facts(classes, "train")
    assert facts["positive"] == {"no": 1, "yes": 2} and "uncertain" not in facts


def test_a_cohort_of_many_labels_still_fits_into_a_tag() -> None:
    names = [f"a label with a long name, number {number}" for number in range(200)]
    tags = cohort.tags(store_of([[0] * 200] * 6, names))
    assert all(len(text) <= cohort.MAX_CHARS for text in tags.values())
    for split in SPLITS:
        facts = json.loads(tags[f"cohort_{split}"])
        assert facts["images"] and "positive" not in facts


def test_each_method_has_its_formula_and_ranges() -> None:
    facts = method_facts(Space(dataset="retina", cells=CELLS), "optuna")
    assert set(facts) == {"transfer", "attention"}  # a teacher that is scored as it is has no method
    assert facts["attention"]["tuned"]["beta"] == {
        "low": 1.0,
        "high": 2000.0,
        "log": True,
        "first": [1.0, 100.0, 2000.0],
    }
    assert "beta" not in facts["transfer"]["tuned"] and "formula" not in facts["transfer"]
    assert facts["attention"]["formula"].startswith("L_AT = 1/C")
    grid = method_facts(Space(dataset="retina", cells=CELLS), "grid")
    assert grid["attention"]["tuned"]["beta"] == {"values": sorted(PAPER_BETAS)}
    assert grid["transfer"]["tuned"]["learning_rate"] == {"values": [5e-5]}


def test_a_teacher_is_described_without_its_patients() -> None:
    teacher = Teacher(
        name="mine", folder=Path("x"), architecture="densenet121", task="multilabel", label_names=("a", "b"),
        source="s" * 900,
        is_phantom=False, fingerprint="f", licence="MIT", seen={"dataset": "chexpert", "patients": ["hash1", "hash2"]},
    )  # fmt: skip
    facts = teacher_facts(teacher)
    assert facts["seen"] == {"chexpert": 2} and facts["outputs"] == 2 and facts["licence"] == "MIT"
    assert len(facts["source"]) == MAX_TEXT and "hash1" not in json.dumps(facts)
    assert teacher_facts(replace(teacher, seen={}))["seen"] == {}


def test_the_environment_names_versions_and_no_user(monkeypatch: pytest.MonkeyPatch) -> None:
    environments.environment.cache_clear()
    monkeypatch.setattr(
        environments, "_said", lambda *command: "A GPU\nA GPU\n".strip() if "smi" in command[0] else "abc"
    )
    facts = json.loads(environments.environment())
    environments.environment.cache_clear()
    assert set(facts) == {"libraries", "code", "system", "processor", "cpus", "gpus"}
    assert facts["gpus"] == ["A GPU", "A GPU"] and facts["code"] == "abc" and facts["cpus"] >= 1
    assert {"python", "torch", "ray", "optuna", "mlflow"} <= set(facts["libraries"])
    monkeypatch.undo()
    assert environments._said("no-such-program-anywhere") == "" and environments._said("false") == ""
