"""Metrics worked by hand, and what is not defined stays absent."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from trainables.metrics import label_auc, metric_name, multiclass_metrics, multilabel_metrics

ABC = ("a", "b", "c")


def test_an_auc_is_the_share_of_pairs_in_order():
    scores = np.array([0.1, 0.4, 0.35, 0.8])
    assert label_auc(scores, np.array([False, False, True, True])) == pytest.approx(0.75)


@pytest.mark.parametrize("positives", [np.zeros(3, bool), np.ones(3, bool)])
def test_an_auc_of_one_class_is_not_defined(positives):
    assert label_auc(np.array([0.1, 0.2, 0.3]), positives) is None


def test_multiclass_metrics_worked_by_hand():
    # Predicted 0, 1, 1, 2 against 0, 1, 2, 2: three of four right; F1 a class 1, 2/3, 2/3.
    probabilities = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7]])
    metrics = multiclass_metrics(probabilities, np.array([0, 1, 2, 2]), ABC)
    assert metrics["accuracy"] == pytest.approx(0.75)
    assert metrics["f1_weighted"] == pytest.approx((1 + 2 / 3 + 2 * 2 / 3) / 4)
    assert metrics["auc"] == pytest.approx(1.0)
    # Weights (i-j)^2: observed 1 of 4; expected over the outer product of (1,2,1)/4 and (1,1,2)/4 is 20/16.
    assert metrics["kappa"] == pytest.approx(1 - (1 / 4) / (20 / 16))


def test_a_class_that_is_absent_is_left_out_of_the_mean():
    probabilities = np.array([[0.5, 0.4, 0.1], [0.3, 0.6, 0.1], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1]])
    metrics = multiclass_metrics(probabilities, np.array([0, 1, 1, 1]), ABC)
    # Of the three pairs of the first class one is in order, of those of the second as well.
    assert metrics["auc"] == metrics["auc_defined"] == pytest.approx(2 / 3)
    assert "auc_c" not in metrics


def test_one_class_alone_has_no_auc_and_no_kappa():
    metrics = multiclass_metrics(np.array([[0.9, 0.1], [0.8, 0.2]]), np.array([0, 0]), ABC[:2])
    assert metrics == {"f1_weighted": 1.0, "accuracy": 1.0, "num_constant": 1.0}


def test_multilabel_metrics_leave_out_masked_entries_and_undefined_labels():
    probabilities = np.array([[0.9, 0.2], [0.1, 0.3], [0.2, 0.4]])
    targets = np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    mask = np.array([[True, True], [True, True], [False, True]])
    metrics = multilabel_metrics(probabilities, targets, mask, ("Pleural Effusion", "Hernia"))
    aucs = {"auc_Pleural_Effusion": 1.0, "auc": 1.0, "auc_defined": 1.0}
    assert metrics == {**aucs, "accuracy": 1.0, "num_constant": 0.0}


def test_a_labels_name_is_made_fit_for_a_metrics_name():
    assert metric_name(" Lung/Opacity [x]=1 ") == "Lung_Opacity_x_1"


@pytest.fixture
def scored() -> tuple[np.ndarray, np.ndarray]:
    """Probabilities [60, 3] that know a little of the classes [60]: 40, 17 and 3 of them."""
    rng = np.random.default_rng(3)
    classes = np.repeat([0, 1, 2], [40, 17, 3])
    logits = rng.normal(size=(60, 3)) + 0.5 * np.eye(3)[classes]
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), classes


def test_the_mean_auc_is_over_the_averaged_classes_and_the_papers_stands_beside_it(scored):
    probabilities, classes = scored
    own = [roc_auc_score(classes == c, probabilities[:, c]) for c in range(3)]
    metrics = multiclass_metrics(probabilities, classes, ABC, ("a", "b"))
    assert [metrics[f"auc_{name}"] for name in ABC] == pytest.approx(own)
    assert metrics["auc"] == pytest.approx((own[0] + own[1]) / 2)
    assert metrics["auc_defined"] == pytest.approx(roc_auc_score(classes, probabilities, multi_class="ovr"))
    assert max(own) < 1 and abs(metrics["auc"] - metrics["auc_defined"]) > 1e-3


def test_the_mean_auc_is_over_the_averaged_labels_and_the_papers_stands_beside_it(scored):
    probabilities, classes = scored
    targets = np.eye(3)[classes]
    known = np.ones((60, 3), bool)
    known[:5, 0] = False
    own = [roc_auc_score(targets[known[:, c], c], probabilities[known[:, c], c]) for c in range(3)]
    metrics = multilabel_metrics(probabilities, targets, known, ABC, ("b",))
    assert [metrics[f"auc_{name}"] for name in ABC] == pytest.approx(own)
    assert metrics["auc"] == metrics["auc_b"] == pytest.approx(own[1])
    assert metrics["auc_defined"] == pytest.approx(np.mean(own))


def test_a_mean_over_a_label_that_is_not_defined_is_absent(scored):
    probabilities, classes = scored
    targets = np.eye(3)[classes]
    targets[:, 2] = 0
    everything = np.ones((60, 3), bool)
    for averaged in (ABC, ()):
        metrics = multilabel_metrics(probabilities, targets, everything, ABC, averaged)
        assert "auc" not in metrics and "auc_c" not in metrics and "auc_defined" in metrics
        metrics = multiclass_metrics(probabilities[classes < 2], classes[classes < 2], ABC, averaged)
        assert "auc" not in metrics and "auc_c" not in metrics and "auc_defined" in metrics


def test_answers_that_do_not_vary_are_counted(scored):
    probabilities, classes = scored
    targets, everything = np.eye(3)[classes], np.ones((60, 3), bool)
    assert multiclass_metrics(probabilities, classes, ABC)["num_constant"] == 0
    assert multilabel_metrics(probabilities, targets, everything, ABC)["num_constant"] == 0
    one_class = probabilities + np.array([5.0, 0, 0])  # they vary, but the answer does not
    assert multiclass_metrics(one_class, classes, ABC)["num_constant"] == 1
    alike = probabilities.copy()
    alike[:, :2] = 0.5
    alike[0, 0] += 1e-7
    assert multilabel_metrics(alike, targets, everything, ABC)["num_constant"] == 2
    alike[0, 0] += 1e-5
    assert multilabel_metrics(alike, targets, everything, ABC)["num_constant"] == 1


def test_a_constant_answer_to_several_classes_has_a_kappa_of_zero():
    probabilities = np.tile([0.6, 0.3, 0.1], (4, 1))
    assert multiclass_metrics(probabilities, np.array([0, 0, 1, 2]), ABC)["kappa"] == 0
    assert multiclass_metrics(probabilities, np.array([1, 1, 1, 1]), ABC)["kappa"] == 0
    assert "kappa" not in multiclass_metrics(probabilities, np.array([0, 0, 0, 0]), ABC)
