"""A transformer teaches a CNN, and a CNN a transformer: maps of other sizes and planes, through a whole trial.

The transformer has its own eyes: of a view of 64 px it makes a grid of 14 x 14, where the CNN's last map is 2 x 2.
"""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from platform.phantoms.writers import write_retina
from tests.tiny_network import NAME as CNN
from tests.trainables.small_training import config_of, numbers, prepared
from trainables.data.store import Store
from trainables.job import Job
from trainables.models.architectures import build
from trainables.models.eyes import Eyes
from trainables.teachers import shelf
from trainables.transfer import METHODS
from trainables.trial import TrialSpec

pytestmark = pytest.mark.slow

VIT = "vit_tiny_patch16_224"
EYES = {VIT: Eyes(image_size_px=224, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)), CNN: Eyes()}
OF_MAPS = ("attention-projected", "attention-squares", "cka", "hints", "vid")
OF_OUTPUTS = ("dist", "standardised-distillation")
TAUGHT = [
    *((method, CNN, VIT) for method in (*OF_MAPS, *OF_OUTPUTS)),
    *((method, VIT, CNN) for method in OF_MAPS),
]


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("photographs") / "retina"
    return prepared(write_retina(folder, num_patients=7, image_size_px=64, seed=1, progress=False), 64)


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory, photographs: Store, tiny: str) -> Path:
    """A folder with a transformer and a CNN of the photographs' classes, each known by its network's name."""
    folder = tmp_path_factory.mktemp("teachers")
    facts: dict[str, Any] = {"task": photographs.task, "label_names": photographs.label_names, "source": "drawn"}
    for seed, name in enumerate((VIT, tiny), 98):  # not the seed that draws a student
        torch.manual_seed(seed)
        weights = build(name, len(photographs.label_names)).state_dict()
        shelf.save(folder, weights, name=name, architecture=name, eyes=EYES[name], is_phantom=True, **facts)
    return folder


def job_of(method: str, student: str, teacher: str, store: Store, teachers: Path, folder: Path) -> Job:
    kind = METHODS[method]
    config = config_of(
        **{"method": method, "student": student, "teacher": teacher, "init": "random", "beta": kind.beta.first},
        **{"knobs": tuple(sorted((name, knob.first) for name, knob in kind.knobs.items()))},
        **{"image_size_px": 64, "max_epochs": 2},
    )
    return Job(
        spec=TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s"),
        store=str(store.path),
        teachers=str(teachers),
        folder=str(folder / "trial"),
        cache=str(folder / "cache"),
        cache_bytes=10**9,
    )


def after_the_first_epoch(job: Job) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """The weights of the student and of the method's own layers."""
    (path,) = Path(job.folder).glob("epoch-00001-*.ckpt")
    state = torch.load(io.BytesIO(path.read_bytes().partition(b"\n")[2]), weights_only=True)
    return state["student"], state["method"]


@pytest.mark.parametrize(("method", "student", "teacher"), TAUGHT)
def test_it_is_taught_with_and_without_a_cache_and_interrupted_to_the_same_end(
    method: str, student: str, teacher: str, photographs: Store, teachers: Path, tmp_path: Path
) -> None:
    job = job_of(method, student, teacher, photographs, teachers, tmp_path)
    results = list(job.run())
    assert all(math.isfinite(value) for epoch in numbers(results) for value in epoch.values())
    assert all(epoch["train_transfer"] != 0 for epoch in numbers(results))
    assert numbers(list(replace(job, folder=str(tmp_path / "again")).run())) == numbers(results)  # from the cache

    interrupted = replace(job, folder=str(tmp_path / "interrupted"), cache_bytes=0)
    epochs = interrupted.run()
    next(epochs)
    epochs.close()
    (student_state, own), (student_again, own_again) = map(after_the_first_epoch, (job, interrupted))
    assert bool(own) == (method in ("attention-projected", "hints", "vid"))
    for state, again in ((student_state, student_again), (own, own_again)):
        assert state.keys() == again.keys() and all(torch.equal(state[name], again[name]) for name in state)
    assert numbers(list(interrupted.run())) == numbers(results)


@pytest.mark.parametrize("method", OF_MAPS)
def test_a_method_moves_the_student_that_it_teaches(
    method: str, photographs: Store, teachers: Path, tmp_path: Path
) -> None:
    job = job_of(method, CNN, VIT, photographs, teachers, tmp_path)
    weak = replace(job.spec, config=replace(job.spec.config, beta=1e12))
    ends = []
    for spec, name in ((job.spec, "taught"), (weak, "alone")):
        trial = replace(job, spec=spec, folder=str(tmp_path / name))
        epochs = trial.run()
        next(epochs)
        epochs.close()
        ends.append(after_the_first_epoch(trial)[0])
    assert not torch.equal(ends[0]["features.shallow.0.weight"], ends[1]["features.shallow.0.weight"])
