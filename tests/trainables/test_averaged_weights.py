"""Averaged weights: by hand, with batch norms, and in the place of the student's wherever those are scored or kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tests.trainables.small_training import config_of, make
from trainables import judging
from trainables.averaged_weights import AveragedWeights
from trainables.data.normalising import normalise
from trainables.data.store import Store
from trainables.job import Job
from trainables.judging import evaluate
from trainables.loop import train
from trainables.models.architectures import build
from trainables.prediction_rows import PREDICTIONS_FILE
from trainables.trial import TrialSpec


def test_the_average_by_hand() -> None:
    student = nn.Linear(1, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        student.weight.fill_(1.0)
    averaged, expected = AveragedWeights(student, 0.25), 1.0
    for step, value in enumerate((2.0, -1.0, 5.0, 3.0), 1):
        with torch.no_grad():
            student.weight.fill_(value)
        averaged.follow(student)
        decay = min(0.25, (1 + step) / (10 + step))  # 2/11, then a quarter
        expected = decay * expected + (1 - decay) * value
        assert _weight(averaged.network).item() == pytest.approx(expected)
    assert student.weight.item() == 3.0 and not _weight(averaged.network).requires_grad


def test_running_statistics_are_averaged_and_counters_copied() -> None:
    student = nn.BatchNorm1d(1, momentum=1.0)
    averaged = AveragedWeights(student, 0.5)
    for step in (1, 2):
        student(torch.tensor([[2.0 * step], [4.0 * step]]))  # means 3 and 6, momentum 1: the last batch's
        averaged.follow(student)
    (kept,) = averaged.network.modules()
    assert isinstance(kept, nn.BatchNorm1d) and kept.running_mean is not None and kept.num_batches_tracked is not None
    first = (1 - 2 / 11) * 3
    assert kept.running_mean.item() == pytest.approx(3 / 12 * first + (1 - 3 / 12) * 6)
    assert kept.num_batches_tracked.item() == 2
    assert not kept.training and student.training


def test_what_never_changes_stays_as_it_is_to_the_last_bit() -> None:
    student = nn.Linear(50, 50)
    averaged = AveragedWeights(student, 0.999)
    for _ in range(30):
        averaged.follow(student)
    assert torch.equal(_weight(averaged.network), student.weight)


def test_the_average_is_scored_and_kept_and_the_student_goes_on_as_without_it(store: Store) -> None:
    plain, training = make(store, batch_size=16), make(store, batch_size=16, ema_decay=0.9)
    assert plain.averaged is None and plain.scored is plain.student
    for without, result in zip(train(plain), train(training), strict=True):
        assert result.metrics["train_loss"] == without.metrics["train_loss"]
        assert result.metrics["val_loss"] != without.metrics["val_loss"]
    assert training.averaged is not None and training.scored is training.averaged.network
    weights = training.student.state_dict()
    assert all(torch.equal(weights[name], tensor) for name, tensor in plain.student.state_dict().items())
    first = make(store, batch_size=16).student.state_dict()
    one, two, three = _weights_by_step(store)
    expected = 2 / 11 * first["0.weight"] + 9 / 11 * one
    expected = 3 / 12 * expected + 9 / 12 * two
    expected = 4 / 13 * expected + 9 / 13 * three
    torch.testing.assert_close(training.scored.state_dict()["0.weight"], expected)
    # The scored weights are those that were kept, if the last epoch was the best, and give the last epoch's scores.
    last = training.history[-1]
    assert evaluate(training, "validation")[0]["loss"] == last.metrics["val_loss"]
    training.scored.load_state_dict(training.best_weights)
    best = training.history[last.best_epoch - 1]
    assert evaluate(training, "validation")[0]["loss"] == best.metrics["val_loss"]


def test_the_test_set_sees_the_average_of_the_best_epoch(
    store: Store, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.5, 0.9, 0.1])  # the second epoch is the best
    monkeypatch.setattr(judging, "evaluate", lambda training, split: ({"loss": 1.0, "f1_weighted": next(scores)}, None))
    config = config_of(student=tiny, init="random", ema_decay=0.9, phase="confirm")
    spec = TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s")
    *_, last = Job(spec=spec, store=str(store.path), teachers="", folder=str(tmp_path)).run()
    network = build(tiny, 5)
    network.load_state_dict(load_file(tmp_path / "best-00002.safetensors"))
    images = normalise(torch.from_numpy(store.gather(store.rows("test"))))
    with torch.no_grad():
        probabilities_NL = network.eval()(images).softmax(dim=1).numpy()
    kept = pd.read_parquet(tmp_path / PREDICTIONS_FILE).query("split == 'test'")
    columns = [name for name in kept if name.startswith("probability_")]
    np.testing.assert_allclose(kept[columns].to_numpy(), probabilities_NL, atol=1e-6)
    assert last.best_epoch == 2


def _weight(network: nn.Module) -> torch.Tensor:
    assert isinstance(network, nn.Linear)
    return network.weight


def _weights_by_step(store: Store) -> list[torch.Tensor]:
    """The first layer's weights after each epoch of one step."""
    training = make(store, batch_size=16)
    return [training.student.state_dict()["0.weight"].clone() for _ in train(training)]
