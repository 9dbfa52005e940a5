"""Seeds by source: the order of the images and the first weights may have seeds of their own; nothing else follows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from platform.phantoms.writers import write_retina
from tests.trainables import small_training
from trainables import loop
from trainables.batches import batches
from trainables.config import TrialConfig
from trainables.data import augment
from trainables.data.resplit import redrawn
from trainables.data.store import Store
from trainables.job import Job
from trainables.models.architectures import build
from trainables.teachers import shelf
from trainables.trial import TrialSpec


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("retina")
    root = write_retina(folder / "retina", num_patients=14, image_size_px=32, seed=1, progress=False)
    return small_training.prepared(root, 32)


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory, tiny: str) -> Path:
    """A folder with a teacher of random weights, whose student has layers of the method's own."""
    folder = tmp_path_factory.mktemp("teachers")
    torch.manual_seed(7)
    facts: dict[str, Any] = {"architecture": "densenet121", "task": "multiclass", "label_names": ("a", "b")}
    shelf.save(folder, build("densenet121", 2).state_dict(), name="imagenet", source="drawn", is_phantom=True, **facts)
    return folder


def job_of(store: Store, teachers: Path, folder: Path, **changes: Any) -> Job:
    config = small_training.config_of(init="random", average_labels="defined", phase="confirm", **changes)
    spec = TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s")
    return Job(spec=spec, store=str(store.path), teachers=str(teachers), folder=str(folder))


def drawn_by(training: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[list[list[int]], set[int]]:
    """The batches of the second epoch, and the seeds of its views."""
    rows: list[list[int]] = []
    seeds: set[int] = set()
    real = augment.training_views

    def watched(images: Any, rows_B: Any, recipe: Any, *, seed: int, epoch: int) -> Any:
        rows.append(rows_B.tolist())
        seeds.add(seed)
        return real(images, rows_B, recipe, seed=seed, epoch=epoch)

    with monkeypatch.context() as patched:
        patched.setattr("trainables.training.training_views", watched)
        loop.train_one_epoch(training, 2)
    return rows, seeds


@pytest.mark.parametrize(("order_seed", "expected"), [(None, 3), (5, 5), (0, 0)])
def test_the_order_has_its_own_seed_and_the_views_keep_theirs(
    order_seed: int | None, expected: int, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = small_training.make(store, seed=3, order_seed=order_seed, init_seed=8, average_labels="defined")
    rows, seeds = drawn_by(training, monkeypatch)
    assert rows == [batch.tolist() for batch in batches(store.rows("train"), 6, expected, 2)]
    assert seeds == {3}


def weights_of(job: Job, store: Store) -> dict[str, torch.Tensor]:
    training = job.training(store)
    own = training.guide.method.state_dict() if training.guide else {}
    return training.student.state_dict() | {f"method {name}": value for name, value in own.items()}


def are_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


def test_first_weights_and_the_methods_own_layers_have_their_own_seed(
    store: Store, teachers: Path, tmp_path: Path, tiny: str
) -> None:
    guided = {"method": "hints", "teacher": "imagenet", "beta": 10.0, "student": tiny}

    def drawn(**seeds: Any) -> dict[str, torch.Tensor]:
        return weights_of(job_of(store, teachers, tmp_path, **guided, **seeds), store)

    plain = drawn(seed=3)
    assert any(name.startswith("method ") for name in plain), "hints must have a layer of its own for this test"
    assert are_equal(plain, drawn(seed=3, init_seed=3)) and are_equal(plain, drawn(seed=4, init_seed=3))
    assert are_equal(plain, drawn(seed=3, order_seed=9))
    other = drawn(seed=3, init_seed=4)
    differ = {name for name, value in plain.items() if not torch.equal(value, other[name])}
    assert any(name.startswith("method ") for name in differ) and any(not name.startswith("method ") for name in differ)


def results_of(job: Job, num_epochs: int | None = None) -> list[dict[str, float]]:
    results = []
    for result in job.run():
        results.append({name: value for name, value in result.metrics.items() if name != "images_per_s"})
        if result.epoch == num_epochs:
            break
    return results


def test_seeds_that_equal_the_seed_change_nothing(store: Store, teachers: Path, tmp_path: Path, tiny: str) -> None:
    usual = results_of(job_of(store, teachers, tmp_path / "a", student=tiny, seed=3, max_epochs=2))
    assert (
        results_of(
            job_of(store, teachers, tmp_path / "b", student=tiny, seed=3, order_seed=3, init_seed=3, max_epochs=2)
        )
        == usual
    )
    assert (
        results_of(job_of(store, teachers, tmp_path / "c", student=tiny, seed=3, order_seed=4, max_epochs=2)) != usual
    )
    assert results_of(job_of(store, teachers, tmp_path / "d", student=tiny, seed=3, init_seed=4, max_epochs=2)) != usual


@pytest.mark.parametrize(
    "own", [{"split_draw": 2, "order_seed": 4, "init_seed": 5}, {"num_folds": 3, "fold": 2}], ids=["draws", "folds"]
)
def test_an_interrupted_trial_on_another_split_resumes_bit_for_bit_and_tests_its_own_images(
    own: dict[str, Any], store: Store, teachers: Path, tmp_path: Path, tiny: str
) -> None:
    whole = job_of(store, teachers, tmp_path / "whole", student=tiny, max_epochs=3, **own)
    broken = replace(whole, folder=str(tmp_path / "broken"))
    results_of(broken, num_epochs=2)
    resumed = results_of(Job.from_dict(broken.as_dict()))
    assert resumed == results_of(whole) and "test_auc_defined" in resumed[-1]
    tables = [(tmp_path / name / "predictions.parquet").read_bytes() for name in ("whole", "broken")]
    assert tables[0] == tables[1]
    opened = whole.opened_store()
    assert opened.split_fingerprint != store.split_fingerprint and opened.prepared.fingerprint == store.fingerprint
    tested = pd.read_parquet(tmp_path / "whole" / "predictions.parquet").query("split == 'test'")["image"]
    assert tested.tolist() == opened.image_id[opened.rows("test")].tolist()
    assert set(tested) != set(store.image_id[store.rows("test")])


def test_the_teachers_answers_are_shared_by_all_splits(store: Store, teachers: Path, tmp_path: Path, tiny: str) -> None:
    guided = {"method": "similarity", "teacher": "imagenet", "beta": 10.0, "student": tiny, "max_epochs": 1}

    def answers(**changes: Any) -> tuple[int, int]:
        job = job_of(store, teachers, tmp_path / str(sorted(changes)), **guided, **changes)
        job = replace(job, cache=str(tmp_path / "cache"), cache_bytes=10**8)
        training = job.training(job.opened_store())
        loop.train_one_epoch(training, 1)
        assert training.guide and training.guide._cache
        return training.guide._cache.num_read, training.guide._cache.num_computed

    assert answers() == (0, len(store.rows("train")))
    other = redrawn(store, 1).rows("train")
    num_seen = len(np.intersect1d(other, store.rows("train")))
    assert 0 < num_seen < len(other)
    assert answers(split_draw=1) == (num_seen, len(other) - num_seen)


def test_rules_of_splits_and_folds() -> None:
    base = TrialConfig(dataset="retina", method="transfer")
    assert replace(base, num_folds=5).fold == 0
    refused: list[tuple[dict[str, Any], str]] = [
        ({"num_folds": 1}, r"num_folds=1, fold=0"),
        ({"num_folds": 3, "fold": 4}, r"fold <= num_folds must hold, but got num_folds=3, fold=4"),
        ({"fold": 1}, r"num_folds=0, fold=1"),
        ({"num_folds": 21}, r"0 <= num_folds <= 20 must hold"),
        ({"num_folds": 3, "fold": 1, "split_draw": 2}, r"split_draw=2 with num_folds=3"),
        ({"order_seed": -1}, r"order_seed >= 0 must hold, but got order_seed=-1"),
    ]
    for changes, message in refused:
        with pytest.raises(ValueError, match=message):
            replace(base, **changes)
    spec = TrialSpec(config=base, data_fingerprint="d", split_fingerprint="s")
    others: list[dict[str, Any]] = [
        {"order_seed": 0},
        {"init_seed": 0},
        {"split_draw": 1},
        {"num_folds": 2, "fold": 1},
        {"num_folds": 2, "fold": 2},
    ]
    keys = {replace(spec, config=replace(base, **changes)).key for changes in others}
    assert len(keys | {spec.key}) == len(others) + 1
