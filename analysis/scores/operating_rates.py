"""What decisions at validation's thresholds come to among test images, cell by cell and label by label.

Shapes: B draws, L labels, S repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.reading.predictions import Predictions, in_parts
from analysis.reading.repeats import is_fold
from analysis.scores.drawn_intervals import Estimate, estimate, is_untrained
from analysis.scores.labels import counts_of
from analysis.scores.operating_points import counts_at, thresholds_SL
from analysis.stats.decision_counts import RATES, Counts
from analysis.stats.thresholds import Rule
from trainables.data.averaging import MIN_POSITIVES

MEAN = "mean"  # in the place of a label: the mean over those that can be scored
FEW, ONE_CLASS, UNREACHED = "too few", "one class", "not reached"
KEYS = ["cell", "rule", "label", "problem", "num_reached", "n", "num_labels", "num_positives", "num_images"]
GAINS = ("net_benefit", "treat_all", "gain")

Of = Callable[[Counts, NDArray[np.float64]], NDArray[np.float64]]  # counts, threshold of each label -> a number [B, L]


def rate_rows(
    cell: str,
    tested: Sequence[Predictions],
    validated: Sequence[Predictions],
    rule: Rule,
    weights_BN: NDArray[np.float32] | None,
) -> pd.DataFrame:
    """One row per averaged label, and one for their mean: `KEYS`, threshold (mean over repeats), prevalence, the rates
    of `analysis.stats.decision_counts.RATES`, net_benefit, treat_all, and gain (net benefit less that of the better of
    treating all and treating none), each with its ``_low`` and ``_high``. Fractions.

    `problem` says why a row has no numbers: `FEW` positives or negatives among the test images (`MIN_POSITIVES`, in
    each part, or in all folds together), `ONE_CLASS` alone in the validation images of a repeat, or a level that is
    `UNREACHED` in a repeat; `num_reached` of n repeats have a threshold. The mean is over the labels that have neither
    of the first two problems, which are the same for all cells; it has no numbers where one of them has the third.

    Args:
        cell: its name.
        tested: each repeat's test images, as `analysis.scores.operating_points.decided` gives them.
        validated: the same repeats' validation images.
        rule: how the thresholds are chosen.
        weights_BN: of `analysis.scores.drawn_intervals.shared_weights`.
    """
    threshold_SL = thresholds_SL(validated, rule)
    scored = _Scored(cell, tested, threshold_SL, weights_BN)
    columns = np.flatnonzero(tested[0].averaged_L)
    problems = {int(column): _problem(tested, validated, threshold_SL, int(column)) for column in columns}
    usable = [column for column, problem in problems.items() if problem not in (FEW, ONE_CLASS)]
    rows = [scored.row(tested[0].label_names[column], [column], problem) for column, problem in problems.items()]
    if usable:
        rows.append(scored.row(MEAN, usable, UNREACHED if UNREACHED in problems.values() else ""))
    names = ["threshold", *(f"{name}{end}" for name in ("prevalence", *RATES, *GAINS) for end in ("", "_low", "_high"))]
    frame = pd.DataFrame(rows, columns=[*KEYS, *names])
    return frame.assign(cell=cell, rule=rule.title, n=len(tested))


class _Scored:
    """A cell's decisions, counted once for all test images and once in all draws of their patients."""

    def __init__(
        self,
        cell: str,
        tested: Sequence[Predictions],
        threshold_SL: NDArray[np.float64],
        weights_BN: NDArray[np.float32] | None,
    ) -> None:
        self._is_untrained, self._tested, self._threshold_SL = is_untrained(cell), tested, threshold_SL
        pairs = list(zip(tested, threshold_SL, strict=True))
        self._points = [counts_at(repeat, threshold_L) for repeat, threshold_L in pairs]
        self._draws = self._points
        if weights_BN is not None:
            self._draws = [counts_at(repeat, threshold_L, weights_BN) for repeat, threshold_L in pairs]

    def row(self, label: str, columns: Sequence[int], problem: str) -> dict[str, object]:
        """The row of the mean over these labels, which is called `label`; without numbers where it has a problem."""
        is_reached_S = np.isfinite(self._threshold_SL[:, columns]).all(axis=1)
        counts = [_counts(self._tested, column) for column in columns]
        return {
            "label": label,
            "problem": problem,
            "num_reached": int(is_reached_S.sum()),
            "num_labels": len(columns),
            **{name: sum(each[name] for each in counts) for name in counts[0]},
            **self._numbers([] if problem else columns),
        }

    def _numbers(self, columns: Sequence[int]) -> dict[str, float]:
        """The numbers of a row: means over the labels of these columns; NaN without any."""
        wanted: dict[str, tuple[Of, tuple[float, float]]]
        wanted = {name: (_rate(name), (0.0, 1.0)) for name in ("prevalence", *RATES)}
        for name, of in zip(GAINS, (Counts.net_benefit, Counts.treat_all, _gain), strict=True):
            wanted[name] = (of, (-np.inf, 1.0))
        row = {"threshold": float(self._threshold_SL[:, columns].mean()) if columns else np.nan}
        for name, (of, within) in wanted.items():
            row |= (self._estimate(of, columns, within) if columns else Estimate(mean=np.nan)).columns(name)
        return row

    def _estimate(self, of: Of, columns: Sequence[int], within: tuple[float, float]) -> Estimate:
        points, draws = (
            np.stack(
                [
                    of(counts, threshold_L)[:, columns].mean(axis=1)
                    for counts, threshold_L in zip(each, self._threshold_SL, strict=True)
                ]
            )
            for each in (self._points, self._draws)
        )
        return estimate(points[:, 0], draws, self._tested, is_untrained=self._is_untrained, within=within)


def _rate(name: str) -> Of:
    return lambda counts, _: np.asarray(getattr(counts, name))


def _gain(counts: Counts, threshold_L: NDArray[np.float64]) -> NDArray[np.float64]:
    return counts.net_benefit(threshold_L) - np.maximum(counts.treat_all(threshold_L), 0)


def _problem(
    tested: Sequence[Predictions], validated: Sequence[Predictions], threshold_SL: NDArray[np.float64], column: int
) -> str:
    """Why a label has no numbers; "" where it has."""
    if not has_enough_tested(tested)[column]:
        return FEW
    rarer = [counts_of(repeat, _all(repeat))[:, column].min() for repeat in validated]
    if min(rarer) == 0:
        return ONE_CLASS
    return "" if np.isfinite(threshold_SL[:, column]).all() else UNREACHED


def has_enough_tested(tested: Sequence[Predictions]) -> NDArray[np.bool_]:
    """Which labels have `MIN_POSITIVES` positives and negatives: in each part's test images, or in all folds', [L]."""
    counts = [counts_of(part, _all(part)) for part in _firsts(tested)]
    total = np.sum(counts, axis=0) if is_fold(tested[0].test_part) else np.min(counts, axis=0)
    return np.asarray(total.min(axis=0) >= MIN_POSITIVES)


def _counts(tested: Sequence[Predictions], column: int) -> dict[str, int]:
    """Positives and images of a label: of all folds together, or of a split on average."""
    counts = np.array([counts_of(part, _all(part))[:, column] for part in _firsts(tested)])
    share = 1 if is_fold(tested[0].test_part) else len(counts)
    return {
        "num_positives": round(int(counts[:, 0].sum()) / share),
        "num_images": round(int(counts.sum()) / share),
    }


def _firsts(tested: Sequence[Predictions]) -> list[Predictions]:
    return [of_part[0] for of_part in in_parts(tested).values()]


def _all(predictions: Predictions) -> NDArray[Any]:
    return np.ones(len(predictions.images), dtype=bool)
