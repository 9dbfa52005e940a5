"""Scores against radiologists beside scores against the labels that students were trained on.

Two things differ between a sweep's own test images and those that radiologists read: the patients and the labels. Where
labels mined from the reports of the radiologists' images are at hand, the same answers to the same images are scored
against both, so that the difference is the labels' alone.

Shapes: B draws, N images, S repeats, L labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.reading.other_hospital import BothHospitals
from analysis.reading.predictions import Predictions
from analysis.scores.comparisons import weights_of
from analysis.scores.labels import label_rows
from analysis.stats.bootstrap import auc_draws, over_seeds, percentiles
from trainables.data.averaging import MIN_POSITIVES
from trainables.metrics import label_auc

SCORES = ("own_auc", "own_low", "own_high", "read_auc", "read_low", "read_high")
BESIDE = ("report_auc", "difference", "low", "high")
COUNTS = ("num_positives", "num_images", "num_report_positives", "n")
COLUMNS = ("cell", "label", *SCORES, *BESIDE, *COUNTS)
Draws = NDArray[np.float64]


def rows(
    cells: Mapping[str, BothHospitals],
    reported: Mapping[str, Sequence[Predictions]],
    *,
    is_on_one_split: bool,
    seed: int = 0,
) -> pd.DataFrame:
    """One row per cell and label: the AUC on the sweep's own test images, on the radiologists' images against their
    majority, and on the same images against report labels, with the difference (majority minus reports). Fractions.

    low, high: 95%, hierarchical bootstrap over patients and repeats; the difference is paired by image and repeat. On
    own test images of several parts: Student's or the resampled t, as in the table of labels. A label with fewer than
    `MIN_POSITIVES` positives or negatives has counts alone: NaN.

    Args:
        cells: from `analysis.reading.other_hospital.of_cells`.
        reported: the same repeats on the same images, with report labels; {} where there are none.
        is_on_one_split: whether all repeats have the same test images of their own.
        seed: of the draws.
    """
    lines = []
    for cell, read in cells.items():
        own = label_rows(cell, read.here).set_index("label")
        own_BN = weights_of(read.here[0], seed) if is_on_one_split else None
        read_BN = weights_of(read.there[0], seed)
        for column, label in enumerate(read.there[0].label_names):
            line: dict[str, object] = {"cell": cell, "label": label, "n": len(read.there)}
            line |= _own(read.here, column, own_BN, own.loc[label], seed)
            line |= _read(read.there, reported.get(cell, []), column, read_BN, seed)
            lines.append(line)
    return pd.DataFrame(lines, columns=list(COLUMNS))


def _own(
    repeats: Sequence[Predictions], column: int, weights_BN: NDArray[np.float32] | None, row: pd.Series, seed: int
) -> dict[str, float]:
    if weights_BN is None:
        mean, half = float(row["auc"]), float(row["half_width"])
        return {"own_auc": mean, "own_low": mean - half, "own_high": mean + half}
    if not _is_enough(repeats[0], column):
        return {}
    points, draws_SB = _areas(repeats, column, weights_BN)
    low, high = _ends(draws_SB, seed)
    return {"own_auc": float(points.mean()), "own_low": low, "own_high": high}


def _read(
    repeats: Sequence[Predictions],
    reported: Sequence[Predictions],
    column: int,
    weights_BN: NDArray[np.float32],
    seed: int,
) -> dict[str, float]:
    line: dict[str, float] = {**_counts(repeats[0], column, "num_positives"), "num_report_positives": np.nan}
    line["num_images"] = int(repeats[0].known_NL[:, column].sum())
    is_enough = _is_enough(repeats[0], column)
    if is_enough:
        points, draws_SB = _areas(repeats, column, weights_BN)
        low, high = _ends(draws_SB, seed)
        line |= {"read_auc": float(points.mean()), "read_low": low, "read_high": high}
    if not reported:
        return line
    line |= _counts(reported[0], column, "num_report_positives")
    if is_enough and _is_enough(reported[0], column):
        others, others_SB = _areas(reported, column, weights_BN)
        low, high = _ends(draws_SB - others_SB, seed)
        difference = float((points - others).mean())
        line |= {"report_auc": float(others.mean()), "difference": difference, "low": low, "high": high}
    return line


def _counts(repeat: Predictions, column: int, name: str) -> dict[str, float]:
    return {name: int((repeat.positive_NL & repeat.known_NL)[:, column].sum())}


def _is_enough(repeat: Predictions, column: int) -> bool:
    known_N = repeat.known_NL[:, column]
    num_positives = int(repeat.positive_NL[known_N, column].sum())
    return min(num_positives, int(known_N.sum()) - num_positives) >= MIN_POSITIVES


def _areas(repeats: Sequence[Predictions], column: int, weights_BN: NDArray[np.float32]) -> tuple[Draws, Draws]:
    """The AUC of each repeat, [S], and in each draw of patients, [S, B]."""
    points, draws = [], []
    for repeat in repeats:
        known_N = repeat.known_NL[:, column]
        score_N, positive_N = repeat.probabilities_NL[known_N, column], repeat.positive_NL[known_N, column]
        points.append(label_auc(score_N, positive_N))
        draws.append(auc_draws(score_N, positive_N, weights_BN[:, known_N]))
    return np.array(points, dtype=np.float64), np.stack(draws)


def _ends(draws_SB: Draws, seed: int) -> tuple[float, float]:
    both = percentiles(over_seeds(draws_SB, np.random.default_rng(seed)))
    return both.low, both.high
