"""The table of variance components: what each source that repeats draw anew contributes to the spread of a score."""

from __future__ import annotations

import pandas as pd

from analysis.reading.trials import Runs
from analysis.scores.variance_components import ALL, PATIENTS
from analysis.tables.findings import listed
from analysis.tables.rendering import MISSING, Table, number


def table(runs: Runs, frame: pd.DataFrame) -> Table:
    """The frame of `analysis.scores.variance_components.component_rows`, in percentage points."""
    columns = {
        "sd": ("s", _points), "low": ("low", _points), "high": ("high", _points), "n": ("n", _count),
    }  # fmt: skip
    notes = [
        "s: standard deviation of the test AUC over n repeats that draw this source anew, in points, with all others "
        "as in the search; low, high: its 95% interval (chi-squared), for repeats that are independent and normal",
        "the seed draws views, dropout and whatever is no source of its own; a split has other test patients, too",
        f"{ALL}: the repeats that the cell's score is made of; {PATIENTS}: standard error of one repeat's score under "
        "redrawn test patients (bootstrap)",
        "after Bouthillier et al. 2021 (arXiv:2103.03098), Fig. 1",
    ]
    title = "Where the variance comes from"
    return listed(runs, frame, columns, name="variance_components", title=title, notes=notes)


def _points(value: float) -> str:
    return number(100 * value)


def _count(value: float) -> str:
    return f"{value:,.0f}" if value > 0 else MISSING
