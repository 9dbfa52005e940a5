"""The timed step: what it measures, that it leaves nothing behind, and what it does where a GPU is full."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainables.small_training import config_of
from trainables import job as jobs
from trainables import loop, pace
from trainables.data.store import Store
from trainables.job import Job
from trainables.models.architectures import build
from trainables.teachers import shelf
from trainables.trial import TrialSpec


@pytest.fixture
def make_job(store: Store, short: str, tmp_path: Path) -> Any:
    teachers = tmp_path / "teachers"
    shelf.save(
        teachers,
        build(short, 3).state_dict(),
        name="wise",
        architecture=short,
        task="multilabel",
        label_names=("a", "b", "c"),
        source="drawn",
        is_phantom=True,
    )

    def make(**changes: Any) -> Job:
        config = config_of(student=short, init="random", **changes)
        spec = TrialSpec(config=config, data_fingerprint=store.fingerprint, split_fingerprint=store.split_fingerprint)
        folder = tmp_path / "sweep" / "trials" / "key"
        return Job(spec=spec, store=str(store.path), teachers=str(teachers), folder=str(folder))

    return make


GUIDED = {"method": "attention", "teacher": "wise", "beta": 10.0}


def test_a_pace_in_seconds_and_bytes(make_job: Any, store: Store, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    plain, guided = pace.measure(make_job()), pace.measure(make_job(**GUIDED), store)
    for each in (plain, guided):
        assert min(each.train_s, each.evaluate_s, each.save_s, each.start_s) > 0
    assert (plain.teach_s, plain.knowledge_bytes) == (0.0, 0)
    assert guided.teach_s > 0
    assert guided.knowledge_bytes == 2 * 32  # half precision, and 32 planes of a 32nd of the image's size: a pixel
    num_bytes = sum(tensor.nbytes for tensor in build(make_job().spec.config.student, 5).state_dict().values())
    assert plain.weights_bytes == guided.weights_bytes == num_bytes
    assert sorted(tmp_path.rglob("*")) == before


def test_the_step_is_that_of_the_trials_recipe(make_job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = {"mixup_alpha": 0.4, "crop_scale_min": 0.5, "loss": "weighted", "ema_decay": 0.9, "optimizer": "adamw"}
    seen: list[Any] = []

    def noted(training: Any, epoch: int) -> Any:
        seen.append(training)
        return loop.train_one_epoch(training, epoch)

    monkeypatch.setattr(pace, "train_one_epoch", noted)
    measured = pace.measure(make_job(**GUIDED, **recipe, warmup_epochs=2))
    assert min(measured.train_s, measured.teach_s, measured.evaluate_s, measured.save_s) > 0
    assert {name: getattr(seen[0].config, name) for name in recipe} == recipe
    assert seen[0].averaged is not None and isinstance(seen[0].optimizer, torch.optim.AdamW)


def test_the_step_is_the_loops_own_and_in_proportion_to_it(make_job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def slow_epoch(training: Any, epoch: int) -> Any:
        seen.append(len(training.store.rows("train")))
        time.sleep(0.06)
        return loop.train_one_epoch(training, epoch)

    monkeypatch.setattr(pace, "train_one_epoch", slow_epoch)
    measured = pace.measure(make_job())
    assert set(seen) == {6}  # a whole batch, at 32 px
    assert measured.train_s > 0.06 / 6


def test_a_cpu_gets_fewer_images_the_larger_they_are(make_job: Any, store: Store) -> None:
    job = make_job(batch_size=16)
    assert pace.images_to_time(job, store) == 16
    large: Any = replace(job)
    many: Any = type("Store", (), {"image_size_px": 256, "rows": lambda self, split: range(1000)})()
    assert pace.images_to_time(large, many) == 2
    many.image_size_px = 128
    assert pace.images_to_time(large, many) == 2
    many.image_size_px = 64
    assert pace.images_to_time(large, many) == 8


def test_a_full_gpu_halves_the_batch_and_gives_up_at_two(make_job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def full(room: int) -> Any:
        def timed(job: Job, store: Store, num_images: int) -> int:
            tried.append(num_images)
            if num_images > room:
                raise torch.OutOfMemoryError
            return num_images

        return timed

    monkeypatch.setattr(pace, "time_step", full(3))
    assert pace.measure(make_job()) == 3  # type: ignore[comparison-overlap]
    monkeypatch.setattr(pace, "time_step", full(0))
    with pytest.raises(torch.OutOfMemoryError):
        pace.measure(make_job())
    assert tried == [6, 3, 6, 3, 2]
    assert jobs.MIN_MICRO_BATCH_SIZE == 2
