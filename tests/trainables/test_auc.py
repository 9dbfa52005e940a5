"""Mean AUCs against scikit-learn's own forms of them, where the AUCs are below one and differ."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score, roc_auc_score

from trainables.metrics import multiclass_metrics, multilabel_metrics

NUM_IMAGES = 200
NAMES = ("No DR", "Mild", "Moderate", "Severe", "Proliferative DR")


def mean_auc(metrics: dict[str, float]) -> float:
    """The mean over every class or label that has both positives and negatives: the paper's rule."""
    return metrics["auc_defined"] if "auc_defined" in metrics else metrics["auc"]


def classes_and_probabilities(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Five classes, as unevenly frequent as Retina's grades, some of them hard to tell from the rest."""
    generator = np.random.default_rng(seed)
    classes_N = generator.choice(5, size=NUM_IMAGES, p=[0.6, 0.1, 0.15, 0.08, 0.07])
    logits_NL = generator.normal(size=(NUM_IMAGES, 5))
    logits_NL[np.arange(NUM_IMAGES), classes_N] += np.array([0.3, 2.0, 0.8, 1.5, 0.1])[classes_N]
    return classes_N, np.exp(logits_NL) / np.exp(logits_NL).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(5))
def test_the_auc_over_classes_is_sklearns_one_against_the_rest(seed: int) -> None:
    classes_N, probabilities_NL = classes_and_probabilities(seed)
    expected = roc_auc_score(classes_N, probabilities_NL, multi_class="ovr", average="macro")
    each = [roc_auc_score(classes_N == c, probabilities_NL[:, c]) for c in range(5)]
    assert expected < 0.85 and max(each) - min(each) > 0.1  # neither the largest of them nor the middle one is near
    assert mean_auc(multiclass_metrics(probabilities_NL, classes_N, NAMES)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_the_auc_over_the_classes_that_are_there_is_sklearns(seed: int) -> None:
    classes_N, probabilities_NL = classes_and_probabilities(seed)
    seen_N = classes_N != 3  # one class has no positives: it is left out, and not averaged in as a number
    expected = np.mean([roc_auc_score(classes_N[seen_N] == c, probabilities_NL[seen_N, c]) for c in (0, 1, 2, 4)])
    metrics = multiclass_metrics(probabilities_NL[seen_N], classes_N[seen_N], NAMES)
    assert mean_auc(metrics) == pytest.approx(expected, abs=1e-12)


def test_the_other_metrics_over_classes_are_sklearns() -> None:
    classes_N, probabilities_NL = classes_and_probabilities(0)
    classes_N[classes_N == 3] = 4  # absent from the truth, yet its distance counts in the kappa
    probabilities_NL[:, 3] = 0
    predicted_N = probabilities_NL.argmax(axis=1)
    metrics = multiclass_metrics(probabilities_NL, classes_N, NAMES)
    assert metrics["accuracy"] == pytest.approx(accuracy_score(classes_N, predicted_N))
    assert metrics["f1_weighted"] == pytest.approx(f1_score(classes_N, predicted_N, average="weighted"))
    kappa = cohen_kappa_score(classes_N, predicted_N, weights="quadratic", labels=range(5))
    assert kappa != pytest.approx(cohen_kappa_score(classes_N, predicted_N, weights="quadratic"), abs=1e-3)
    assert metrics["kappa"] == pytest.approx(kappa)


@pytest.mark.parametrize("seed", range(5))
def test_the_auc_over_labels_is_sklearns_and_its_masked_entries_count_for_nothing(seed: int) -> None:
    generator = np.random.default_rng(seed)
    targets_NL = (generator.random((NUM_IMAGES, 4)) < [0.5, 0.3, 0.2, 0.1]).astype(np.float64)
    logits_NL = generator.normal(size=targets_NL.shape) + targets_NL * [0.0, 0.5, 1.0, 2.0]
    probabilities_NL = 1 / (1 + np.exp(-logits_NL))
    names = ("Edema", "Mass", "Nodule", "Hernia")
    all_NL = np.ones(targets_NL.shape, bool)
    each = roc_auc_score(targets_NL, probabilities_NL, average=None)
    metrics = multilabel_metrics(probabilities_NL, targets_NL, all_NL, names)
    assert each.max() < 1 and each.max() - each.min() > 0.1
    assert mean_auc(metrics) == pytest.approx(each.mean(), abs=1e-12)
    assert [metrics[f"auc_{name}"] for name in names] == pytest.approx(each.tolist(), abs=1e-12)
    assert metrics["accuracy"] == pytest.approx(((probabilities_NL > 0.5) == targets_NL).mean())

    mask_NL = generator.random(targets_NL.shape) < 0.7
    known = [roc_auc_score(targets_NL[m, i], probabilities_NL[m, i]) for i, m in enumerate(mask_NL.T)]
    masked = multilabel_metrics(probabilities_NL, targets_NL, mask_NL, names)
    assert mean_auc(masked) == pytest.approx(np.mean(known), abs=1e-12) != pytest.approx(each.mean(), abs=1e-4)
    assert masked["accuracy"] == pytest.approx(((probabilities_NL > 0.5) == targets_NL)[mask_NL].mean())
