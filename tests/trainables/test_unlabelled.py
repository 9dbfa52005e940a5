"""Epochs without labels: what the student sees of the images, what it learns from, and which epoch is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.tiny_network import NAME
from tests.trainables.small_training import CPU, make, numbers
from trainables import job as jobs
from trainables import judging
from trainables.config import TrialConfig
from trainables.data.store import Store
from trainables.loop import train
from trainables.models.architectures import build
from trainables.teachers import shelf
from trainables.teachers.guide import Guide
from trainables.teachers.shelf import Teacher
from trainables.training import Training
from trainables.trial import TrialSpec

BETA = 3.0
HALF = 0.5  # of the training images have labels: 8 of 16


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, store: Store, tiny: str) -> Teacher:
    torch.manual_seed(99)
    facts: dict[str, Any] = {"task": store.task, "label_names": store.label_names, "source": "drawn"}
    weights = build(tiny, len(store.label_names)).state_dict()
    return shelf.save(tmp_path_factory.mktemp("t"), weights, name="wise", architecture=tiny, is_phantom=True, **facts)


def taught(store: Store, teacher: Teacher, method: str = "distillation", **changes: Any) -> Training:
    torch.manual_seed(3)
    guide = Guide(method, NAME, teacher, CPU, task=store.task, label_names=store.label_names)
    fixed: dict[str, Any] = {"method": method, "teacher": "wise", "student": NAME, "beta": BETA, "max_epochs": 4}
    return make(store, build(NAME, 5), guide, **{**fixed, "unlabelled_epochs": 2, "data_fraction": HALF, **changes})


def with_labels(store: Store, rows: np.ndarray) -> Store:
    """The same images with other labels of `rows`."""
    other = store.only(np.arange(store.num_images))
    other.labels = store.labels.copy()
    other.labels[rows] = (other.labels[rows] + 1) % len(store.label_names)
    return other


def test_all_training_images_are_seen_before_the_labels_and_the_labelled_ones_after(
    store: Store, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    gather = Store.gather

    def noted(self: Store, rows: np.ndarray) -> np.ndarray:
        seen.extend(rows.tolist())
        return gather(self, rows)

    monkeypatch.setattr(Store, "gather", noted)
    monkeypatch.setattr("trainables.epoch.validate", lambda training: {"score": 0.0})
    all_rows, labelled = (sorted(store.rows("train", fraction).tolist()) for fraction in (1.0, HALF))
    assert (len(all_rows), len(labelled)) == (16, 8)
    for result in train(taught(store, teacher)):
        assert sorted(seen) == (all_rows if result.epoch <= 2 else labelled)
        seen.clear()


def test_without_labels_the_teacher_is_all_there_is_to_learn_from(store: Store, teacher: Teacher) -> None:
    metrics = numbers(list(train(taught(store, teacher))))
    assert ["train_ce" in each for each in metrics] == [False, False, True, True]
    for each in metrics:
        expected = each.get("train_ce", 0.0) + each["train_transfer"] / BETA
        assert each["train_loss"] == pytest.approx(expected, rel=1e-5)
    assert metrics[1]["train_transfer"] < metrics[0]["train_transfer"]


def test_how_many_images_have_labels_changes_nothing_before_they_come(store: Store, teacher: Teacher) -> None:
    few, all_of_them = (numbers(list(train(taught(store, teacher, data_fraction=share)))) for share in (HALF, 1.0))
    assert few[:2] == all_of_them[:2]
    assert few[2] != all_of_them[2]


@pytest.mark.parametrize("loss", ["ce", "weighted"])
def test_no_label_is_read_that_is_not_in_use(store: Store, teacher: Teacher, loss: str) -> None:
    labelled = store.rows("train", HALF)
    others = np.setdiff1d(store.rows("train"), labelled)
    usual = numbers(list(train(taught(store, teacher, loss=loss))))
    assert numbers(list(train(taught(with_labels(store, others), teacher, loss=loss)))) == usual
    relabelled = numbers(list(train(taught(with_labels(store, labelled), teacher, loss=loss))))
    assert relabelled[:2] == usual[:2]
    assert relabelled[2]["train_ce"] != usual[2]["train_ce"]


def test_hints_in_stages_has_its_first_stage_without_labels(store: Store, teacher: Teacher) -> None:
    """By its own knob, the hint would end after the first of four epochs."""
    metrics = numbers(list(train(taught(store, teacher, "hints-in-stages", knobs=(("first_stage", 0.25),)))))
    of_hint = [each["train_transfer"] / BETA for each in metrics]
    assert [each["train_loss"] for each in metrics[:2]] == pytest.approx(of_hint[:2], rel=1e-5)
    assert [each["train_loss"] for each in metrics[2:]] == [each["train_ce"] for each in metrics[2:]]


def test_mixed_views_without_labels_are_mixed_with_any_training_image(store: Store, teacher: Teacher) -> None:
    training = taught(store, teacher, mixup_alpha=0.4)
    labelled = store.rows("train", HALF)
    partners = {epoch: set(training._mixture(store.rows("train"), epoch).partners_B.tolist()) for epoch in (2, 3)}
    assert not partners[2] <= {*labelled.tolist()}
    assert partners[3] <= {*labelled.tolist()}


def test_the_first_epoch_with_labels_takes_the_place_of_all_before_it(
    store: Store, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.9, 0.8, 0.2, 0.5])
    monkeypatch.setattr(
        judging,
        "evaluate",
        lambda training, split: ({"loss": 1.0, "f1_weighted": next(scores)}, np.zeros((0, 0), np.float32)),
    )
    training, name = taught(store, teacher), "features.shallow.0.weight"
    results: Iterator[Any] = train(training)
    best: list[tuple[int, float]] = []
    for result in results:
        best.append((result.best_epoch, result.best_score))
        assert torch.equal(training.best_weights[name], training.student.state_dict()[name])
    assert best == [(1, 0.9), (2, 0.8), (3, 0.2), (4, 0.5)]


def test_without_a_teacher_every_epoch_has_labels(store: Store) -> None:
    usual, other = (
        numbers(list(train(make(store, unlabelled_epochs=number, data_fraction=HALF)))) for number in (0, 2)
    )
    assert usual == other
    assert all("train_ce" in each for each in usual)


def test_some_epoch_must_have_labels() -> None:
    rule = r"unlabelled_epochs < max_epochs must hold.*unlabelled_epochs=4 and max_epochs=4: give fewer --unlabelled"
    with pytest.raises(ValueError, match=rule):
        TrialConfig(dataset="retina", method="transfer", max_epochs=4, unlabelled_epochs=4)
    untrained: dict[str, Any] = {"method": "itself", "teacher": "a", "student": "none", "unfreeze": "none"}
    for facts, number in ((untrained, 0), ({"method": "transfer"}, 0), ({"teacher": "a", "beta": 2.0}, 3)):
        assert TrialConfig(dataset="retina", max_epochs=4, unlabelled_epochs=3, **facts).num_unlabelled == number


def test_a_mixed_views_answer_is_not_that_of_a_view_mixed_with_labelled_images_alone(
    store: Store, teacher: Teacher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trials that share a cache must see the same views in the same epoch."""
    keys: list[dict[str, Any]] = []
    monkeypatch.setattr(jobs, "KnowledgeCache", lambda folder, key, *rest: keys.append(key))
    for unlabelled_epochs in range(3):
        config = TrialConfig(
            dataset="retina", method="distillation", teacher="wise", student=NAME, init="random", beta=BETA,
            mixup_alpha=0.4, data_fraction=HALF, unlabelled_epochs=unlabelled_epochs,
        )  # fmt: skip
        spec = TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s")
        teachers, folder = str(teacher.folder.parent), str(tmp_path)
        job = jobs.Job(spec=spec, store=str(store.path), teachers=teachers, folder=folder, cache=folder, cache_bytes=1)
        job.training(store)
    assert len({str(key["mixed_with"]) for key in keys}) == 3
