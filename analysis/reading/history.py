"""Learning curves from MLflow, in bulk: one query for hundreds of runs where its tables can be read."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.reading.mlflow_frames import metric_frame
from analysis.reading.tracking_uri import require_store

COLUMNS = ["run_id", "metric", "step", "value"]


def history(tracking_uri: str, run_ids: Sequence[str], metrics: Sequence[str]) -> pd.DataFrame:
    """Every logged value: run_id, metric, step, value, sorted by these, one row per step.

    Where a resumed run logged a step twice, the later value counts. NaN and infinite values are left out.

    Raises:
        FileNotFoundError, ValueError: as `analysis.reading.tracking_uri.require_store` says.
    """
    require_store(tracking_uri)
    frame = metric_frame(tracking_uri, sorted(set(run_ids)), sorted(set(metrics)))
    frame = frame.sort_values([*COLUMNS[:3], "timestamp"], kind="stable").drop_duplicates(COLUMNS[:3], keep="last")
    finite = frame["value"].notna() & frame["value"].abs().lt(1e300)  # MLflow stores infinity as +-1.8e308
    return frame.loc[finite, COLUMNS].reset_index(drop=True)
