"""The teacher's own score on the target: the right outputs in order, scored as a student's, and nothing trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from platform.phantoms.chest_writers import write_mimic_cxr
from platform.phantoms.writers import write_retina
from tests.short_densenet import NAME as SHORT
from tests.tiny_network import NAME
from trainables.config import TrialConfig
from trainables.data.normalising import normalise
from trainables.data.readers import mimic_cxr, retina
from trainables.data.store import Store
from trainables.data.store_making import prepare
from trainables.job import Job
from trainables.models.architectures import build
from trainables.prediction_rows import PREDICTIONS_FILE
from trainables.teachers import shelf
from trainables.teachers.itself import Itself, check_outputs
from trainables.teachers.shelf import Teacher
from trainables.training import EpochResult
from trainables.trial import TrialSpec

pytestmark = pytest.mark.slow

GRADES = ("No DR", "Mild", "Moderate", "Severe", "Proliferative DR")
FINDINGS = mimic_cxr.LABELS
NETWORKS = {  # name -> architecture, task, labels: of the target's, more and in another order, or too few
    "chest": (SHORT, "multilabel", ("Hernia", *reversed(FINDINGS))),
    "other": (NAME, "multilabel", FINDINGS),
    "poor": (NAME, "multilabel", FINDINGS[2:]),
    "eyes": (NAME, "multiclass", tuple(reversed(GRADES))),
    "things": (SHORT, "multiclass", (*GRADES, "dog")),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny: str, short: str) -> Path:
    torch.set_num_threads(1)
    teachers = tmp_path_factory.mktemp("teachers")
    for seed, (name, (architecture, task, labels)) in enumerate(NETWORKS.items()):
        torch.manual_seed(seed)
        weights = build(architecture, len(labels)).state_dict()
        facts: dict[str, Any] = {"architecture": architecture, "task": task, "label_names": labels}
        shelf.save(teachers, weights, name=name, source="drawn", is_phantom=True, **facts)
    return teachers


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Store]:
    """X-rays and photographs of 32 px."""
    where = tmp_path_factory.mktemp("data")
    small: dict[str, Any] = {"image_size_px": 32, "progress": False}
    chest = mimic_cxr.read(write_mimic_cxr(where / "mimic-cxr", num_images=80, seed=0, **small))
    eyes = retina.read(write_retina(where / "retina", num_patients=14, seed=1, **small))
    common: dict[str, Any] = {"salt": b"salt", "num_threads": 1, **small}
    return {
        "mimic-cxr": prepare(chest, where / "chest.arrow", **common),
        "retina": prepare(eyes, where / "eyes.arrow", **common),
    }


def job_of(store: Store, teachers: Path, folder: Path, teacher: str, **changes: Any) -> Job:
    knobs: dict[str, Any] = {"student": "none", "unfreeze": "none", "init": "none", "phase": "confirm"}
    knobs |= {"dataset": store.dataset, "method": "itself", "teacher": teacher, "image_size_px": 32, "max_epochs": 3}
    knobs |= {"selection_metric": "auc" if store.task == "multilabel" else "f1_weighted", "average_labels": "defined"}
    spec = TrialSpec(config=TrialConfig(**{**knobs, **changes}), data_fingerprint="d", split_fingerprint="s")
    return Job(spec=spec, store=str(store.path), teachers=str(teachers), folder=str(folder))


@torch.no_grad()
def own_logits(teacher: Teacher, store: Store, labels: tuple[str, ...], split: str) -> NDArray[np.float32]:
    """A teacher's logits for those labels, without any of the code under test."""
    network = build(teacher.architecture, len(teacher.label_names)).eval()
    network.load_state_dict(teacher.state_dict())
    logits: NDArray[np.float32] = network(normalise(torch.from_numpy(store.gather(store.rows(split))))).numpy()
    return logits[:, [teacher.label_names.index(name) for name in labels]]


def macro_auc(logits_NL: NDArray[np.floating], positive_NL: NDArray[np.bool_]) -> float:
    defined = [column for column in positive_NL.T if 0 < column.sum() < len(column)]
    assert len(defined) > 3
    scores = logits_NL.T[[0 < column.sum() < len(column) for column in positive_NL.T]]
    return float(np.mean([roc_auc_score(p, s) for p, s in zip(defined, scores, strict=True)]))


def scored(store: Store, folder: Path, out: Path, teacher: str, **changes: Any) -> EpochResult:
    (result,) = job_of(store, folder, out, teacher, **changes).run()
    return result


@pytest.mark.parametrize(("split", "metric"), [("validation", "val_auc"), ("test", "test_auc")])
def test_the_score_is_sklearns_on_the_teachers_own_logits(
    stores: dict[str, Store], folder: Path, tmp_path: Path, split: str, metric: str
) -> None:
    store = stores["mimic-cxr"]
    result = scored(store, folder, tmp_path, "chest")
    logits = own_logits(shelf.load(folder, "chest"), store, FINDINGS, split)
    expected = macro_auc(logits, store.labels[store.rows(split)] == 1)
    assert result.metrics[metric] == pytest.approx(expected, abs=1e-12)
    assert (result.epoch, result.last, result.best_epoch) == (1, True, 1)
    assert result.best_score == result.metrics["score"] == result.metrics["val_auc"]


def test_an_ensemble_is_scored_by_the_mean_of_its_logits(
    stores: dict[str, Store], folder: Path, tmp_path: Path
) -> None:
    store = stores["mimic-cxr"]
    both = [own_logits(shelf.load(folder, name), store, FINDINGS, "test") for name in ("chest", "other")]
    expected = macro_auc((both[0] + both[1]) / 2, store.labels[store.rows("test")] == 1)
    assert scored(store, folder, tmp_path, "chest+other").metrics["test_auc"] == pytest.approx(expected, abs=1e-12)


def test_the_classes_of_a_softmax_are_found_by_name(stores: dict[str, Store], folder: Path, tmp_path: Path) -> None:
    store = stores["retina"]
    result = scored(store, folder, tmp_path, "eyes")
    logits = own_logits(shelf.load(folder, "eyes"), store, GRADES, "test")
    grades = store.labels[store.rows("test"), 0]
    assert result.metrics["test_accuracy"] == (logits.argmax(axis=1) == grades).mean()
    frame = pd.read_parquet(tmp_path / PREDICTIONS_FILE).query("split == 'test'")
    probabilities = frame[[f"probability_{name.replace(' ', '_')}" for name in GRADES]].to_numpy()
    np.testing.assert_allclose(probabilities, torch.from_numpy(logits).softmax(dim=1).numpy(), atol=1e-6)


def test_predictions_have_the_columns_and_rows_of_a_students(
    stores: dict[str, Store], folder: Path, tmp_path: Path
) -> None:
    store = stores["mimic-cxr"]
    itself, student = tmp_path / "itself", tmp_path / "student"
    scored(store, folder, itself, "chest")
    taught = {"method": "transfer", "student": NAME, "unfreeze": "all", "init": "random", "max_epochs": 1}
    scored(store, folder, student, "none", **taught)
    of_itself, other = (pd.read_parquet(where / PREDICTIONS_FILE) for where in (itself, student))
    shared = [column for column in other if not column.startswith("probability_")]
    assert list(of_itself.columns) == list(other.columns)
    pd.testing.assert_frame_equal(of_itself[shared], other[shared])


def test_nothing_is_trained_and_nothing_but_the_predictions_is_left(
    stores: dict[str, Store], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainables.job.train", lambda training: pytest.fail("a teacher itself is not trained"))
    asked: list[str] = []
    rows = Store.rows

    def noted(self: Store, split: str, *more: float) -> np.ndarray:
        asked.append(split)
        return rows(self, split, *more)

    monkeypatch.setattr(Store, "rows", noted)
    scored(stores["mimic-cxr"], folder, tmp_path, "chest")
    assert set(asked) == {"validation", "test"}
    assert [path.name for path in tmp_path.iterdir()] == [PREDICTIONS_FILE]


def test_scored_again_after_a_kill_it_says_the_same(stores: dict[str, Store], folder: Path, tmp_path: Path) -> None:
    store = stores["mimic-cxr"]
    first = scored(store, folder, tmp_path, "chest")
    written = (tmp_path / PREDICTIONS_FILE).read_bytes()
    (tmp_path / PREDICTIONS_FILE).write_bytes(b"half a f")
    assert scored(store, folder, tmp_path, "chest", seed=5) == first  # nothing in it is random
    assert (tmp_path / PREDICTIONS_FILE).read_bytes() == written


def test_an_uncertain_label_counts_as_it_does_for_a_student(
    stores: dict[str, Store], folder: Path, tmp_path: Path
) -> None:
    store = stores["mimic-cxr"]
    result = scored(store, folder, tmp_path, "chest", uncertainty="ones")
    logits = own_logits(shelf.load(folder, "chest"), store, FINDINGS, "test")
    codes = store.labels[store.rows("test")]
    assert (codes == -1).any()
    assert result.metrics["test_auc"] == pytest.approx(macro_auc(logits, np.abs(codes) == 1), abs=1e-12)


@pytest.mark.parametrize(
    ("teacher", "task", "labels", "message"),
    [
        ("poor", "multilabel", FINDINGS, rf"the teacher poor has none for {FINDINGS[0]}, {FINDINGS[1]}$"),
        (
            "chest",
            "multilabel",
            ("Hernia", "Gout"),
            "for every label .* the teacher chest has none for Gout",
        ),
        ("eyes", "multilabel", GRADES, "the teacher eyes has multiclass outputs for Proliferative DR, Severe"),
        ("things", "multiclass", GRADES, "needs exactly the target's classes, but the teacher things has multiclass"),
    ],
)
def test_a_teacher_without_the_outputs_is_refused(
    folder: Path, teacher: str, task: str, labels: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Itself([shelf.load(folder, teacher)], task, labels)


def test_each_of_an_ensemble_needs_all_labels(folder: Path) -> None:
    who = [shelf.load(folder, name) for name in ("chest", "poor")]
    check_outputs(who, "multilabel", FINDINGS[2:])
    with pytest.raises(ValueError, match="the teacher poor has none for"):
        check_outputs(who, "multilabel", FINDINGS)


def test_a_teacher_without_outputs_is_said_to_have_none(tmp_path: Path, tiny: str) -> None:
    facts: dict[str, Any] = {"architecture": tiny, "task": "", "label_names": ()}
    headless = shelf.save(tmp_path, {}, name="found", source="drawn", is_phantom=True, **facts)
    for task, labels in (("multiclass", GRADES), ("multilabel", FINDINGS)):
        with pytest.raises(ValueError, match=r"but the teacher found has no outputs$"):
            check_outputs([headless], task, labels)
