"""A GPU that is too small for a batch, played by a student that refuses large ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from platform.phantoms.writers import write_retina
from tests.tiny_network import NAME, Tiny
from trainables import checkpoint
from trainables.config import TrialConfig
from trainables.data.readers import retina
from trainables.data.store import Store
from trainables.data.store_making import prepare
from trainables.job import GpuFullError, Job
from trainables.loop import train
from trainables.models.architectures import build
from trainables.training import EpochResult, Training
from trainables.trial import TrialSpec


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """16 training, 6 validation and 6 test photographs of 32 px."""
    folder = tmp_path_factory.mktemp("retina")
    root = write_retina(folder / "retina", num_patients=14, image_size_px=32, seed=1, progress=False)
    out = folder / "s.arrow"
    return prepare(retina.read(root), out, image_size_px=32, salt=b"salt", num_threads=1, progress=False)


pytestmark = pytest.mark.usefixtures("tiny")

CONFIG = TrialConfig(
    dataset="retina",
    method="transfer",
    student=NAME,
    init="random",
    learning_rate=1e-3,
    max_epochs=2,
    batch_size=8,
    image_size_px=32,
    selection_metric="f1_weighted",
)


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many training images fit, and from which training step on; a larger batch is out of memory."""
    limits, forward = {"num_images": 10**6, "from_step": 0, "step": 0}, Tiny.forward

    def checked(self: Tiny, images_BCHW: Tensor) -> Tensor:
        limits["step"] += self.training
        if self.training and len(images_BCHW) > limits["num_images"] and limits["step"] > limits["from_step"]:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, images_BCHW)

    monkeypatch.setattr(Tiny, "forward", checked)
    return limits


def job(store: Store, folder: Path) -> Job:
    spec = TrialSpec(config=CONFIG, data_fingerprint=store.fingerprint, split_fingerprint="s")
    return Job(spec=spec, store=str(store.path), teachers="", folder=str(folder))


def numbers(results: list[EpochResult]) -> list[EpochResult]:
    return [replace(r, metrics={k: v for k, v in r.metrics.items() if k != "images_per_s"}) for r in results]


@pytest.mark.slow
def test_the_batch_is_halved_until_it_fits_and_the_trial_says_so(
    store: Store, tmp_path: Path, room: dict[str, int]
) -> None:
    room["num_images"] = 3
    results = list(job(store, tmp_path).run())
    assert [(r.epoch, r.metrics["micro_batch_size"]) for r in results] == [(1, 2.0), (2, 2.0)]
    again = list(job(store, tmp_path / "again").run())
    assert numbers(again) == numbers(results)


def test_the_trial_goes_on_from_its_last_checkpoint_and_reports_no_epoch_twice(
    store: Store, tmp_path: Path, room: dict[str, int]
) -> None:
    whole = numbers(list(job(store, tmp_path / "whole").run()))
    room.update(num_images=4, from_step=room["step"] + 3)  # in the second epoch of two batches
    results = numbers(list(job(store, tmp_path / "tight").run()))
    assert [r.epoch for r in results] == [1, 2]
    assert results[0] == whole[0]
    assert [r.metrics.get("micro_batch_size") for r in results] == [None, 4.0]


def test_a_new_process_keeps_the_smaller_parts(store: Store, tmp_path: Path, room: dict[str, int]) -> None:
    room["num_images"] = 4
    epochs = job(store, tmp_path).run()
    next(epochs)
    epochs.close()
    room["num_images"] = 10**6  # whoever took the rest has gone
    assert [r.metrics["micro_batch_size"] for r in job(store, tmp_path).run()] == [4.0, 4.0]
    state, _ = checkpoint.load_state(tmp_path) or ({}, {})
    assert state["micro_batch_size"] == 4


def test_not_even_two_images_fit(store: Store, tmp_path: Path, room: dict[str, int]) -> None:
    room["num_images"] = 1
    with pytest.raises(GpuFullError, match=r"room for 2 images at once.*transfer/none/tiny/all.*--image-size"):
        list(job(store, tmp_path).run())


def test_a_trial_for_which_nothing_fits_ends_with_the_reason(
    store: Store, tmp_path: Path, room: dict[str, int]
) -> None:
    pytest.importorskip("ray", reason="the trial is Ray's")
    from trainables.student import StudentTrial

    room["num_images"] = 1
    trial = StudentTrial.__new__(StudentTrial)
    trial.setup({"job": job(store, tmp_path).as_dict()})
    result = trial.step()
    assert result["done"] and "best_score" not in result
    assert result["error"].startswith(
        "the GPU must have room for 2 images at once, but does not, in transfer/none/tiny"
    )


@pytest.mark.parametrize(
    "recipe",
    [{}, {"mixup_alpha": 0.4, "loss": "weighted", "label_smoothing": 0.1, "crop_scale_min": 0.5}],
    ids=["the paper's", "mixed and weighted"],
)
def test_without_batch_norm_the_parts_make_the_same_step(store: Store, recipe: dict[str, Any]) -> None:
    def drawn() -> torch.nn.Module:
        torch.manual_seed(0)
        student = build(NAME, 5)
        for module in student.modules():  # a batch norm in evaluation does the same to every part
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()
                module.train = lambda mode=True: None  # type: ignore[method-assign, assignment, return-value]
        return student

    def steps(micro_batch_size: int | None) -> dict[str, Tensor]:
        student = drawn()
        training = Training(
            config=replace(CONFIG, max_epochs=1, learning_rate=0.01, **recipe),
            store=store,
            student=student,
            guide=None,
            device=torch.device("cpu"),
            micro_batch_size=micro_batch_size,
        )
        training.optimizer = torch.optim.SGD(student.parameters(), lr=1.0)  # the loop sets the configured one
        list(train(training))
        before = drawn().state_dict()
        return {name: tensor - before[name] for name, tensor in student.state_dict().items()}

    whole, parts = steps(None), steps(4)
    length = sum(float(step.square().sum()) for step in whole.values()) ** 0.5
    apart = sum(float((parts[name] - step).square().sum()) for name, step in whole.items()) ** 0.5
    assert length > 1e-3
    assert apart < 1e-3 * length
