"""The verb `pretrain --from`: a network without outputs gets some, by its front door, and then teaches."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import platform.phantoms.sets
import platform.pretrain
from analysis.reading.mlflow_frames import run_frame
from platform.command_line.training_requests import PretrainRequest
from platform.sources.places import Places
from platform.sweeping.conduct_pretraining import base_of, prepare_pretraining
from tests import forking
from tests.trainables.teachers.layouts import small_models
from tests.typed import typed
from trainables.config import TrialConfig
from trainables.data.store import Store
from trainables.job import Job
from trainables.models.architectures import build, known
from trainables.models.eyes import Eyes
from trainables.teachers import imagenet, shelf
from trainables.teachers.shelf import Teacher
from trainables.trial import TrialSpec

VIT = "vit_tiny_patch16_224"
EYES = Eyes(mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))
SIZE = ("--image-size", "32", "--average-labels", "defined")


def headless(results: Path, name: str = "found", *, architecture: str = VIT, eyes: Eyes | None = EYES) -> Teacher:
    """A foundation model: a transformer without outputs, with eyes and a history of its own."""
    torch.manual_seed(5)
    return shelf.save(
        Places.under(results).teachers(phantom=True, image_size_px=32),
        build(architecture, 0).state_dict(),
        name=name,
        architecture=architecture,
        task="",
        label_names=(),
        source="drawn",
        is_phantom=True,
        eyes=eyes,
        licence="CC BY-NC 4.0",
        trained_on="a million photographs",
        seen={"data": "phantom", "datasets": {"chexpert": []}},
    )


def pretrain(results: Path, *words: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    done = forking.run("platform.pretrain", *words, "--results", str(results), environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def prepared(results: Path, *words: str) -> Any:
    """The configuration of the one trial that the words ask for."""
    request = typed(PretrainRequest, *words, *SIZE, "--phantom-size", "30", "--results", str(results))
    record = prepare_pretraining(request, Places.under(results)).plan([]).next()
    assert record is not None
    return record.spec.config


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_linear_probe_gives_a_foundation_model_outputs_and_keeps_all_else(tmp_path: Path, tiny: str) -> None:
    origin = headless(tmp_path)
    words = ("retina", "--from", "found", "--head-only", "--epochs", "2", "--phantom-size", "60", *SIZE)
    output = pretrain(tmp_path, *words)
    probe = shelf.load(origin.folder.parent, "found-retina-probe")
    assert f"teacher found-retina-probe (PHANTOM), fingerprint {probe.fingerprint}" in output

    before, after = origin.state_dict(), probe.state_dict()
    assert sorted(set(after) - set(before)) == ["head.bias", "head.weight"]
    assert [name for name in before if not torch.equal(before[name], after[name])] == []
    assert (probe.task, len(probe.label_names), probe.architecture) == ("multiclass", 5, VIT)
    assert (probe.eyes, probe.licence, probe.trained_on) == (EYES, origin.licence, origin.trained_on)
    assert probe.source.startswith("retina, 2 epochs (classifier alone") and probe.source.endswith("; drawn")
    assert probe.seen["datasets"] == {"chexpert": []} and len(probe.seen["patients"]) > 5

    runs = run_frame(Places.under(tmp_path).tracking_uri, "teachers", None)
    (spec,) = runs["tags.spec"].dropna()
    assert json.loads(spec)["config"]["learning_rate"] == PretrainRequest.PROBE_RATE
    assert "epoch 1/2" not in pretrain(tmp_path, *words)  # it is finished

    (path,) = (tmp_path / "stores").glob("*.arrow")
    config = TrialConfig(
        dataset="retina", method="distillation", teacher=probe.name, student=tiny, init="random", beta=1.0,
        max_epochs=1, image_size_px=32, average_labels="defined",
    )  # fmt: skip
    (result,) = job(config, Store.open(path), probe.folder.parent, tmp_path / "trial").run()
    assert result.metrics["train_transfer"] > 0


def job(config: TrialConfig, store: Store, teachers: Path, folder: Path) -> Job:
    spec = TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s")
    return Job(spec=spec, store=str(store.path), teachers=str(teachers), folder=str(folder))


def test_its_network_and_weights_are_the_teachers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform.phantoms.sets, "PHANTOM_IMAGE_SIZE_PX", 32)
    origin = headless(tmp_path)
    whole = prepared(tmp_path, "retina", "--from", "found")
    assert (whole.student, whole.init, whole.unfreeze) == (VIT, "found", "all")
    assert prepared(tmp_path, "retina", "--from", "found", "--architecture", VIT, "--init", "found") == whole
    assert prepared(tmp_path, "retina", "--from", "found", "--unfreeze", "from-block11").unfreeze == "from-block11"
    probe = prepared(tmp_path, "retina", "--from", "found", "--head-only")
    assert probe.unfreeze == "head" and probe == prepared(tmp_path, "retina", "--from", "found", "--unfreeze", "head")

    (path,) = (tmp_path / "stores").glob("*.arrow")
    store, views = Store.open(path), torch.rand(2, 3, 32, 32)
    torch.manual_seed(0)
    with torch.no_grad():
        expected = origin.network().eval()(views)  # a network without a head gives its embedding
        for phase, is_same in (("pretrain", True), ("confirm", False)):  # a student has the eyes of its architecture
            config = replace(whole, phase=phase)
            student = job(config, store, origin.folder.parent, tmp_path / "trial").training(store).student.eval()
            student.get_submodule("head").load_state_dict({"weight": torch.eye(5, 192), "bias": torch.zeros(5)})
            assert torch.allclose(student(views), expected[:, :5], atol=1e-5) == is_same


def test_a_published_model_is_trained_further_under_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform.phantoms.sets, "PHANTOM_IMAGE_SIZE_PX", 32)
    with small_models.registered():
        origin = headless(tmp_path, "mine", architecture="retfound", eyes=None)
        config = prepared(tmp_path, "retina", "--from", "mine", "--head-only")
        assert (config.student, config.init) == ("retfound", "mine")
        (path,) = (tmp_path / "stores").glob("*.arrow")
        student = job(config, Store.open(path), origin.folder.parent, tmp_path / "t").training(Store.open(path)).student
        before, after = origin.state_dict(), student.state_dict()
        assert [name for name in before if not torch.equal(before[name], after[name])] == []
        with pytest.raises(ValueError, match="weights with 1,000 outputs, but none are published for retfound"):
            imagenet.take(tmp_path, architecture=known("retfound").first_weights)


def test_any_network_of_timms_can_be_trained_from_random_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform.phantoms.sets, "PHANTOM_IMAGE_SIZE_PX", 32)
    config = prepared(tmp_path, "retina", "--architecture", VIT, "--init", "random")
    assert (config.student, config.init) == (VIT, "random")
    with pytest.raises(ValueError, match="but got 'last34'; vit_tiny_patch16_224 has head, "):
        prepared(tmp_path, "retina", "--architecture", VIT, "--init", "random", "--unfreeze", "last34")


def test_the_learning_rate_suits_what_is_trained() -> None:
    def rate(*words: str) -> float:
        return base_of(typed(PretrainRequest, "retina", *words)).learning_rate

    real = ("--data", "/data")
    assert (rate(*real), rate(*real, "--from", "a"), rate(*real, "--from", "a", "--head-only")) == (5e-4, 5e-5, 1e-3)
    assert rate(*real, "--head-only") == rate(*real, "--unfreeze", "head") == 1e-3
    assert (rate(), rate("--from", "a")) == (1e-3, 1e-3)  # a few epochs on phantoms
    assert rate(*real, "--from", "a", "--head-only", "--learning-rate", "0.02") == 0.02


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ((), "retina"),
        (("--head-only",), "retina"),
        (("--from", "a"), "a-retina"),
        (("--from", "a", "--unfreeze", "head"), "a-retina-probe"),
        (("--from", "a", "--head-only", "--name", "own"), "own"),
    ],
)
def test_what_the_teacher_is_called(words: tuple[str, ...], name: str) -> None:
    assert typed(PretrainRequest, "retina", *words).teacher_name == name


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--from", "found", "--architecture", "resnet18"), "--architecture must be vit_tiny_patch16_224 or absent"),
        (("--from", "found", "--init", "random"), "--init must be found or absent, but got --init random"),
        (("--from", "found", "--head-only", "--unfreeze", "all"), "trains the head alone, but got --unfreeze all"),
        (("--from", "fuond"), "did you mean found?"),
        (("--from", "found", "--unfreeze", "last34"), "but got 'last34'; vit_tiny_patch16_224 has head, "),
    ],
)
def test_what_contradicts_it_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(platform.phantoms.sets, "PHANTOM_IMAGE_SIZE_PX", 32)
    headless(tmp_path)
    with pytest.raises(SystemExit) as ended:
        platform.pretrain.main(["retina", *words, *SIZE, "--phantom-size", "30", "--results", str(tmp_path)])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
