"""Table IV: AUC on small sets of chest X-rays, one column per cell."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.reading.trials import Runs
from analysis.tables import results
from analysis.tables.rendering import Table
from trainables.data.catalogue import shown_in

DATASETS = shown_in(4)
METRICS = ("auc",)


def rows(recorded: Sequence[Runs]) -> pd.DataFrame:
    """The paper's 14 numbers with ours beside them, in percent; columns as `analysis.tables.results.beside_paper`.

    Our numbers at other sizes of the training set (CheXpert-50k, say, which the paper shows in its Fig. 3) follow as
    rows without a number of the paper.
    """
    return results.beside_paper([runs for runs in recorded if runs.dataset in DATASETS], "IV", METRICS, DATASETS)


def table(frame: pd.DataFrame) -> Table:
    """The frame of `rows` in the paper's layout."""
    return results.results_table(frame, "table_4", "Table IV: chest X-rays, test set", [])
