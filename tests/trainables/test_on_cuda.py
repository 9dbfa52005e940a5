"""What a GPU computes against a CPU and against itself; without a CUDA card all of it is skipped, and says so."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from platform.phantoms.writers import write_retina
from tests.trainables.small_training import CPU, make, numbers, prepared
from trainables.data import augment, resident
from trainables.data.normalising import IMAGENET_STD
from trainables.data.store import Store
from trainables.job import Job
from trainables.loop import train
from trainables.models.architectures import build
from trainables.recipe_views import ViewRecipe
from trainables.teachers import shelf
from trainables.teachers.guide import Guide
from trainables.teachers.shelf import Teacher
from trainables.training import EpochResult, Training, resume, state_of
from trainables.trial import TrialSpec

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a CUDA card, and PyTorch sees none on this machine"
)

CARD = torch.device("cuda")
LOSS_RTOL = 2e-3  # of an epoch's losses: on a CPU, weights changed by 1e-7 take those of three epochs 3e-4 apart
GREY_LEVELS = 1 / (255 * torch.tensor(IMAGENET_STD))[:, None, None]  # one, in normalised views, by plane
ATTENTION: dict[str, Any] = {"method": "attention", "teacher": "t", "beta": 2.0}


@pytest.fixture(autouse=True)
def nothing_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other test's images lie on the card."""
    monkeypatch.setattr(resident, "held", {})


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, tiny: str) -> Teacher:
    torch.manual_seed(99)
    facts: dict[str, Any] = {"task": "multiclass", "label_names": ("a", "b", "c"), "source": "drawn"}
    weights, folder = build(tiny, 3).state_dict(), tmp_path_factory.mktemp("teachers")
    return shelf.save(folder, weights, name="t", architecture=tiny, is_phantom=True, **facts)


def fresh(store: Store, teacher: Teacher, method: str, device: torch.device) -> Training:
    """A training of the tiny network before its first epoch: the same weights on any device."""
    torch.manual_seed(0)
    student, name = build(teacher.architecture, 5), teacher.architecture
    guide = Guide("attention", name, teacher, device) if method == "attention" else None
    return make(store, student, guide, device=device, batch_size=8, **(ATTENTION if guide else {}))


@pytest.mark.parametrize("method", ["transfer", "attention"])
def test_an_epochs_losses_are_those_of_a_cpu(store: Store, teacher: Teacher, method: str) -> None:
    names = ("train_loss", "train_ce", "train_transfer", "val_loss")
    ours, theirs = (
        np.array([[result.metrics[name] for name in names] for result in train(fresh(store, teacher, method, device))])
        for device in (CARD, CPU)
    )
    np.testing.assert_allclose(ours, theirs, rtol=LOSS_RTOL)
    changed = np.abs(theirs[-1, 0] / theirs[0, 0] - 1)
    assert changed > 5 * LOSS_RTOL, "the losses must move by more than the tolerance, or nothing was compared"
    assert (theirs[:, 2] > 0).all() == (method == "attention")


@pytest.mark.parametrize("method", ["transfer", "attention"])
def test_a_resumed_training_has_the_numbers_of_the_undisturbed_one(store: Store, teacher: Teacher, method: str) -> None:
    undisturbed = list(train(fresh(store, teacher, method, CARD)))
    stopped = fresh(store, teacher, method, CARD)
    next(train(stopped))
    buffer = io.BytesIO()
    torch.save(state_of(stopped), buffer)
    buffer.seek(0)
    resumed = fresh(store, teacher, method, CARD)
    resume(resumed, torch.load(buffer, map_location=CPU, weights_only=False), dict(stopped.best_weights))
    assert numbers(list(train(resumed))) == numbers(undisturbed)


@pytest.mark.parametrize("planes", [1, 3])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("more", [{}, {"crop_scale_min": 0.5, "brightness": 0.2, "contrast": 0.2}])
def test_views_are_those_of_a_cpu_within_a_grey_level(planes: int, interpolation: str, more: dict[str, Any]) -> None:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(16, planes, 4, 4, generator=generator) * 255
    fine = torch.nn.functional.interpolate(coarse, size=(64, 64), mode="bicubic", align_corners=True).clamp(0, 255)
    images, rows = fine.to(torch.uint8).permute(0, 2, 3, 1).contiguous(), np.arange(16)
    recipe = ViewRecipe(interpolation=interpolation, **more)
    ours, theirs = (
        augment.training_views(images.to(device), rows, recipe, seed=3, epoch=5).cpu() for device in (CARD, CPU)
    )
    levels = (ours - theirs).abs() / GREY_LEVELS
    factor = 1.5 if more else 1  # contrast and brightness stretch a level
    # Bilinear borders differ by design: the card fades them to black. A nearest pixel may be rounded either way.
    assert (levels <= 1.01 * factor).float().mean() > (0.93 if interpolation == "bilinear" else 0.99)


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """16 training photographs of 128 px, whose activations fill some of a card."""
    folder = tmp_path_factory.mktemp("larger") / "retina"
    return prepared(write_retina(folder, num_patients=14, image_size_px=128, seed=1, progress=False), 128)


def epochs(store: Store, folder: Path, student: str) -> list[EpochResult]:
    config = make(store, image_size_px=128, max_epochs=2, batch_size=16, student=student, init="random").config
    spec = TrialSpec(config=config, data_fingerprint=store.fingerprint, split_fingerprint="s")
    return list(Job(spec=spec, store=str(store.path), teachers="", folder=str(folder)).run())


def test_a_batch_for_which_the_card_is_too_small_is_halved(larger: Store, short: str, tmp_path: Path) -> None:
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    whole = epochs(larger, tmp_path / "whole", short)
    assert "micro_batch_size" not in whole[-1].metrics
    peak, total = torch.cuda.max_memory_allocated(), torch.cuda.get_device_properties(CARD).total_memory
    torch.cuda.empty_cache()
    try:
        torch.cuda.set_per_process_memory_fraction((before + 0.7 * (peak - before)) / total)
        parts = epochs(larger, tmp_path / "parts", short)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert [result.epoch for result in parts] == [1, 2]
    assert 2 <= parts[-1].metrics["micro_batch_size"] <= 8
    assert np.isfinite([result.metrics["train_loss"] for result in parts]).all()
