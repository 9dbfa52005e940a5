"""`analysis.stats.thresholds`, on scores worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.stats.thresholds import Rule, threshold

#            0.9 +  0.8 -  0.7 +  0.6 +  0.4 -  0.3 -  0.2 +  0.1 -
SCORES = np.array([0.1, 0.9, 0.3, 0.7, 0.8, 0.2, 0.6, 0.4])
POSITIVE = np.array([0, 1, 0, 1, 0, 1, 1, 0], dtype=bool)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule(kind="youden"), 0.6),  # three of four positives, one of four negatives: 0.75 + 0.75
        (Rule(kind="sensitivity", level=0.75), 0.6),
        (Rule(kind="sensitivity", level=0.9), 0.2),  # the last positive is needed
        (Rule(kind="specificity", level=0.75), 0.6),
        (Rule(kind="specificity", level=0.9), 0.9),  # above the first negative
    ],
)
def test_the_threshold_of_each_rule(rule: Rule, expected: float) -> None:
    assert threshold(SCORES, POSITIVE, rule) == expected


def test_of_equally_good_thresholds_the_highest_is_taken() -> None:
    score_N, positive_N = np.array([0.9, 0.5, 0.4, 0.1]), np.array([1, 0, 1, 0], dtype=bool)
    assert threshold(score_N, positive_N, Rule(kind="youden")) == 0.9  # as good as 0.4, with fewer alarms


def test_there_is_none_where_a_class_is_missing_or_the_level_is_out_of_reach() -> None:
    assert threshold(SCORES, np.ones(8, dtype=bool), Rule(kind="youden")) is None
    assert threshold(SCORES, np.zeros(8, dtype=bool), Rule(kind="youden")) is None
    constant_N = np.full(8, 0.5)  # one threshold, at which everything is positive
    assert threshold(constant_N, POSITIVE, Rule(kind="specificity", level=0.5)) is None
    assert threshold(constant_N, POSITIVE, Rule(kind="sensitivity", level=0.9)) == 0.5
    negative_first_N = np.array([0.9, 0.1])  # no threshold leaves the one negative alone
    assert threshold(negative_first_N, np.array([False, True]), Rule(kind="specificity")) is None


@pytest.mark.parametrize("hits", range(1, 11))
def test_a_level_that_is_met_exactly_is_met_whatever_rounding_does(hits: int) -> None:
    score_N = np.arange(20, 0, -1).astype(float)  # positives and negatives by turns, a positive first
    rule = Rule(kind="sensitivity", level=min(hits / 10, 0.999))
    assert threshold(score_N, np.arange(20) % 2 == 0, rule) == score_N[2 * (hits - 1)]


def test_a_sensitivity_that_costs_nothing_is_taken() -> None:
    score_N, positive_N = np.arange(20) / 20, np.arange(20) >= 10  # all positives lie above all negatives
    for rule in (Rule(kind="sensitivity", level=0.3), Rule(kind="specificity", level=0.3), Rule(kind="youden")):
        assert threshold(score_N, positive_N, rule) == 0.5


@pytest.mark.parametrize("facts", [{"kind": "best"}, {"kind": "youden", "level": 0}, {"kind": "youden", "level": 1.0}])
def test_a_rule_that_there_is_not(facts: dict) -> None:
    with pytest.raises(ValueError, match="must"):
        Rule(**facts)


def test_a_rule_in_words() -> None:
    words = [Rule(kind=kind, level=0.95).title for kind in ("youden", "sensitivity", "specificity")]
    assert words == ["Youden's index", "sensitivity of 95%", "specificity of 95%"]
