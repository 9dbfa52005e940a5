"""What each trial has cost, from the metrics that its worker and the sweep recorded: one row per trial."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.reading.history import history
from analysis.reading.mlflow_frames import METRICS
from analysis.reading.trials import Runs
from trainables.cell import ITSELF

# What `trainables.meter` measures on the worker: totals of the trial, and peaks.
TOTALS = ["gpu_s", "cpu_s", "measured_wh", "estimated_wh", "teacher_views", "cached_views", "teacher_s"]
PEAKS = ["host_bytes", "device_bytes"]
COLUMNS = ["run_id", "cell", "phase", "image_size_px", "epochs", "planned_epochs", "seconds", *TOTALS, *PEAKS]


def trial_costs(runs: Runs) -> pd.DataFrame:
    """COLUMNS, one row per finished trial, in the order in which they began.

    ``seconds`` are the sweep's: for how long the trial held its CPUs and GPUs, over its ``epochs``; of which there are
    fewer than ``planned_epochs`` where it was stopped early. NaN where a run has no such number: one recorded before
    costs were measured, a GPU's memory where there was none, a teacher's views where there was no teacher.
    """
    trials = runs.trials
    trained = seconds_of(runs, trials["run_id"].tolist()).reindex(trials["run_id"])
    is_scored_as_it_is = trials["params.method"].eq(ITSELF)
    frame = pd.DataFrame(
        {
            "run_id": trials["run_id"],
            "cell": trials["tags.cell"],
            "phase": trials["tags.phase"],
            "image_size_px": trials["params.image_size_px"].astype(int),
            "epochs": trained["epochs"].to_numpy(),
            "planned_epochs": trials["params.max_epochs"].astype(int).mask(is_scored_as_it_is, 1),
            "seconds": trained["seconds"].to_numpy(),
        }
    )
    measured = {name: numbers(trials, name) for name in [*TOTALS, *PEAKS]}
    return frame.assign(**measured).reset_index(drop=True)[COLUMNS]


def numbers(runs: pd.DataFrame, name: str) -> pd.Series:
    """The cost of that name of each run, in units that the name says; NaN where it was not measured."""
    column = f"{METRICS}cost_{name}"
    return runs.reindex(columns=[column])[column].astype(float)


def seconds_of(runs: Runs, run_ids: Sequence[str]) -> pd.DataFrame:
    """Epochs and seconds of each run that has reported an epoch, with its id as index."""
    epochs = history(runs.tracking_uri, run_ids, ["epoch_s"]).groupby("run_id")["value"]
    return pd.DataFrame({"epochs": epochs.count(), "seconds": epochs.sum()})
