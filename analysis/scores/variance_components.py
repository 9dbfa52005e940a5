"""What each source of variance contributes to a test score: its spread with this source alone drawn anew.

As in X. Bouthillier et al., "Accounting for Variance in Machine Learning Benchmarks" (MLSys 2021, arXiv:2103.03098),
Fig. 1: the standard deviation of the score over repeats in which one source differs and all others are as in the
search, beside that of all sources together, and beside what the finite test set alone gives.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.reading.repeats import DRAWN, SOURCES, design_of, words_of
from analysis.scores.comparisons import Draws
from analysis.stats.resampled import deviation_interval

ALL, PATIENTS = "all together", "test patients"
COLUMNS = ["cell", "source", "sd", "low", "high", "n"]


def component_rows(confirm: pd.DataFrame, components: pd.DataFrame, draws: Mapping[str, Draws]) -> pd.DataFrame:
    """One row per cell and source: `COLUMNS`; sd is that of ``test_auc``, with its 95% interval by the chi-squared
    distribution, and n the number of repeats. Fractions. Empty where nothing but the seed was drawn, or with folds.

    A last row per cell, `PATIENTS`, is the standard error that the draw of test patients gives the score of one student
    (a bootstrap by patient within each repeat, root mean square); it has no interval, and n is 0. Splits drawn anew
    have other test patients, so that their row includes it.

    Args:
        confirm: the repeats that draw all sources anew (`Runs.confirm`).
        components: those that draw fewer (`Runs.components`).
        draws: of each cell that has predictions, as `analysis.scores.parts.drawn` makes them.
    """
    design = design_of(confirm)
    if design.num_folds or (len(components) == 0 and design.sources == ("seed",)):
        return pd.DataFrame(columns=COLUMNS)
    both = pd.concat([confirm, components])
    drawn = both.reindex(columns=[DRAWN])[DRAWN].map(words_of)
    scores = both["metrics.test_auc"].astype(float)
    rows = []
    for cell in confirm["tags.cell"].unique():
        is_scored = both["tags.cell"].eq(cell) & scores.notna()
        sources: dict[str, tuple[str, ...]] = {words: (name,) for name, words in SOURCES.items()}
        if len(design.sources) > 1:
            sources[ALL] = design.sources
        for source, words in sources.items():
            values = scores[is_scored & drawn.map(words.__eq__)]
            if len(values) > 1:
                rows.append((cell, source, *deviation_interval(values.to_numpy()), len(values)))
        if cell in draws:
            variances = np.nanvar(draws[cell].draws_SB, axis=1, ddof=1)
            rows.append((cell, PATIENTS, float(np.sqrt(variances.mean())), np.nan, np.nan, 0))
    return pd.DataFrame(rows, columns=COLUMNS)
