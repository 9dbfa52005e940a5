"""Underdiagnosis and sensitivity by subgroup: the rate of each group, and which groups are large enough to be judged.

Shapes: B draws, G groups of a kind, K labels, S repeats. The last group is all images whose group is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.reading.repeats import is_fold
from analysis.scores.group_counts import CellCounts, KindCounts
from analysis.scores.missed import SENSITIVITY, UNDERDIAGNOSIS
from analysis.stats.bootstrap import over_seeds, percentiles
from analysis.stats.group_rates import ratio
from analysis.stats.intervals import LEVEL, shown_half_width
from analysis.stats.resampled import SAME, mean_over
from trainables.data.averaging import MIN_POSITIVES, MIN_POSITIVES_UNRELIABLE

Floats = NDArray[np.float64]
COLUMNS = [
    "cell", "kind", "group", "measure", "num_images", "num_patients", "num_counted", "num_labels", "n", "rate", "low",
    "high", "is_enough",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One measure of one cell by the groups of one kind: a rate, or the mean of the rates of several labels."""

    measure: str  # `UNDERDIAGNOSIS`, `SENSITIVITY` or a label
    counts: KindCounts
    labels: tuple[str, ...]  # whose mean it is; () where there is none
    rows_K: NDArray[np.int64]  # their places among the measures
    is_enough_G: NDArray[np.bool_]  # whether `MIN_POSITIVES` test patients or more can be counted, of each label

    @property
    def sign(self) -> int:
        """1 where a high rate is harm, -1 where a low one is."""
        return 1 if self.measure == UNDERDIAGNOSIS else -1

    @property
    def counted_G(self) -> Floats:
        """The images that are counted; of a mean, those of the label that has fewest."""
        return np.asarray(self.counts.counted_KG[self.rows_K].min(axis=0))

    def rates(self, group: int) -> tuple[Floats, Floats]:
        """The rate of a group in each repeat [S], and in each draw [S, B]."""
        counts, rows = self.counts, self.rows_K
        points = ratio(counts.above_KGS[rows, group], counts.below_KGS[rows, group])
        draws = ratio(counts.above_KGSB[rows, group], counts.below_KGB[rows, group][:, None])
        return points.mean(axis=0), draws.mean(axis=0)

    def rest(self, group: int) -> tuple[Floats, Floats]:
        """The same of all other images whose group is known."""
        counts, rows = self.counts, self.rows_K
        points = ratio(
            counts.above_KGS[rows, -1] - counts.above_KGS[rows, group],
            counts.below_KGS[rows, -1] - counts.below_KGS[rows, group],
        )
        above = counts.above_KGSB[rows, -1] - counts.above_KGSB[rows, group]
        below = counts.below_KGB[rows, -1] - counts.below_KGB[rows, group]
        return points.mean(axis=0), ratio(above, below[:, None]).mean(axis=0)

    @property
    def validation_harm_G(self) -> Floats:
        """The harm to each group of the validation images: the rate of all repeats together, or less the sensitivity.

        NaN of groups that are not judged, or have too few validation patients (`MIN_POSITIVES_UNRELIABLE`). To name a
        group, few are enough: what they name is then measured on other images.
        """
        counts, rows = self.counts, self.rows_K
        rate_G = ratio(counts.validation_above_KG[rows], counts.validation_below_KG[rows]).mean(axis=0)
        is_seen_G = counts.validation_patients_KG[rows].min(axis=0) >= MIN_POSITIVES_UNRELIABLE
        return np.where(self.is_enough_G & is_seen_G, self.sign * rate_G, np.nan)[:-1]


def measured(cell: CellCounts, counts: KindCounts, measure: str) -> Measured | None:
    """One measure by the groups of one kind; None where the cell has no such measure.

    The mean sensitivity is over labels that all groups share: those with enough patients in every group that has enough
    of at least half of the labels. Groups then differ in their patients and not in their labels. A group that has
    enough of fewer is not judged.
    """
    findings = [name for name in cell.measures.names if name != UNDERDIAGNOSIS]
    names = findings if measure == SENSITIVITY else [measure]
    if not names or not {*names} <= {*cell.measures.names}:
        return None
    rows_K = np.array([cell.measures.names.index(name) for name in names])
    is_enough_KG = counts.fewest_KG[rows_K] >= MIN_POSITIVES
    is_large_G = is_enough_KG.sum(axis=0) * 2 >= len(names)
    is_large_G &= is_enough_KG.any(axis=0)
    shared_K = is_enough_KG[:, is_large_G].all(axis=1) & bool(is_large_G.any())
    if not shared_K.any():
        shared_K, is_large_G = np.ones(len(names), dtype=bool), np.zeros_like(is_large_G)
    return Measured(
        measure=measure,
        counts=counts,
        labels=tuple(np.array(names)[shared_K]) if measure == SENSITIVITY else (),
        rows_K=rows_K[shared_K],
        is_enough_G=is_large_G,
    )


def harm_rows(cell: CellCounts) -> pd.DataFrame:
    """One row per group and measure: `COLUMNS`, with the mean rate over n repeats and its 95% interval. Fractions.

    The interval is the hierarchical bootstrap's over repeats and patients; where no image or every image of a group has
    the event, a draw has no spread, and the interval is Clopper and Pearson's over patients; a mean over labels has
    none then. On splits drawn anew it is the corrected resampled t's. Folds are pooled, since a fold has few images of
    a group, and have none.

    Groups that are not judged have counts and no rate.
    """
    rows = []
    for counts, of_measure in _all(cell):
        for place, group in enumerate(counts.groups):
            numbers = {"n": 0, "rate": np.nan, "low": np.nan, "high": np.nan}
            if of_measure.is_enough_G[place]:
                numbers = _numbers(cell, of_measure, place)
            rows.append(
                {
                    "cell": cell.cell,
                    "kind": counts.kind,
                    "group": group,
                    "measure": of_measure.measure,
                    "num_images": round(counts.images_G[place]),
                    "num_patients": round(counts.patients_G[place]),
                    "num_counted": round(of_measure.counted_G[place]),
                    "num_labels": max(1, len(of_measure.labels)) if of_measure.is_enough_G[place] else 0,
                    **numbers,
                    "is_enough": bool(of_measure.is_enough_G[place]),
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def _all(cell: CellCounts) -> Iterator[tuple[KindCounts, Measured]]:
    """Every kind with every measure: underdiagnosis, the mean sensitivity, and that of each label."""
    labels = [name for name in cell.measures.names if name != UNDERDIAGNOSIS]
    for counts in cell.kinds:
        for measure in (UNDERDIAGNOSIS, SENSITIVITY, *(labels if len(labels) > 1 else ())):
            if (of_measure := measured(cell, counts, measure)) is not None:
                yield counts, of_measure


def _numbers(cell: CellCounts, of_measure: Measured, place: int) -> dict[str, float]:
    """n, rate, low and high of one group."""
    rate_S, draws_SB = of_measure.rates(place)
    counts, rows = of_measure.counts, of_measure.rows_K
    if is_fold(cell.parts[0]):
        pooled = ratio(counts.above_KGS[rows, place].sum(axis=1), counts.below_KGS[rows, place].sum(axis=1))
        return {"n": len({*cell.parts}), "rate": float(pooled.mean()), "low": np.nan, "high": np.nan}
    if not cell.is_on_one_test_set:
        interval = mean_over(rate_S, cell.parts, cell.test_to_train)
        assert interval is not None
        half_width = shown_half_width(interval, 0, 1)
        ends = {"low": interval.mean - half_width, "high": interval.mean + half_width}
        return {"n": interval.n, "rate": interval.mean, **ends}
    rate = float(rate_S.mean())
    if len(rows) == 1 and rate in (0.0, 1.0):
        num_patients = int(counts.fewest_KG[rows[0], place])
        exact = stats.binomtest(round(rate) * num_patients, num_patients).proportion_ci(LEVEL, method="exact")
        return {"n": len(rate_S), "rate": rate, "low": float(exact.low), "high": float(exact.high)}
    both = percentiles(over_seeds(draws_SB, np.random.default_rng(0)))
    low, high = (both.low, both.high) if both.high - both.low > SAME else (np.nan, np.nan)
    return {"n": len(rate_S), "rate": rate, "low": low, "high": high}
