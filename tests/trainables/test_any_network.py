"""Networks of timm's in training: each learns, transformers teach convolutions and the other way round."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from platform.phantoms.writers import write_retina
from tests.timm_names import NETWORKS
from tests.trainables.small_training import make, numbers, prepared
from trainables.config import TrialConfig
from trainables.data.store import Store
from trainables.job import Job
from trainables.loop import train_one_epoch
from trainables.models.architectures import build
from trainables.models.eyes import Eyes
from trainables.teachers import shelf
from trainables.transfer import METHODS
from trainables.trial import TrialSpec

pytestmark = pytest.mark.slow

VIT, SWIN, CNN = "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224", "resnet18"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    root = write_retina(
        tmp_path_factory.mktemp("data") / "retina", num_patients=6, image_size_px=64, seed=1, progress=False
    )
    return prepared(root, 64)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_of_timms_learns(name: str, store: Store) -> None:
    torch.manual_seed(0)
    student = build(name, 5)
    before = {key: tensor.clone() for key, tensor in student.named_parameters()}
    losses, num_images = train_one_epoch(make(store, student, student=name, batch_size=4), 1)
    assert num_images == len(store.rows("train")) and 0 < losses["loss"] < 20
    # A bias before a norm has no gradient but rounding, and Adam makes a step of that as well.
    unchanged = [key for key, weight in student.named_parameters() if torch.equal(weight, before[key])]
    assert unchanged == []


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory, store: Store, short: str) -> Path:
    """One of each kind, which have the target's classes; the ViT sees 96 px in its makers' units."""
    folder = tmp_path_factory.mktemp("teachers")
    facts: dict[str, Any] = {"task": store.task, "label_names": store.label_names, "source": "drawn"}
    for seed, (name, architecture) in enumerate({"vit": VIT, "swin": SWIN, "cnn": CNN, "dense": short}.items()):
        torch.manual_seed(seed)
        eyes = Eyes(image_size_px=96, mean=(0.5,) * 3, std=(0.5,) * 3) if name == "vit" else None
        weights = build(architecture, len(store.label_names)).state_dict()
        shelf.save(folder, weights, name=name, architecture=architecture, eyes=eyes, is_phantom=True, **facts)
    return folder


def job_of(method: str, teacher: str, student: str, store: Store, teachers: Path, folder: Path) -> Job:
    kind = METHODS[method]
    config = TrialConfig(
        dataset="retina",
        method=method,
        teacher=teacher,
        student=student,
        init="random",
        beta=kind.beta.first,
        knobs=tuple(sorted((name, knob.first) for name, knob in kind.knobs.items())),
        learning_rate=1e-3,
        max_epochs=1,
        batch_size=4,
        image_size_px=64,
        selection_metric="accuracy",
        average_labels="defined",
    )
    spec = TrialSpec(
        config=config,
        data_fingerprint=store.fingerprint,
        split_fingerprint=store.split_fingerprint,
        teacher_fingerprint=shelf.load(teachers, teacher).fingerprint,
    )
    return Job(
        spec=spec,
        store=str(store.path),
        teachers=str(teachers),
        folder=str(folder / "trial"),
        cache=str(folder / "cache"),
        cache_bytes=10**9,
    )


@pytest.mark.parametrize(
    ("method", "teacher", "student"),
    [
        ("distillation", "vit", "densenet40"),
        ("distillation", "swin", CNN),
        ("distillation", "dense", SWIN),
        *((method, "vit", CNN) for method in ("similarity", "attention-squares", "hints")),
        *((method, "cnn", VIT) for method in ("distillation", "similarity", "attention-squares", "hints")),
    ],
)
def test_a_transformer_teaches_a_convolution_and_the_other_way_round(
    method: str, teacher: str, student: str, store: Store, teachers: Path, tmp_path: Path
) -> None:
    job = job_of(method, teacher, student, store, teachers, tmp_path)
    cached = list(job.run())
    again = list(replace(job, folder=str(tmp_path / "again")).run())
    bare = list(replace(job, folder=str(tmp_path / "bare"), cache_bytes=0).run())
    assert list((tmp_path / "cache").glob("*/epoch-00001.knowledge"))
    assert numbers(cached) == numbers(again) == numbers(bare)
    assert cached[0].metrics["train_transfer"] > 0


def test_eyes_keep_caches_apart(store: Store, teachers: Path, tmp_path: Path) -> None:
    job = job_of("similarity", "vit", CNN, store, teachers, tmp_path)
    first = numbers(list(job.run()))
    vit = shelf.load(teachers, "vit")
    facts = {name: getattr(vit, name) for name in ("task", "label_names", "source", "is_phantom")}
    eyes = replace(vit.eyes, image_size_px=64)
    other = shelf.save(tmp_path / "other", vit.state_dict(), name="vit", architecture=VIT, eyes=eyes, **facts)
    spec = replace(job.spec, teacher_fingerprint=other.fingerprint)
    moved = replace(job, spec=spec, teachers=str(tmp_path / "other"), folder=str(tmp_path / "moved"))
    assert numbers(list(moved.run()))[0]["train_transfer"] != first[0]["train_transfer"]
    assert len(list((tmp_path / "cache").glob("*/shape.json"))) == 2
