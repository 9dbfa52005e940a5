"""One answer from the repeats of a cell, beside its single students: what a clinic would run.

The mean of the repeats' probabilities (B. Lakshminarayanan et al., NeurIPS 2017, arXiv:1612.01474) costs as many passes
as there are repeats; one network with the mean of their weights costs one (M. Wortsman et al., "Model soups", ICML
2022, arXiv:2203.05482). There is one of each, so that no spread over seeds exists: intervals and p hold the draw of
test patients alone, by a bootstrap paired by patient, with the trained students as given.

Shapes: B draws of patients, S repeats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.reading.predictions import Predictions
from analysis.scores.comparisons import weights_of
from analysis.scores.drawn_metrics import AUC, drawn
from analysis.stats.bootstrap import percentiles
from analysis.stats.multiple import holm
from trainables.cell import ITSELF, Cell

PROBABILITIES, WEIGHTS = "mean of the probabilities", "mean of the weights"
OF_GRADES = (AUC, "f1_weighted", "kappa")
COLUMNS = ["cell", "answer", "metric", "single", "ensemble", "low", "high", "difference", "difference_low",
           "difference_high", "p", "p_holm", "n", "num_patients"]  # fmt: skip


def together(repeats: Sequence[Predictions]) -> Predictions:
    """The mean of the repeats' probabilities, as one student's.

    Raises:
        ValueError: the repeats were not tested on the same images.
    """
    first = repeats[0]
    if any(not other.images["image"].equals(first.images["image"]) for other in repeats):
        raise ValueError(
            "an ensemble answers images that no member was trained on, so its members must be tested on the same ones: "
            "repeats on folds or on splits drawn anew make none"
        )
    mean_NL = np.stack([repeat.probabilities_NL for repeat in repeats]).mean(axis=0, dtype=np.float64)
    return replace(first, probabilities_NL=mean_NL.astype(np.float32))


def has_ensemble(cell: str, repeats: Sequence[Predictions]) -> bool:
    """Whether a cell has several students: a teacher that is scored itself is one, however often."""
    return len(repeats) > 1 and Cell.parse(cell).method != ITSELF


def ensemble_rows(
    tested: Mapping[str, list[Predictions]], averaged: Mapping[str, Predictions] | None = None
) -> pd.DataFrame:
    """One row per cell with several repeats, per answer and metric: `COLUMNS`. Fractions; kappa as it is.

    `single` is the mean over the n repeats, `ensemble` the score of the answer, with its 95% interval; `difference` is
    the second less the first, with p and Holm's correction over all rows. A metric that is not defined on these images
    has no row.

    Args:
        tested: the repeats of each cell, all on one test set.
        averaged: the answers of networks with averaged weights to the same images, by cell.
    """
    rows = []
    for cell, repeats in tested.items():
        if not has_ensemble(cell, repeats):
            continue
        weights_BN = weights_of(repeats[0])
        answers = {PROBABILITIES: together(repeats)}
        answers |= {WEIGHTS: averaged[cell]} if averaged and cell in averaged else {}
        is_graded = repeats[0].is_multiclass and len(repeats[0].label_names) > 1
        for metric in OF_GRADES if is_graded else (AUC,):
            singles = drawn(metric, repeats, weights_BN)
            for answer, predictions in answers.items():
                one = drawn(metric, [predictions], weights_BN)
                if singles is None or one is None:
                    continue
                own = percentiles(one.draws_SB[0])
                more = percentiles(one.draws_SB[0] - singles.draws_SB.mean(axis=0))
                single, ensemble = float(singles.points_S.mean()), float(one.points_S[0])
                row = (cell, answer, metric, single, ensemble, own.low, own.high, ensemble - single)
                rows.append((*row, more.low, more.high, more.p_value, np.nan, len(repeats), one.num_patients))
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame.assign(p_holm=holm(frame["p"].to_numpy(dtype=float)))
