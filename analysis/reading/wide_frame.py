"""The form of the frames of runs and of metrics, whatever they are read from."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

RUN_COLUMNS = ["run_id", "experiment_id", "run_name", "status", "start_time", "artifact_uri"]
METRIC_COLUMNS = ["run_id", "metric", "step", "value", "timestamp"]


def wide_frame(runs: pd.DataFrame, facts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Joins to each run's `RUN_COLUMNS` its facts; by prefix ("tags"), they are frames of run_id, key and value."""
    frame = runs.astype({"experiment_id": str}).set_index("run_id", drop=False)
    for prefix, long in facts.items():
        frame = frame.join(long.pivot(index="run_id", columns="key", values="value").add_prefix(f"{prefix}."))
    return frame.sort_index().reset_index(drop=True)
