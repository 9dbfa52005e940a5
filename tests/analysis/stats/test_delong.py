"""DeLong's test against published numbers, against its definition in O(N^2), and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from analysis.stats.delong import covariance, delong

# DeLong et al. 1988: albumin, total protein, 10 - K-G score, and whether 43 patients with ovarian cancer gained from
# surgery; as in the SAS/STAT guide's "Comparing Receiver Operating Characteristic Curves", which prints the results.
TEXT = """
    3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0  1.6 5.6 5 1
    3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1  4.3 7.0 4 1  3.6 6.7 4 0
    2.3 4.4 6 1  4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1  3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1
    3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1  3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0
    3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1  3.5 6.2 5 1  2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1
    3.3 5.7 6 1  3.7 6.9 5 1  3.6 6.6 5 1
"""
OVARIAN = np.array(TEXT.split(), dtype=float).reshape(-1, 4)
ALBUMIN, PROTEIN, KG_SCORE = OVARIAN[:, 0], OVARIAN[:, 1], 10 - OVARIAN[:, 2]
POSITIVE = OVARIAN[:, 3] == 1


def test_published_areas_and_standard_errors() -> None:
    areas, both = covariance(np.stack([ALBUMIN, KG_SCORE, PROTEIN]), POSITIVE)
    assert areas == pytest.approx([0.7366, 0.7258, 0.6478], abs=5e-5)
    assert np.sqrt(np.diag(both)) == pytest.approx([0.0927, 0.1028, 0.1000], abs=5e-5)


def test_published_comparisons() -> None:
    test = delong(ALBUMIN, KG_SCORE, POSITIVE)
    assert test.auc_first - test.auc_second == pytest.approx(0.0108, abs=5e-5)
    assert (test.standard_error, test.p_value) == pytest.approx((0.0953, 0.9102), abs=5e-5)
    test = delong(PROTEIN, KG_SCORE, POSITIVE)
    assert test.auc_first - test.auc_second == pytest.approx(-0.0780, abs=5e-5)
    assert (test.standard_error, test.p_value) == pytest.approx((0.1046, 0.4561), abs=5e-5)


def by_definition(scores_KN: np.ndarray, positive_N: np.ndarray) -> np.ndarray:
    """The covariance from every pair of a positive and a negative, as DeLong et al. write it."""
    wins = [
        (s[positive_N][:, None] > s[~positive_N]) + 0.5 * (s[positive_N][:, None] == s[~positive_N]) for s in scores_KN
    ]
    by_positive = np.stack([pairs.mean(axis=1) for pairs in wins])
    by_negative = np.stack([pairs.mean(axis=0) for pairs in wins])
    return np.cov(by_positive) / positive_N.sum() + np.cov(by_negative) / (~positive_N).sum()


@pytest.mark.parametrize("decimals", [0, 1, 8])
def test_fast_form_is_the_definition(decimals: int) -> None:
    generator = np.random.default_rng(decimals)
    positive = generator.random(150) < 0.2
    scores = (generator.normal(size=(3, 150)) + positive).round(decimals)
    areas, both = covariance(scores, positive)
    np.testing.assert_allclose(both, by_definition(scores, positive), rtol=1e-10)
    np.testing.assert_allclose(areas, [roc_auc_score(positive, score) for score in scores], rtol=1e-12)


def test_by_hand() -> None:
    # Positives 1, 3; negatives 0, 2: the shares below are 1/2 and 1, the shares above 1 and 1/2: AUC 3/4,
    # each variance (1/4)^2 * 2 = 1/8, so the area's is 1/16 + 1/16.
    areas, both = covariance(np.array([[1.0, 3.0, 0.0, 2.0]]), np.array([True, True, False, False]))
    assert areas.tolist() == [0.75]
    assert both == pytest.approx(np.array([[1 / 8]]))


def test_scores_that_rank_alike_do_not_differ() -> None:
    test = delong(ALBUMIN, np.exp(ALBUMIN), POSITIVE)
    assert test.standard_error == pytest.approx(0.0, abs=1e-9) and test.p_value == pytest.approx(1.0)


def test_a_score_and_its_reverse_differ_although_neither_varies() -> None:
    # Areas of 1 and 0, each without variance: the standard error is 0, and the difference is not.
    positive = np.arange(10) < 5
    test = delong(np.where(positive, 1.0, 0.0), np.where(positive, 0.0, 1.0), positive)
    assert (test.auc_first, test.auc_second, test.standard_error, test.p_value) == (1.0, 0.0, 0.0, 0.0)


def test_calibration_under_no_difference() -> None:
    rejected = 0
    for seed in range(300):
        generator = np.random.default_rng(seed)
        positive = np.arange(120) < 40
        first, second = generator.normal(size=(2, 120)) + positive
        rejected += delong(first, second, positive).p_value < 0.05
    assert 5 <= rejected <= 28  # 15 are expected


@pytest.mark.parametrize(
    ("positives", "message"), [(1, "1 positives and 3"), (4, "4 positives and 0"), (0, "0 positives")]
)
def test_too_few_of_a_class(positives: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        delong(np.arange(4.0), np.arange(4.0), np.arange(4) < positives)
