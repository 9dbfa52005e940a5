"""The best epoch is kept, and a score that is not defined ends a training."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.trainables.small_training import make
from trainables import judging
from trainables.data.store import Store
from trainables.judging import UndefinedScoreError, evaluate, evaluation_batch_size
from trainables.loop import train, untrained
from trainables.training import Training


class Scripted:
    """Stands for `evaluate`: gives the validation scores of a list, one an epoch."""

    def __init__(self, scores: list[dict[str, float]]) -> None:
        self._scores: Iterator[dict[str, float]] = iter(scores)

    def __call__(self, training: Training, split: str) -> tuple[dict[str, float], np.ndarray]:
        assert split == "validation"
        return {"loss": 1.0, **next(self._scores)}, np.zeros((0, 0), np.float32)


def test_the_best_epoch_is_kept_the_earlier_of_two_equals(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = [0.2, 0.5, 0.5, 0.3, 0.6]
    monkeypatch.setattr("trainables.judging.evaluate", Scripted([{"f1_weighted": score} for score in scores]))
    training = make(store, max_epochs=5, batch_size=16)
    weights: dict[int, Tensor] = {}
    for result in train(training):
        weights[result.epoch] = training.student[0].weight.detach().clone()  # type: ignore[index]
        assert torch.equal(training.best_weights["0.weight"], weights[result.best_epoch])
    assert not torch.equal(weights[2], weights[3])
    assert [r.metrics["score"] for r in training.history] == scores
    assert [r.best_score for r in training.history] == [0.2, 0.5, 0.5, 0.5, 0.6]
    assert [r.best_epoch for r in training.history] == [1, 2, 2, 2, 5]
    assert [(r.epoch, r.last) for r in training.history] == [(1, False), (2, False), (3, False), (4, False), (5, True)]


def test_a_score_that_is_not_defined_ends_the_training_and_is_never_a_number(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainables.judging.evaluate", Scripted([{"kappa": 0.25}, {}]))
    training = make(store, max_epochs=2, selection_metric="kappa")
    message = (
        r"must be defined on the validation set, but kappa is not in transfer/none/densenet121/all \(6 images, .*'freq"
    )
    with pytest.raises(UndefinedScoreError, match=message):
        list(train(training))
    assert [result.metrics["score"] for result in training.history] == [0.25]


@pytest.mark.parametrize(("image_size_px", "on_a_cpu"), [(32, 128), (64, 64), (128, 16), (256, 16)])
def test_few_large_images_are_scored_at_once_on_a_cpu(image_size_px: int, on_a_cpu: int) -> None:
    training: Any = SimpleNamespace(micro_batch_size=None, store=SimpleNamespace(image_size_px=image_size_px))
    for device, size in (("cpu", on_a_cpu), ("cuda", 128)):
        training.device = torch.device(device)
        assert evaluation_batch_size(training) == size


def test_the_scores_do_not_depend_on_how_many_are_scored_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    training = make(store)
    metrics, probabilities_NL = evaluate(training, "validation")
    monkeypatch.setattr(judging, "CPU_LEAST", 3)
    monkeypatch.setattr(judging, "CPU_PIXELS", 1)
    again, others_NL = evaluate(training, "validation")
    np.testing.assert_allclose(others_NL, probabilities_NL, atol=1e-6)
    assert again == pytest.approx(metrics, rel=1e-5)


def test_a_network_that_is_scored_as_it_is_has_one_result_which_is_the_last(store: Store) -> None:
    result = untrained(make(store, max_epochs=3))
    assert (result.epoch, result.best_epoch, result.last) == (1, 1, True)


@pytest.mark.parametrize(("micro_batch_size", "sizes"), [(None, [6]), (1, [4, 2])])
def test_images_are_scored_many_at_once_and_fewer_where_the_gpu_is_small(
    store: Store, micro_batch_size: int | None, sizes: list[int]
) -> None:
    training, seen = make(store), list[int]()
    training.micro_batch_size = micro_batch_size
    training.student.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    evaluate(training, "validation")
    assert seen == sizes
