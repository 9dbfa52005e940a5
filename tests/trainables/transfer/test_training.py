"""Each method through a whole trial: a job on phantom images, with the cache, interrupted or not."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.ops import StochasticDepth

from platform.phantoms.chest_writers import write_mimic_cxr
from platform.phantoms.writers import write_retina
from tests.tiny_network import NAME, Tiny
from trainables import checkpoint
from trainables.config import TrialConfig
from trainables.data.readers import mimic_cxr, retina
from trainables.data.store import Store
from trainables.data.store_making import prepare
from trainables.job import Job
from trainables.models.architectures import ARCHITECTURES, build
from trainables.teachers import shelf
from trainables.teachers.imagenet import name_of
from trainables.training import EpochResult
from trainables.transfer import METHODS
from trainables.transfer.method import needs_shared_labels
from trainables.trial import TrialSpec

pytestmark = pytest.mark.slow

OWN = sorted(METHODS)
SIZE_PX = 64  # maps of 2 x 2: of a single position every map of unit length is the same


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Store]:
    """16 photographs and 24 X-rays to train on."""
    folder = tmp_path_factory.mktemp("data")
    eyes = write_retina(folder / "retina", num_patients=14, image_size_px=SIZE_PX, seed=1, progress=False)
    chests = write_mimic_cxr(folder / "mimic-cxr", num_images=30, image_size_px=SIZE_PX, seed=0, progress=False)
    how: dict[str, Any] = {"image_size_px": SIZE_PX, "salt": b"salt", "num_threads": 1, "progress": False}
    return {
        "retina": prepare(retina.read(eyes), folder / "eyes.arrow", **how),
        "mimic-cxr": prepare(mimic_cxr.read(chests), folder / "chests.arrow", **how),
    }


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory, stores: dict[str, Store], tiny: str) -> Path:
    """`imagenet`, which shares no label with any target, and `chest`, which has the X-rays' in another order."""
    folder = tmp_path_factory.mktemp("teachers")
    labels = {
        "imagenet": ("multiclass", ("tench", "goldfish")),
        "chest": ("multilabel", stores["mimic-cxr"].label_names[::-1]),
    }
    for seed, (name, (task, label_names)) in enumerate(labels.items()):
        torch.manual_seed(seed)
        facts: dict[str, Any] = {"name": name, "task": task, "label_names": label_names, "source": "drawn"}
        weights = build(tiny, len(label_names)).state_dict()
        shelf.save(folder, weights, architecture=tiny, is_phantom=True, **facts)
    return folder


def job_of(method: str, stores: dict[str, Store], teachers: Path, folder: Path, **changes: Any) -> Job:
    """A trial where the method can be used: photographs, or X-rays where labels must be shared."""
    compares_outputs = method in METHODS and needs_shared_labels(METHODS[method])
    dataset, teacher = ("mimic-cxr", "chest") if compares_outputs else ("retina", "imagenet")
    of_method: dict[str, Any] = {"student": NAME, "init": "random", "max_epochs": 1}
    if method in METHODS:
        knobs = tuple(sorted((name, knob.first) for name, knob in METHODS[method].knobs.items()))
        of_method |= {"teacher": teacher, "beta": METHODS[method].beta.first, "knobs": knobs}
    config = TrialConfig(
        dataset=dataset,
        method=method,
        learning_rate=1e-3,
        batch_size=8,
        image_size_px=SIZE_PX,
        average_labels="defined",
        selection_metric="auc" if compares_outputs else "f1_weighted",
        **{**of_method, **changes},
    )
    spec = TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s")
    return Job(
        spec=spec,
        store=str(stores[dataset].path),
        teachers=str(teachers),
        folder=str(folder / "trial"),
        cache=str(folder / "cache"),
        cache_bytes=10**8,
    )


def numbers(results: list[EpochResult], but: tuple[str, ...] = ("images_per_s",)) -> list[EpochResult]:
    return [replace(r, metrics={k: v for k, v in r.metrics.items() if k not in but}) for r in results]


@pytest.mark.parametrize("method", OWN)
def test_every_method_trains_an_epoch_and_once_more_from_the_cache(
    method: str, stores: dict[str, Store], teachers: Path, tmp_path: Path
) -> None:
    job = job_of(method, stores, teachers, tmp_path)
    (result,) = results = list(job.run())
    assert result.last and all(math.isfinite(value) for value in result.metrics.values())
    assert (result.metrics["train_transfer"] == 0) == (method == "attention-silent")
    beta = job.spec.config.beta
    assert beta is not None
    planes = dict.fromkeys(METHODS[method].student_roles, (1, 1))
    of_ce, of_transfer = METHODS[method]("multilabel", planes).weights(0.0)
    parts = of_ce * result.metrics["train_ce"] + of_transfer * result.metrics["train_transfer"] / beta
    assert result.metrics["train_loss"] == pytest.approx(parts, rel=1e-5)  # Eq. 2
    assert list((tmp_path / "cache").glob("*/epoch-00001.knowledge"))
    again = list(replace(job, folder=str(tmp_path / "again")).run())
    bare = list(replace(job, folder=str(tmp_path / "bare"), cache_bytes=0).run())
    assert numbers(results) == numbers(again) == numbers(bare)


def before_the_last(folder: Path) -> Any:
    """The state after the last epoch but one: after the last, no weights are kept but the best student's."""
    payload = sorted(folder.glob("epoch-*.ckpt"))[-2].read_bytes().partition(b"\n")[2]
    return torch.load(io.BytesIO(payload), weights_only=True)


@pytest.mark.parametrize("method", ["hints", "attention+distillation", "embedding-queue-spatial", "crd"])
def test_an_interrupted_trial_ends_as_the_undisturbed_one(
    method: str, stores: dict[str, Store], teachers: Path, tmp_path: Path
) -> None:
    job = job_of(method, stores, teachers, tmp_path, max_epochs=3)
    results = list(job.run())
    other = replace(job, folder=str(tmp_path / "other"))
    epochs = other.run()
    next(epochs)
    epochs.close()
    assert numbers(list(other.run())) == numbers(results)
    own, same = (before_the_last(Path(each.folder))["method"] for each in (job, other))
    assert own.keys() == same.keys() and all(torch.equal(own[name], same[name]) for name in own)
    assert bool(own) == (method != "attention+distillation")


def test_in_stages_the_classifier_learns_in_the_second_and_the_regressor_in_the_first(
    stores: dict[str, Store], teachers: Path, tmp_path: Path
) -> None:
    knobs = (("first_stage", 0.5),)
    job = job_of("hints-in-stages", stores, teachers, tmp_path, max_epochs=4, init="random", knobs=knobs)
    classifiers, regressors, losses = [], [], []
    for result in job.run():
        if not result.last:  # then no weights are kept but the best student's
            state, _ = checkpoint.load_state(tmp_path / "trial") or ({}, {})
            classifiers.append(state["student"]["classifier.weight"])
            regressors.append(state["method"]["regressor.weight"])
        losses.append((result.metrics["train_loss"], result.metrics["train_ce"], result.metrics["train_transfer"]))
    assert torch.equal(classifiers[0], classifiers[1]) and not torch.equal(classifiers[1], classifiers[2])
    assert not torch.equal(regressors[0], regressors[1])
    beta = METHODS["hints-in-stages"].beta.first
    assert [loss for loss, _, _ in losses[:2]] == pytest.approx([transfer / beta for _, _, transfer in losses[:2]])
    assert [loss for loss, _, _ in losses[2:]] == pytest.approx([ce for _, ce, _ in losses[2:]])


def test_with_beta_at_infinity_it_is_plain_transfer_learning(
    stores: dict[str, Store], teachers: Path, tmp_path: Path
) -> None:
    silent, plain = (
        list(job_of(method, stores, teachers, tmp_path / method, max_epochs=2).run())
        for method in ("attention-silent", "transfer")
    )
    assert numbers(silent) == numbers(plain)


def test_a_teacher_whose_labels_are_mended_is_asked_anew(
    stores: dict[str, Store], teachers: Path, tmp_path: Path
) -> None:
    # The same weights and so the same fingerprint, but other names: its columns are other labels'.
    job = job_of("compression", stores, teachers, tmp_path)
    wrong = shelf.load(teachers, "chest")
    facts = {**vars(wrong), "label_names": wrong.label_names[::-1]}
    mended = shelf.save(
        tmp_path / "mended",
        wrong.state_dict(),
        **{k: v for k, v in facts.items() if k not in ("folder", "fingerprint")},
    )
    imagenet = shelf.load(teachers, "imagenet")
    (mended.folder.parent / "imagenet").symlink_to(imagenet.folder)
    assert mended.fingerprint == wrong.fingerprint
    before = list(job.run())
    other = replace(job, teachers=str(mended.folder.parent), folder=str(tmp_path / "other"))
    cached = list(other.run())
    assert numbers(cached) == numbers(list(replace(other, folder=str(tmp_path / "bare"), cache_bytes=0).run()))
    assert numbers(cached) != numbers(before)


def test_an_ensemble_teaches_and_its_mean_is_cached(stores: dict[str, Store], teachers: Path, tmp_path: Path) -> None:
    # Two that contradict each other in all but the bias have the bias for a mean: together they teach what a third
    # does that knows the bias alone.
    chest = shelf.load(teachers, "chest")
    facts = {key: value for key, value in vars(chest).items() if key not in ("folder", "fingerprint", "name")}
    for name, factor in (("sure", 500), ("opposite", -500), ("plain", 0)):
        weights = chest.state_dict()
        bias = torch.linspace(-2, 2, len(chest.label_names))  # drawn weights have none
        head = {"classifier.weight": factor * weights["classifier.weight"], "classifier.bias": bias}
        shelf.save(teachers, {**weights, **head}, name=name, **facts)
    job = job_of("compression", stores, teachers, tmp_path, teacher="opposite+sure")
    results = list(job.run())
    assert numbers(list(replace(job, folder=str(tmp_path / "again")).run())) == numbers(results)

    def losses(teacher: str) -> list[float]:
        (result,) = job_of("compression", stores, teachers, tmp_path / teacher, teacher=teacher).run()
        return [result.metrics[f"train_{name}"] for name in ("loss", "ce", "transfer")]

    together = [results[0].metrics[f"train_{name}"] for name in ("loss", "ce", "transfer")]
    assert together == pytest.approx(losses("plain"), rel=1e-4)
    for alone in ("sure", "opposite"):
        assert losses(alone)[2] > 2 * together[2]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory, tiny: str, short: str) -> Path:
    """The first weights of several students, which teach too; of DenseNet-121 they are called `imagenet` alone."""
    folder = tmp_path_factory.mktemp("mixed")
    torch.manual_seed(0)
    for architecture in ("densenet121", "resnet18", tiny, short):
        facts: dict[str, Any] = {"task": "multiclass", "label_names": ("tench", "goldfish"), "source": "drawn"}
        weights = build(architecture, 2).state_dict()
        shelf.save(folder, weights, name=name_of(architecture), architecture=architecture, is_phantom=True, **facts)
    return folder


@pytest.mark.parametrize(
    ("method", "student", "teacher"),
    [
        ("attention-squares", NAME, "imagenet-short"),
        ("similarity", NAME, "imagenet-short"),
        ("hints", NAME, "imagenet-short"),
        ("flow", "resnet18", "imagenet-short"),  # as many planes in both of its layers
        ("attention", NAME, "imagenet-tiny"),  # Eq. 1, where the planes are as many
        ("hints", "densenet40", "imagenet-tiny"),
    ],
)
def test_another_network_learns_or_teaches(
    method: str, student: str, teacher: str, stores: dict[str, Store], mixed: Path, tmp_path: Path
) -> None:
    job = job_of(method, stores, mixed, tmp_path, student=student, teacher=teacher, init="imagenet")
    (result,) = results = list(job.run())
    assert result.last and all(math.isfinite(value) for value in result.metrics.values())
    assert result.metrics["train_transfer"] > 0
    again = list(replace(job, folder=str(tmp_path / "again")).run())
    assert numbers(results) == numbers(again)  # the second from the cache


def test_a_student_begins_with_the_weights_of_its_own_architecture(
    stores: dict[str, Store], mixed: Path, tmp_path: Path
) -> None:
    job = job_of("transfer", stores, mixed, tmp_path, student="resnet18", init="imagenet")
    student = job.training(job.opened_store()).student.state_dict()
    own = shelf.load(mixed, "imagenet-resnet18").state_dict()
    assert all(torch.equal(student[name], own[name]) for name in own if not name.startswith("fc."))
    assert student["fc.weight"].shape == (5, 512)


class Dropping(Tiny):
    """Drops what EfficientNet and ConvNeXt drop in training: single values, and all of an image's."""

    def __init__(self, num_labels: int) -> None:
        super().__init__(num_labels)
        self.features.add_module("dropping", nn.Sequential(nn.Dropout(), StochasticDepth(0.5, "row")))


@pytest.mark.usefixtures("tiny")
def test_what_dropout_draws_is_the_same_after_an_interruption(
    stores: dict[str, Store], teachers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ARCHITECTURES, "dropping", replace(ARCHITECTURES[NAME], make=Dropping))
    job = job_of("transfer", stores, teachers, tmp_path, student="dropping", max_epochs=2)
    results = list(job.run())
    other = replace(job, folder=str(tmp_path / "other"))
    epochs = other.run()
    next(epochs)
    epochs.close()
    torch.manual_seed(99)  # another process's generator
    assert numbers(list(other.run())) == numbers(results)
