"""A trial on a worker: its checkpoints, its predictions, and that an interruption leaves no mark on it."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from platform.phantoms.chest_writers import write_mimic_cxr
from platform.phantoms.writers import write_retina
from tests.tiny_network import NAME
from trainables import checkpoint, judging
from trainables.config import TrialConfig
from trainables.data.readers import mimic_cxr, retina
from trainables.data.store import Store
from trainables.data.store_making import prepare
from trainables.job import Job
from trainables.metrics import label_auc
from trainables.models.architectures import build
from trainables.models.freezing import num_trainable
from trainables.prediction_rows import PREDICTIONS_FILE
from trainables.teachers import shelf
from trainables.teachers.imagenet import name_of
from trainables.training import EpochResult, Training
from trainables.trial import TrialSpec

GRADES = ["No DR", "Mild", "Moderate", "Severe", "Proliferative DR"]
FACTS = ["split", "image", "patient", "view", "sex", "age_years"]


@pytest.fixture(scope="module")
def retina_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16 training, 6 validation and 6 test photographs of 32 px."""
    folder = tmp_path_factory.mktemp("retina")
    root = write_retina(folder / "retina", num_patients=14, image_size_px=32, seed=1, progress=False)
    out = folder / "s.arrow"
    return prepare(retina.read(root), out, image_size_px=32, salt=b"salt", num_threads=1, progress=False).path


@pytest.fixture(scope="module")
def chest_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 training, 3 validation and 3 test X-rays of 32 px, 14 labels."""
    folder = tmp_path_factory.mktemp("chest")
    root = write_mimic_cxr(folder / "mimic-cxr", num_images=30, image_size_px=32, seed=0, progress=False)
    out = folder / "s.arrow"
    return prepare(mimic_cxr.read(root), out, image_size_px=32, salt=b"salt", num_threads=1, progress=False).path


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory, tiny: str) -> Path:
    """A folder with teachers of random weights: `imagenet`, and `imagenet-tiny` for the tiny students' first ones."""
    folder = tmp_path_factory.mktemp("teachers")
    torch.manual_seed(7)
    for name, architecture in (("imagenet", "densenet121"), (name_of(tiny), tiny)):
        facts: dict[str, Any] = {"architecture": architecture, "task": "multiclass", "label_names": ("a", "b")}
        weights = build(architecture, 2).state_dict()
        shelf.save(folder, weights, name=name, source="drawn", is_phantom=True, **facts)
    return folder


def job_of(store: Path, teachers: Path, folder: Path, **changes: Any) -> Job:
    knobs: dict[str, Any] = {
        "dataset": "retina",
        "method": "transfer",
        "student": NAME,
        "learning_rate": 1e-3,
        "max_epochs": 3,
        "batch_size": 8,
        "image_size_px": 32,
        "phase": "confirm",
        "selection_metric": "f1_weighted",
        "average_labels": "defined",
    }
    if changes.get("dataset") == "mimic-cxr":
        knobs["selection_metric"] = "auc"
    spec = TrialSpec(config=TrialConfig(**{**knobs, **changes}), data_fingerprint="d", split_fingerprint="s")
    return Job(spec=spec, store=str(store), teachers=str(teachers), folder=str(folder))


def without_speed(results: list[EpochResult]) -> list[EpochResult]:
    return [replace(r, metrics={k: v for k, v in r.metrics.items() if k != "images_per_s"}) for r in results]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_job_survives_plain_values(tmp_path: Path) -> None:
    guided = {"method": "attention", "teacher": "imagenet", "beta": 30.0}
    job = job_of(tmp_path / "s", tmp_path / "t", tmp_path / "f", **guided)
    job = replace(job, num_threads=3, spec=replace(job.spec, teacher_fingerprint="t", init_fingerprint="i"))
    values = job.as_dict()
    assert Job.from_dict(json.loads(json.dumps(values))) == job
    assert Job.from_dict(values).spec.key == job.spec.key
    assert values["spec"]["config"]["beta"] == 30.0
    assert {field.name for field in dataclasses.fields(Job)} == set(values)


@pytest.fixture(scope="module")
def undisturbed(
    retina_store: Path, teachers: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[EpochResult]]:
    """The folder and the results of a confirm run of attention transfer that nobody disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed") / "trial"
    return folder, list(guided_job(retina_store, teachers, folder).run())


def guided_job(store: Path, teachers: Path, folder: Path) -> Job:
    return job_of(store, teachers, folder, method="attention", teacher=name_of(NAME), beta=5.0, weight_decay=1e-4)


def test_a_job_leaves_its_last_states_its_best_student_and_its_predictions(
    undisturbed: tuple[Path, list[EpochResult]],
) -> None:
    folder, results = undisturbed
    assert [(r.epoch, r.last) for r in results] == [(1, False), (2, False), (3, True)]
    bests = {results[1].best_epoch, results[2].best_epoch}
    assert names(folder) == sorted(
        [
            *(f"best-{epoch:05d}.safetensors" for epoch in bests),
            f"epoch-00002-best-{results[1].best_epoch:05d}.ckpt",
            f"epoch-00003-best-{results[2].best_epoch:05d}.ckpt",
            PREDICTIONS_FILE,
        ]
    )
    build(NAME, 5).load_state_dict(load_file(checkpoint.best_path(folder, results[2].best_epoch)))


def test_the_test_set_is_opened_in_the_last_epoch_alone(undisturbed: tuple[Path, list[EpochResult]]) -> None:
    _, results = undisturbed
    opened = [sorted(name for name in r.metrics if name.startswith("test_")) for r in results]
    assert opened[:2] == [[], []]
    assert {"test_loss", "test_f1_weighted", "test_accuracy", "test_auc"} <= set(opened[2])


def test_predictions_have_a_row_per_validation_and_test_image(
    retina_store: Path, undisturbed: tuple[Path, list[EpochResult]]
) -> None:
    folder, results = undisturbed
    frame = pd.read_parquet(folder / PREDICTIONS_FILE)
    store = Store.open(retina_store)
    rows = store.rows("test")
    labels = [name.replace(" ", "_") for name in GRADES]
    columns = [column for name in labels for column in (f"label_{name}", f"probability_{name}")]
    assert list(frame.columns) == [*FACTS, "grade", *columns]
    splits = ["validation"] * len(store.rows("validation")) + ["test"] * len(rows)
    assert frame["split"].tolist() == splits and len(rows) == 6
    before, frame = frame[frame["split"] == "validation"], frame[frame["split"] == "test"]
    assert before["image"].tolist() == store.image_id[store.rows("validation")].tolist()
    assert frame["image"].tolist() == store.image_id[rows].tolist()
    assert frame["patient"].tolist() == store.patient[rows].tolist()
    assert set(frame["view"]) == {"left", "right"}
    assert frame["grade"].tolist() == store.labels[rows, 0].tolist()
    one_hot = frame[[f"label_{name}" for name in labels]].to_numpy()
    assert one_hot.dtype == np.int8
    assert np.array_equal(one_hot, np.eye(5, dtype=np.int8)[frame["grade"]])
    probabilities = frame[[f"probability_{name}" for name in labels]].to_numpy()
    assert probabilities.dtype == np.float32
    answered = before[[f"probability_{name}" for name in labels]].to_numpy()
    best = results[results[-1].best_epoch - 1]
    assert (answered.argmax(axis=1) == before["grade"]).mean() == best.metrics["val_accuracy"]
    assert np.abs(probabilities.sum(axis=1) - 1).max() < 1e-6
    assert (probabilities.argmax(axis=1) == frame["grade"]).mean() == results[-1].metrics["test_accuracy"]


def test_predictions_are_the_best_epochs_students(
    retina_store: Path,
    teachers: Path,
    undisturbed: tuple[Path, list[EpochResult]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    scores = iter([0.5, 0.9, 0.1])
    evaluate = judging.evaluate
    monkeypatch.setattr(judging, "evaluate", lambda training, split: ({"loss": 1.0, "f1_weighted": next(scores)}, None))
    seen: dict[str, torch.Tensor] = {}

    def on_test(training: Training, split: str) -> Any:
        assert split in ("test", "validation")  # of the same student
        seen.update({name: tensor.clone() for name, tensor in training.student.state_dict().items()})
        return evaluate(training, split)

    monkeypatch.setattr("trainables.job.evaluate", on_test)
    results = list(job_of(retina_store, teachers, tmp_path).run())
    best = load_file(tmp_path / "best-00002.safetensors")
    assert results[-1].best_epoch == 2
    assert seen.keys() == best.keys() and all(torch.equal(seen[name], best[name]) for name in best)
    state, _ = checkpoint.load_state(tmp_path) or ({}, {})
    assert state.keys() == {"history", "micro_batch_size"}  # nothing is trained any more


@pytest.mark.parametrize("num_done", [1, 2, 3])
def test_an_interrupted_job_ends_as_the_undisturbed_one(
    retina_store: Path, teachers: Path, undisturbed: tuple[Path, list[EpochResult]], tmp_path: Path, num_done: int
) -> None:
    folder, results = undisturbed
    epochs = guided_job(retina_store, teachers, tmp_path).run()
    begun = [next(epochs) for _ in range(num_done)]
    epochs.close()
    again = list(guided_job(retina_store, teachers, tmp_path).run())
    assert again[:num_done] == begun  # repeated as they were reported
    assert without_speed(again) == without_speed(results)
    assert names(tmp_path) == names(folder)
    for name in names(folder):
        if name.endswith(".safetensors"):
            assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
    rows, expected = (pd.read_parquet(where / PREDICTIONS_FILE) for where in (tmp_path, folder))
    pd.testing.assert_frame_equal(rows, expected, check_exact=True)
    students = [before_the_last(where)["student"] for where in (tmp_path, folder)]
    assert all(torch.equal(students[0][name], students[1][name]) for name in students[1])


def before_the_last(folder: Path) -> Any:
    """The state after the last epoch but one."""
    payload = sorted(folder.glob("epoch-*.ckpt"))[-2].read_bytes().partition(b"\n")[2]
    return torch.load(io.BytesIO(payload), weights_only=True)


def test_a_job_killed_within_an_epoch_trains_that_epoch_again(
    retina_store: Path,
    teachers: Path,
    undisturbed: tuple[Path, list[EpochResult]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    save_state = checkpoint.save_state

    def die_in_the_second(folder: Path, epoch: int, best_epoch: int, state: dict[str, Any]) -> None:
        if epoch == 2:
            raise KeyboardInterrupt
        save_state(folder, epoch, best_epoch, state)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(checkpoint, "save_state", die_in_the_second)
        list(guided_job(retina_store, teachers, tmp_path).run())
    assert without_speed(list(guided_job(retina_store, teachers, tmp_path).run())) == without_speed(undisturbed[1])


def test_a_best_student_that_is_deleted_is_written_again(
    retina_store: Path, teachers: Path, undisturbed: tuple[Path, list[EpochResult]], tmp_path: Path
) -> None:
    folder, results = undisturbed
    best_epoch = results[-1].best_epoch
    assert best_epoch < 3, "the last epoch writes it anyway"
    for result in (epochs := guided_job(retina_store, teachers, tmp_path).run()):
        if result.epoch == 2:
            shutil.rmtree(tmp_path)
    assert list(epochs) == [] and checkpoint.load_state(tmp_path) is not None
    best = checkpoint.best_path(tmp_path, best_epoch)
    assert best.read_bytes() == checkpoint.best_path(folder, best_epoch).read_bytes()


@pytest.mark.parametrize("phase", ["search", "confirm", "pretrain"])
def test_the_search_never_opens_the_test_set(
    retina_store: Path, teachers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    asked: list[str] = []
    rows = Store.rows

    def noted(self: Store, split: str, *more: float) -> np.ndarray:
        asked.append(split)
        return rows(self, split, *more)

    monkeypatch.setattr(Store, "rows", noted)
    results = list(job_of(retina_store, teachers, tmp_path, phase=phase, max_epochs=2).run())
    opened = [name for r in results for name in r.metrics if name.startswith("test_")]
    if phase == "search":
        assert set(asked) == {"train", "validation"}
        assert opened == []
        assert PREDICTIONS_FILE not in names(tmp_path)
    else:
        assert "test" in asked
        assert "test_accuracy" in opened
        assert PREDICTIONS_FILE in names(tmp_path)


def test_a_job_of_many_labels(chest_store: Path, teachers: Path, tmp_path: Path) -> None:
    job = job_of(chest_store, teachers, tmp_path, dataset="mimic-cxr", max_epochs=1, uncertainty="ignore")
    (result,) = job.run()
    store = Store.open(chest_store)
    rows = store.rows("test")
    frame = pd.read_parquet(tmp_path / PREDICTIONS_FILE).query("split == 'test'")
    labels = [name.replace(" ", "_") for name in store.label_names]
    assert "Pleural_Effusion" in labels and len(labels) == 14
    assert list(frame.columns) == [*FACTS, *(c for name in labels for c in (f"label_{name}", f"probability_{name}"))]
    assert len(frame) == len(rows) == 3
    codes = frame[[f"label_{name}" for name in labels]].to_numpy()
    assert np.array_equal(codes, store.labels[rows])  # all four codes: the analysis decides what they count as
    assert -2 in codes
    probabilities = frame[[f"probability_{name}" for name in labels]].to_numpy()
    assert ((probabilities > 0) & (probabilities < 1)).all()
    _, mask = store.targets(rows, "ignore")
    assert mask is not None
    for column, name in enumerate(labels):
        known = mask[:, column] > 0
        auc = label_auc(probabilities[known, column], codes[known, column] == 1)
        assert result.metrics.get(f"test_auc_{name}") == auc


def test_the_student_begins_with_the_named_weights(retina_store: Path, teachers: Path, tmp_path: Path) -> None:
    store = Store.open(retina_store)
    taken = job_of(retina_store, teachers, tmp_path, student="densenet121", unfreeze="last34").training(store).student
    weights = shelf.load(teachers, "imagenet").state_dict()
    assert torch.equal(taken.state_dict()["features.conv0.weight"], weights["features.conv0.weight"])
    assert num_trainable(taken) == sum(
        parameter.numel()
        for name, parameter in taken.named_parameters()
        if name.startswith(("features.transition3", "features.denseblock4", "features.norm5", "classifier"))
    )
    drawn = [
        job_of(retina_store, teachers, tmp_path, student="densenet121", init="random", seed=seed)
        .training(store)
        .student
        for seed in (0, 0, 1)
    ]
    first, again, other = (student.state_dict()["features.conv0.weight"] for student in drawn)
    assert torch.equal(first, again)
    assert not torch.equal(first, other) and not torch.equal(first, weights["features.conv0.weight"])


def test_a_teacher_that_is_not_there_is_named(retina_store: Path, teachers: Path, tmp_path: Path) -> None:
    job = job_of(retina_store, teachers, tmp_path, method="attention", teacher="mimic-cxr", beta=30.0)
    with pytest.raises(
        FileNotFoundError, match=r"no teacher named 'mimic-cxr' in .* \(available: imagenet, imagenet-tiny\)"
    ):
        next(job.run())
