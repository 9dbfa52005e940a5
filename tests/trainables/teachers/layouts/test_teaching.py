"""Each foundation model teaches a DenseNet-40 for an epoch, and the student cannot tell whether answers were kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainables.teachers.layouts import small_models
from tests.trainables.teachers.layouts.small_models import MODELS, written
from trainables.config import TrialConfig
from trainables.data.store import Store
from trainables.job import Job
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
    spec = TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s", teacher_fingerprint=teacher.fingerprint)
    job = Job(spec=spec, store=str(store.path), teachers=str(teacher.folder.parent), folder=str(folder), **facts)
    return [{name: v for name, v in r.metrics.items() if name != "images_per_s"} for r in job.run()]


@MODELS
@pytest.mark.parametrize("method", ["similarity", "relational"])
def test_a_foundation_model_teaches_with_and_without_a_cache(
    store: Store, tmp_path: Path, model: tuple[str, str], method: str
) -> None:
    teacher = imported(tmp_path, model)
    kept: dict[str, Any] = {"cache": str(tmp_path / "cache"), "cache_bytes": CACHE_BYTES}
    first = losses(store, teacher, tmp_path / "first", method, **kept)
    assert list((tmp_path / "cache").rglob("*"))
    assert len(first) == 1 and all(np.isfinite(list(first[0].values())))
    assert losses(store, teacher, tmp_path / "again", method, **kept) == first
    assert losses(store, teacher, tmp_path / "without", method) == first
    transfers = [value for name, value in first[0].items() if name.startswith("train_") and name != "train_ce"]
    assert any(value > 0 for value in transfers)
