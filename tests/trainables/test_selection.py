"""The score that selects: the mean over the averaged labels, against scikit-learn, from a store to an epoch's best."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score
from torch import nn

from trainables.config import TrialConfig
from trainables.data.readers import own
from trainables.data.store import Store
from trainables.data.store_making import prepare
from trainables.job import Job
from trainables.judging import evaluate
from trainables.loop import train
from trainables.training import Training
from trainables.trial import TrialSpec

NUM_IMAGES = 260  # 26 of them in validation, 26 in test


@pytest.fixture(scope="module", params=["multilabel", "multiclass"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Of three labels, or classes, two are frequent and the third has 30 images in all, three or so in validation."""
    folder = tmp_path_factory.mktemp(request.param)
    lines = ["image,patient,label" if request.param == "multiclass" else "image,patient,a,b,c"]
    rng = np.random.default_rng(0)
    for number in range(NUM_IMAGES):
        pixels = rng.integers(0, 256, (32, 32), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        label = 2 if number % 9 == 0 else number % 2
        codes = "abc"[label] if request.param == "multiclass" else f"{number % 2},{number // 2 % 2},{label // 2}"
        lines.append(f"{number}.png,p{number},{codes}")
    (folder / "own.csv").write_text("\n".join(lines))
    out = folder / "s.arrow"
    return prepare(own.read(folder / "own.csv"), out, image_size_px=32, salt=b"s", num_threads=1, progress=False)


def training_of(store: Store, **changes: Any) -> Training:
    torch.manual_seed(0)
    student = nn.Sequential(nn.Conv2d(3, 4, 5, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 7 * 7, 3))
    knobs: dict[str, Any] = {"dataset": "own", "method": "transfer", "init": "random", "image_size_px": 32}
    config = TrialConfig(**{**knobs, "max_epochs": 1, "learning_rate": 1e-3, **changes})
    return Training(config=config, store=store, student=student, guide=None, device=torch.device("cpu"))


def areas(store: Store, split: str, probabilities_NL: np.ndarray) -> dict[str, float]:
    labels = store.labels[store.rows(split)]
    positive_NL = labels == np.arange(3) if store.task == "multiclass" else labels == 1
    assert 0 < positive_NL[:, 2].sum() < 10
    columns = zip("abc", positive_NL.T, probabilities_NL.T, strict=True)
    return {name: float(roc_auc_score(positive_N, scores_N)) for name, positive_N, scores_N in columns}


@pytest.mark.parametrize("split", ["validation", "test"])
def test_both_means_are_sklearns_in_either_split(store: Store, split: str) -> None:
    training = training_of(store)
    assert training.averaging.names == ("a", "b")
    metrics, probabilities_NL = evaluate(training, split)
    own_areas = areas(store, split, probabilities_NL)
    assert metrics["auc"] == pytest.approx((own_areas["a"] + own_areas["b"]) / 2, abs=1e-12)
    assert metrics["auc_defined"] == pytest.approx(np.mean(list(own_areas.values())), abs=1e-12)
    assert {name: metrics[f"auc_{name}"] for name in "abc"} == pytest.approx(own_areas, abs=1e-12)
    assert max(own_areas.values()) < 1 and metrics["auc"] != metrics["auc_defined"]
    by_the_paper, _ = evaluate(training_of(store, average_labels="defined"), split)
    assert by_the_paper["auc"] == by_the_paper["auc_defined"] == metrics["auc_defined"]


def test_the_mean_over_the_averaged_labels_selects(store: Store) -> None:
    (result,) = train(training_of(store))
    assert result.best_score == result.metrics["score"] == result.metrics["val_auc"]
    assert result.metrics["val_auc"] != result.metrics["val_auc_defined"]
    (other,) = train(training_of(store, average_labels="defined"))
    assert other.best_score == other.metrics["val_auc_defined"] == result.metrics["val_auc_defined"]
    (accurate,) = train(training_of(store, selection_metric="accuracy"))
    assert accurate.best_score == accurate.metrics["val_accuracy"] == result.metrics["val_accuracy"]


@pytest.mark.parametrize("store", ["multilabel"], indirect=True)  # which has no kappa
@pytest.mark.parametrize(
    ("knobs", "reason"),
    [
        (
            {"selection_metric": "kappa"},
            "must be defined on the validation set, but kappa is not in transfer/none/tiny/all",
        ),
        ({"learning_rate": 1e38, "batch_size": 32}, "the training loss of epoch 1 must be finite, but is"),
    ],
    ids=["score", "loss"],
)
def test_a_trial_whose_score_or_loss_is_not_defined_ends_with_the_reason(
    store: Store, tmp_path: Path, tiny: str, knobs: dict[str, Any], reason: str
) -> None:
    pytest.importorskip("ray", reason="the trial is Ray's")
    from trainables.student import StudentTrial

    config = TrialConfig(
        dataset="own",
        method="transfer",
        student=tiny,
        init="random",
        image_size_px=32,
        max_epochs=1,
        **knobs,
    )
    spec = TrialSpec(config=config, data_fingerprint=store.fingerprint, split_fingerprint="s")
    job = Job(spec=spec, store=str(store.path), teachers="", folder=str(tmp_path))
    trial = StudentTrial.__new__(StudentTrial)
    trial.setup({"job": job.as_dict()})
    result = trial.step()
    assert result["done"] and "score" not in result and "best_score" not in result
    assert reason in result["error"]
