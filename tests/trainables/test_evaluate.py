"""Metrics worked by hand, and what is not defined stays absent."""

from __future__ import annotations

import numpy as np
import pytest

from trainables.evaluate import label_auc, metric_name, multiclass_metrics, multilabel_metrics


def test_an_auc_is_the_share_of_pairs_in_order():
    scores = np.array([0.1, 0.4, 0.35, 0.8])
    assert label_auc(scores, np.array([False, False, True, True])) == pytest.approx(0.75)


@pytest.mark.parametrize("positives", [np.zeros(3, bool), np.ones(3, bool)])
def test_an_auc_of_one_class_is_not_defined(positives):
    assert label_auc(np.array([0.1, 0.2, 0.3]), positives) is None


def test_multiclass_metrics_worked_by_hand():
    # Predicted 0, 1, 1, 2 against 0, 1, 2, 2: three of four right; F1 a class 1, 2/3, 2/3.
    probabilities = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7]])
    metrics = multiclass_metrics(probabilities, np.array([0, 1, 2, 2]))
    assert metrics["accuracy"] == pytest.approx(0.75)
    assert metrics["f1_weighted"] == pytest.approx((1 + 2 / 3 + 2 * 2 / 3) / 4)
    assert metrics["auc"] == pytest.approx(1.0)
    # Weights (i-j)^2: observed 1 of 4; expected over the outer product of (1,2,1)/4 and (1,1,2)/4 is 20/16.
    assert metrics["kappa"] == pytest.approx(1 - (1 / 4) / (20 / 16))


def test_a_class_that_is_absent_is_left_out_of_the_mean():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1]])
    metrics = multiclass_metrics(probabilities, np.array([0, 1, 1, 1]))
    assert metrics["auc"] == pytest.approx(1.0)


def test_one_class_alone_has_no_auc_and_no_kappa():
    metrics = multiclass_metrics(np.array([[0.9, 0.1], [0.8, 0.2]]), np.array([0, 0]))
    assert metrics == {"f1_weighted": 1.0, "accuracy": 1.0}


def test_multilabel_metrics_leave_out_masked_entries_and_undefined_labels():
    probabilities = np.array([[0.9, 0.2], [0.1, 0.3], [0.2, 0.4]])
    targets = np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    mask = np.array([[True, True], [True, True], [False, True]])
    metrics = multilabel_metrics(probabilities, targets, mask, ("Pleural Effusion", "Hernia"))
    assert metrics == {"auc_Pleural_Effusion": 1.0, "auc": 1.0, "accuracy": 1.0}


def test_a_labels_name_is_made_fit_for_a_metrics_name():
    assert metric_name(" Lung/Opacity [x]=1 ") == "Lung_Opacity_x_1"
