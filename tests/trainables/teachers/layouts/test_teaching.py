"""Each foundation model teaches a DenseNet-40 for an epoch, and the student cannot tell whether answers were kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.short_densenet import NAME, Short
from tests.trainables.teachers.layouts import originals, small_models
from tests.trainables.teachers.layouts.small_models import MODELS, written
from trainables.config import TrialConfig
from trainables.data.store import Store
from trainables.job import Job
from trainables.models.architectures import ARCHITECTURES
from trainables.teachers import shelf
from trainables.teachers.layouts.conversion import convert, published_as
from trainables.teachers.shelf import Teacher
from trainables.trial import TrialSpec

pytestmark = pytest.mark.slow
CACHE_BYTES = 10**7


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    with small_models.registered():
        yield


def imported(folder: Path, model: tuple[str, str]) -> Teacher:
    file = written(folder, model)
    result = convert(file, published_as(model[0], file))
    facts: dict[str, Any] = {"task": "", "label_names": (), "source": "drawn", "is_phantom": True, "eyes": result.eyes}
    return shelf.save(folder / "teachers", result.weights, name="big", architecture=result.architecture, **facts)


def losses(store: Store, teacher: Teacher, folder: Path, method: str, **facts: Any) -> list[dict[str, float]]:
    """Every number of one epoch, but its speed."""
    config = TrialConfig(
        dataset="retina",
        method=method,
        teacher=teacher.name,
        student="densenet40",
        init="random",
        beta=1.0,
        learning_rate=1e-3,
        max_epochs=1,
        batch_size=8,
        image_size_px=32,
        selection_metric="f1_weighted",
        average_labels="defined",
    )
    spec = TrialSpec(
        config=config, data_fingerprint="d", split_fingerprint="s", teacher_fingerprint=teacher.fingerprint
    )
    job = Job(spec=spec, store=str(store.path), teachers=str(teacher.folder.parent), folder=str(folder), **facts)
    return [{name: v for name, v in r.metrics.items() if name != "images_per_s"} for r in job.run()]


def xrayvision(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Teacher:
    """As torchxrayvision saves it, but with the few layers of `Short`."""
    monkeypatch.setitem(ARCHITECTURES, "densenet121", ARCHITECTURES[NAME])
    network = Short(18)
    network.features.conv0 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    for norm in (module for module in network.modules() if isinstance(module, nn.BatchNorm2d)):
        norm.momentum = 1.0  # statistics of one batch at its scale, without which its answers are in the thousands
    with torch.no_grad():
        network.train()(torch.rand(8, 1, 64, 64) * 2048 - 1024)
    file = folder / "chex-densenet121-d121-best.pt"
    with originals.torchxrayvision_at_hand(network.eval()) as pickled:
        torch.save(pickled, file)
    result = convert(file, published_as("torchxrayvision", file))
    assert (result.num_labels, result.eyes.image_size_px) == (11, 224)
    facts: dict[str, Any] = {"task": "multilabel", "label_names": result.published.label_names, "eyes": result.eyes}
    return shelf.save(
        folder / "teachers", result.weights, name="x", architecture=NAME, source="drawn", is_phantom=True, **facts
    )


def check(store: Store, teacher: Teacher, folder: Path, method: str) -> None:
    """Losses are finite, and the same with an empty cache, a full one and none."""
    kept: dict[str, Any] = {"cache": str(folder / "cache"), "cache_bytes": CACHE_BYTES}
    first = losses(store, teacher, folder / "first", method, **kept)
    assert list((folder / "cache").rglob("*"))
    assert len(first) == 1 and all(np.isfinite(list(first[0].values())))
    assert losses(store, teacher, folder / "again", method, **kept) == first
    assert losses(store, teacher, folder / "without", method) == first
    assert first[0]["train_transfer"] > 0


@MODELS
def test_a_foundation_model_teaches_with_and_without_a_cache(
    store: Store, tmp_path: Path, model: tuple[str, str]
) -> None:
    check(store, imported(tmp_path, model), tmp_path, "similarity")


@pytest.mark.usefixtures("short")
def test_torchxrayvision_teaches_too(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(store, xrayvision(tmp_path, monkeypatch), tmp_path, "relational")


def test_without_outputs_it_cannot_teach_by_them(store: Store, tmp_path: Path) -> None:
    teacher = imported(tmp_path, ("retfound", "retfound"))
    with pytest.raises(ValueError, match="distillation compares outputs, so teacher and student must have all classes"):
        losses(store, teacher, tmp_path / "distilled", "distillation")
