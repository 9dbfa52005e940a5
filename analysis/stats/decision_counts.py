"""What decisions at a threshold come to in every draw of a bootstrap: counts, rates and net benefit.

Net benefit is that of A. Vickers and E. Elkin, Medical Decision Making 26 (2006).

Shapes: B draws, N images, L labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
RATES = ("sensitivity", "specificity", "ppv", "npv", "f1")  # the properties of `Counts` that are rates


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How many images of each draw are decided rightly and wrongly, [B, L]; a rate is NaN where it has no images."""

    true_positives: Floats
    false_positives: Floats
    true_negatives: Floats
    false_negatives: Floats

    @property
    def images(self) -> Floats:
        """All that are scored."""
        return self.true_positives + self.false_positives + self.true_negatives + self.false_negatives

    @property
    def prevalence(self) -> Floats:
        """The share of positives."""
        return _ratio(self.true_positives + self.false_negatives, self.images)

    @property
    def sensitivity(self) -> Floats:
        """The share of positives that are found."""
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def specificity(self) -> Floats:
        """The share of negatives that are left alone."""
        return _ratio(self.true_negatives, self.true_negatives + self.false_positives)

    @property
    def ppv(self) -> Floats:
        """The positive predictive value: the share of alarms that are right."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def npv(self) -> Floats:
        """The negative predictive value: the share of all-clears that are right."""
        return _ratio(self.true_negatives, self.true_negatives + self.false_negatives)

    @property
    def f1(self) -> Floats:
        """The harmonic mean of sensitivity and positive predictive value."""
        doubled = 2 * self.true_positives
        return _ratio(doubled, doubled + self.false_positives + self.false_negatives)

    def net_benefit(self, probability_L: Floats) -> Floats:
        """True positives per image, less false positives at the exchange rate of the threshold probability.

        Whoever treats from a probability p on holds one missed patient for as bad as (1 - p) / p treated in vain. NaN
        where p is not below 1, or not above 0.
        """
        return _net_benefit(self.true_positives, self.false_positives, self.images, probability_L)

    def treat_all(self, probability_L: Floats) -> Floats:
        """The net benefit of treating everyone; that of treating no one is 0."""
        positives = self.true_positives + self.false_negatives
        return _net_benefit(positives, self.images - positives, self.images, probability_L)


def counted(
    alarm_NL: Booleans, positive_NL: Booleans, known_NL: Booleans, weights_BN: NDArray[np.float32] | None = None
) -> Counts:
    """The counts of decisions in each draw of patients; without draws, of the images themselves (B = 1).

    Args:
        alarm_NL: what is decided.
        positive_NL: what is true.
        known_NL: False where a label is not scored.
        weights_BN: how often each draw has each image (`analysis.stats.bootstrap.patient_weights`).
    """
    weights = np.ones((1, len(alarm_NL)), dtype=np.float32) if weights_BN is None else weights_BN

    def total(chosen_NL: Booleans) -> Floats:
        return (weights @ chosen_NL.astype(np.float32)).astype(np.float64)  # sums of counts are exact in float32

    alarm_NL, positive_NL = alarm_NL & known_NL, positive_NL & known_NL
    hits, alarms, positives, images = map(total, (alarm_NL & positive_NL, alarm_NL, positive_NL, known_NL))
    return Counts(
        true_positives=hits,
        false_positives=alarms - hits,
        true_negatives=images - alarms - positives + hits,
        false_negatives=positives - hits,
    )


def _net_benefit(hits: Floats, false_alarms: Floats, images: Floats, probability_L: Floats) -> Floats:
    p = np.asarray(probability_L, dtype=np.float64)
    odds = _ratio(p, 1 - p)
    return _ratio(hits, images) - np.where(p > 0, odds, np.nan) * _ratio(false_alarms, images)


def _ratio(above: Floats, below: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(below > 0, above / below, np.nan), dtype=np.float64)
