"""Decision curves: the net benefit of a cell's probabilities over all threshold probabilities.

A. Vickers, E. Elkin, Medical Decision Making 26 (2006). A patient is treated where the probability is at least p; a
doctor chooses p by what a missed patient costs against one treated in vain. The curve takes probabilities at their
word: where they are not calibrated, it is lower than it could be.

Shapes: N images, P threshold probabilities, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.reading.predictions import Predictions
from analysis.scores.operating_rates import has_enough_tested

TREAT_ALL = "treat all"
GRID = np.arange(1, 100) / 100  # threshold probabilities


def curve_rows(cell: str, tested: Sequence[Predictions]) -> pd.DataFrame:
    """One row per threshold probability of `GRID`: cell, threshold_probability, net_benefit, treat_all.

    Means over the repeats and over the averaged labels that have enough positives and negatives; no row without any.

    Args:
        cell: its name.
        tested: as `analysis.scores.operating_points.decided` gives them.
    """
    columns = np.flatnonzero(tested[0].averaged_L & has_enough_tested(tested))
    if not len(columns):
        return pd.DataFrame(columns=["cell", "threshold_probability", "net_benefit", "treat_all"])
    curves = [_curve(repeat, int(column)) for repeat in tested for column in columns]
    of_student, of_all = np.mean(curves, axis=0)
    frame = pd.DataFrame({"threshold_probability": GRID, "net_benefit": of_student, "treat_all": of_all})
    frame.insert(0, "cell", cell)
    return frame


def _curve(repeat: Predictions, column: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The net benefit of a label's probabilities, and that of treating everyone, each [P]."""
    known_N = repeat.known_NL[:, column]
    score_N = np.sort(repeat.probabilities_NL[known_N, column].astype(np.float64))
    positive_N = repeat.positive_NL[known_N, column]
    hit_N = np.sort(repeat.probabilities_NL[known_N, column][positive_N].astype(np.float64))
    alarms_P = len(score_N) - np.searchsorted(score_N, GRID, side="left")
    hits_P = len(hit_N) - np.searchsorted(hit_N, GRID, side="left")
    odds_P = GRID / (1 - GRID)
    of_student = (hits_P - odds_P * (alarms_P - hits_P)) / len(score_N)
    return of_student, (len(hit_N) - odds_P * (len(score_N) - len(hit_N))) / len(score_N)
