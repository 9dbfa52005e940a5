"""Thresholds carried to another hospital: chosen on the students' own validation images, and applied as they are.

Shapes: B draws, N images, L labels, S repeats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.reading.other_hospital import BothHospitals
from analysis.reading.predictions import Predictions
from analysis.scores.drawn_intervals import estimate, is_untrained
from analysis.scores.external_draws import Resampled, countable
from analysis.scores.operating_points import counts_at, decided, thresholds_SL
from analysis.stats.thresholds import Rule

RATES = ("sensitivity", "specificity")
COLUMNS = [
    "cell", "rule", "label", "num_repeats", "n",
    *(f"{rate}{end}" for rate in RATES for end in ("_here", "_there", "_change", "_low", "_high")),
]  # fmt: skip
MEAN = "mean"  # in the column `label`: over the labels with a threshold


def rows(
    dataset: str,
    cells: Mapping[str, BothHospitals],
    averaged: Sequence[str],
    rules: Sequence[Rule],
    resampled: Resampled,
) -> pd.DataFrame:
    """One row per cell, rule and label: COLUMNS, the mean over the labels first. Fractions.

    The labels are the averaged ones; grades are decided as `analysis.scores.operating_points.decided` has it. A change
    is the rate there less the rate here; its interval is a bootstrap over the patients of both hospitals and over the
    repeats, and NaN where repeats have other test images here, or `analysis.scores.drawn_intervals.estimate` gives
    none. Repeats whose validation images give no threshold are left out: n of `num_repeats` have one. Labels for which
    none has one have no row, nor have decisions with too few images at a hospital (`countable`).
    """
    found = []
    for cell, both in cells.items():
        if not all(len(repeat.images) for repeat in both.validated):
            continue
        for rule in rules:
            of_labels = _of_cell(dataset, both, averaged, rule, resampled)
            shared = [name for name, (_, usable_S) in of_labels.items() if usable_S.all()]
            if not of_labels:
                continue
            facts = {"cell": cell, "rule": rule.title, "num_repeats": len(both.there)}
            if len(shared) > 1:
                mean = {rate: _mean([of_labels[name][0][rate] for name in shared]) for rate in RATES}
                found.append(facts | {"label": MEAN, "n": len(both.there)} | _row(cell, mean, both))
            for name, (rates, usable_S) in of_labels.items():
                found.append(facts | {"label": name, "n": int(usable_S.sum())} | _row(cell, rates, both))
    return pd.DataFrame(found, columns=COLUMNS)


Sides = tuple[NDArray[np.float64], NDArray[np.float64]]  # here and there, [S, B + 1]: the rate itself, then its draws


def _of_cell(
    dataset: str, both: BothHospitals, averaged: Sequence[str], rule: Rule, resampled: Resampled
) -> dict[str, tuple[dict[str, Sides], NDArray[np.bool_]]]:
    """The rates of each label with a threshold, and which repeats have one, [S]."""
    here, there, validated = (
        [decided(repeat, dataset) for repeat in repeats] for repeats in (both.here, both.there, both.validated)
    )
    limits_SL = thresholds_SL(validated, rule)
    names = there[0].label_names
    frequent = countable(replace(both, here=here, there=there))
    wanted = [name for name in frequent if name in averaged or names != both.label_names]
    counts = [
        [_rates(repeat, limit_L, resampled, side) for repeat, limit_L in zip(repeats, limits_SL, strict=True)]
        for side, repeats in enumerate((here, there))
    ]
    found = {}
    for column, name in enumerate(names):
        usable_S = np.isfinite(limits_SL[:, column])
        if name in wanted and usable_S.any():
            rates = {rate: _sides(counts, rate, column, usable_S) for rate in RATES}
            found[name] = (rates, usable_S)
    return found


def _rates(
    repeat: Predictions, limit_L: NDArray[np.float64], resampled: Resampled, side: int
) -> dict[str, NDArray[np.float64]]:
    """[B + 1, L] by rate: among the images themselves, then in each draw of patients."""
    itself, draws = counts_at(repeat, limit_L), counts_at(repeat, limit_L, resampled.weights(repeat, side))
    return {rate: np.concatenate([getattr(itself, rate), getattr(draws, rate)]) for rate in RATES}


def _sides(
    counts: Sequence[Sequence[Mapping[str, NDArray[np.float64]]]], rate: str, column: int, usable_S: NDArray[np.bool_]
) -> Sides:
    here, there = (
        np.stack([of_repeat[rate][:, column] for of_repeat, usable in zip(side, usable_S, strict=True) if usable])
        for side in counts
    )
    return here, there


def _mean(of_labels: Sequence[Sides]) -> Sides:
    here, there = (np.mean([sides[side] for sides in of_labels], axis=0) for side in range(2))
    return here, there


def _row(cell: str, rates: Mapping[str, Sides], both: BothHospitals) -> dict[str, object]:
    row: dict[str, object] = {}
    has_interval = not both.here[0].test_part
    for rate, (here, there) in rates.items():
        row |= {f"{rate}_here": here[:, 0].mean(), f"{rate}_there": there[:, 0].mean()}
        row[f"{rate}_change"] = there[:, 0].mean() - here[:, 0].mean()
        if has_interval:
            change = there - here
            found = estimate(change[:, 0], change[:, 1:], both.there, is_untrained=is_untrained(cell))
            row |= {f"{rate}_low": found.low, f"{rate}_high": found.high}
    return row
