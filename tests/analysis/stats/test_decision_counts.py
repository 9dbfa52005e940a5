"""Counts of decisions, their rates and their net benefit: by hand, and in draws that count images several times."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, precision_score, recall_score

from analysis.stats.decision_counts import RATES, counted

# Ten images of one label: 3 hits, 1 miss, 2 false alarms, 4 left alone.
ALARM = np.array([1, 1, 1, 0, 1, 1, 0, 0, 0, 0], dtype=bool)[:, None]
POSITIVE = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], dtype=bool)[:, None]
KNOWN = np.ones_like(POSITIVE)


def test_by_hand() -> None:
    counts = counted(ALARM, POSITIVE, KNOWN)
    found = [counts.true_positives, counts.false_positives, counts.true_negatives, counts.false_negatives]
    assert np.ravel(found).tolist() == [3, 2, 4, 1] and counts.images.tolist() == [[10]]
    values = [getattr(counts, name).item() for name in RATES]
    assert values == pytest.approx([3 / 4, 4 / 6, 3 / 5, 4 / 5, 2 * 0.6 * 0.75 / (0.6 + 0.75)])
    assert counts.prevalence.item() == pytest.approx(0.4)


def test_net_benefit_by_hand() -> None:
    counts = counted(ALARM, POSITIVE, KNOWN)
    # At a threshold probability of 20%, one missed patient is as bad as four treated in vain.
    assert counts.net_benefit(np.array([0.2])).item() == pytest.approx(3 / 10 - 2 / 10 / 4)
    assert counts.treat_all(np.array([0.2])).item() == pytest.approx(4 / 10 - 6 / 10 / 4)
    # Treating everyone is worth nothing where the threshold probability is the prevalence.
    assert counts.treat_all(np.array([0.4])).item() == pytest.approx(0)


@pytest.mark.parametrize("probability", [0.0, 1.0, np.nan])
def test_at_0_and_1_there_is_no_exchange_rate(probability: float) -> None:
    counts = counted(ALARM, POSITIVE, KNOWN)
    assert np.isnan(counts.net_benefit(np.array([probability])).item())
    assert np.isnan(counts.treat_all(np.array([probability])).item())


def test_a_draw_counts_an_image_as_often_as_it_is_drawn_and_unknown_labels_never() -> None:
    generator = np.random.default_rng(0)
    alarm, positive, known = (generator.random((40, 3)) < share for share in (0.5, 0.4, 0.8))
    weights = generator.integers(0, 3, size=(4, 40)).astype(np.float32)
    counts = counted(alarm, positive, known, weights)
    for draw in range(4):
        drawn = np.repeat(np.arange(40), weights[draw].astype(int))
        for label in range(3):
            rows = drawn[known[drawn, label]]
            true, said = positive[rows, label], alarm[rows, label]
            tn, fp, fn, _ = confusion_matrix(true, said).ravel()
            theirs = [recall_score(true, said), tn / (tn + fp), precision_score(true, said), tn / (tn + fn)]
            ours = [getattr(counts, name)[draw, label] for name in RATES]
            assert ours == pytest.approx([*theirs, f1_score(true, said)])
            assert counts.images[draw, label] == len(rows)


def test_a_rate_without_images_is_not_defined() -> None:
    none = np.zeros_like(ALARM)
    assert np.isnan(counted(none, POSITIVE, KNOWN).ppv).all() and np.isnan(counted(~none, POSITIVE, KNOWN).npv).all()
    assert np.isnan(counted(ALARM, none, KNOWN).sensitivity).all()
    assert np.isnan(counted(ALARM, POSITIVE, none).prevalence).all()
