"""Temperature scaling and the Brier score: by hand, against scikit-learn, and a temperature that is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit, softmax
from sklearn.metrics import brier_score_loss, log_loss

from analysis.stats.temperature import (
    CLIPPED_AT,
    HIGHEST,
    LEAST,
    LOWEST,
    brier_N,
    brier_of_prevalence,
    is_at_bound,
    nll_N,
    scaled,
    temperature,
    two_classes,
)


def test_a_known_temperature_is_found() -> None:
    generator = np.random.default_rng(0)
    true = softmax(generator.normal(size=(20_000, 4)), axis=1)
    classes = np.array([generator.choice(4, p=row) for row in true])
    too_certain = softmax(3 * np.log(true), axis=1)
    found = temperature(too_certain, classes)
    assert found == pytest.approx(3, rel=0.05)
    np.testing.assert_allclose(scaled(too_certain, 3.0), true, atol=1e-5)


def test_of_a_label_by_hand() -> None:
    # Three of four images are positive, and all get the same logit: the best T makes it the logit of 3/4.
    probability = np.full(4, 0.9)
    found = temperature(two_classes(probability), np.array([1, 1, 1, 0]))
    assert found == pytest.approx(logit(0.9) / logit(0.75), rel=1e-4)
    assert scaled(two_classes(probability), 2.0)[:, 1] == pytest.approx(expit(logit(0.9) / 2))


def test_no_other_temperature_is_better() -> None:
    generator = np.random.default_rng(3)
    probabilities = generator.dirichlet(np.ones(3), size=50)
    classes = np.where(generator.random(50) < 0.5, probabilities.argmax(axis=1), generator.integers(0, 3, size=50))
    found = temperature(probabilities, classes)
    assert found is not None and not is_at_bound(found)
    losses = [log_loss(classes, scaled(probabilities, t)) for t in np.geomspace(LOWEST, HIGHEST, 400)]
    assert log_loss(classes, scaled(probabilities, found)) <= min(losses) + 1e-9


def test_of_one_class_there_is_none_and_a_useless_score_reaches_a_bound() -> None:
    assert temperature(np.full((3, 2), 0.5), np.array([1, 1, 1])) is None
    wrong = temperature(two_classes(np.array([0.1, 0.9] * 10)), np.array([1, 0] * 10))
    right = temperature(two_classes(np.array([0.4, 0.6] * 10)), np.array([0, 1] * 10))
    assert wrong is not None and right is not None
    assert [wrong, right] == pytest.approx([HIGHEST, LOWEST], rel=1e-3)
    assert is_at_bound(wrong) and is_at_bound(right) and not is_at_bound(1.0)


def test_losses_by_hand() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5]])
    classes = np.array([0, 0])
    assert brier_N(probabilities, classes) == pytest.approx([0.09 + 0.04 + 0.01, 1 + 0.25 + 0.25])
    assert nll_N(probabilities, classes) == pytest.approx([-np.log(0.7), -np.log(LEAST)])
    assert brier_of_prevalence(np.array([0, 0, 1, 2]), 3) == pytest.approx(1 - (0.25 + 2 / 16))


def test_a_certain_answer_costs_no_more_than_float32_can_say() -> None:
    certain = two_classes(np.array([1.0, 0.0], dtype=np.float32))
    assert nll_N(certain, np.array([0, 1])) == pytest.approx([-np.log(CLIPPED_AT)] * 2)


def test_losses_of_labels_are_scikit_learns() -> None:
    generator = np.random.default_rng(1)
    probability, positive = generator.random(60), generator.integers(0, 2, size=60)
    both = two_classes(probability)
    assert brier_N(both, positive).mean() == pytest.approx(brier_score_loss(positive, probability))
    assert nll_N(both, positive).mean() == pytest.approx(log_loss(positive, probability))
    constant = np.full(60, positive.mean())
    assert brier_of_prevalence(positive, 2) == pytest.approx(brier_score_loss(positive, constant))
