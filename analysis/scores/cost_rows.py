"""What cells and the whole sweep have cost: sums and peaks over trials."""

from __future__ import annotations

import pandas as pd

from analysis.reading.trial_costs import PEAKS

ALL_CELLS, BOTH = "all cells", "both"
SUMS = ["epochs", "seconds", "gpu_s", "cpu_s", "measured_wh", "estimated_wh"]
COLUMNS = ["cell", "phase", "num_trials", *SUMS, *PEAKS]


def cost_rows(costs: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS, one row per cell and phase, then one per phase over all cells, and one over both phases.

    Sums and peaks are NaN where any of the trials has no such number: a sum of the others would be too small.

    Args:
        costs: as `analysis.reading.trial_costs.trial_costs` gives them.
    """
    parts = [costs, costs.assign(cell=ALL_CELLS)]
    if costs["phase"].nunique() > 1:
        parts.append(costs.assign(cell=ALL_CELLS, phase=BOTH))
    rows = []
    for part in parts:
        for (cell, phase), trials in part.groupby(["cell", "phase"], sort=False):
            sums = {name: trials[name].sum(skipna=False) for name in SUMS}
            peaks = {name: trials[name].max(skipna=False) for name in PEAKS}
            rows.append({"cell": cell, "phase": phase, "num_trials": len(trials), **sums, **peaks})
    return pd.DataFrame(rows, columns=COLUMNS)
