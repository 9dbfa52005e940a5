"""Table V: AUC and F1 on Diabetic Retinopathy, one column per cell."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.reading.trials import Runs
from analysis.tables import results
from analysis.tables.rendering import Table
from trainables.data.catalogue import shown_in

DATASETS = shown_in(5)
METRICS = ("auc", "f1_weighted")


def rows(recorded: Sequence[Runs]) -> pd.DataFrame:
    """The paper's 14 numbers with ours beside them, in percent; columns as `analysis.tables.results.beside_paper`."""
    return results.beside_paper([runs for runs in recorded if runs.dataset in DATASETS], "V", METRICS, DATASETS)


def table(frame: pd.DataFrame) -> Table:
    """The frame of `rows` in the paper's layout."""
    title = "Table V: Diabetic Retinopathy, test set"
    notes = ["AUC: of one grade against the rest; F1: weighted by the grades' frequency"]
    return results.results_table(frame, "table_5", title, notes)
