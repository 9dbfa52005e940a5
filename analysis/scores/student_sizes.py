"""How large students are, how much they compute for an image, and how long they took to answer."""

from __future__ import annotations

import pandas as pd

from analysis.reading.trial_costs import numbers
from analysis.reading.trials import Runs
from trainables.models.computing import multiply_accumulates, parameters

COLUMNS = [
    "student", "image_size_px", "parameters", "multiply_accumulates", "hardware", "n", "latency_ms", "batch_size",
    "latency_batch_ms",
]  # fmt: skip
UNKNOWN = "unknown"


def size_rows(runs: Runs, num_labels: int) -> pd.DataFrame:
    """COLUMNS, one row per student, size of its images, and machine on which confirming repeats were trained.

    Latencies are medians over the ``n`` repeats that measured one, of one image and of a batch. NaN where nothing was
    measured, or the network is not known here.

    Args:
        num_labels: the student's outputs; 0 where the sweep does not say.
    """
    trained = runs.trained.reindex(columns=list(dict.fromkeys([*runs.trained, "tags.hardware"])))
    frame = pd.DataFrame(
        {
            "student": trained["params.student"],
            "image_size_px": trained["params.image_size_px"].astype(int),
            "hardware": trained["tags.hardware"].astype(object).fillna(UNKNOWN),
            "batch_size": numbers(trained, "latency_batch_size"),
            "latency_ms": numbers(trained, "latency_ms"),
            "latency_batch_ms": numbers(trained, "latency_batch_ms"),
        }
    )
    keys = ["student", "image_size_px", "hardware", "batch_size"]
    grouped = frame.groupby(keys, dropna=False, as_index=False)
    rows = grouped.agg(
        n=("latency_ms", "count"), latency_ms=("latency_ms", "median"), latency_batch_ms=("latency_batch_ms", "median")
    )
    counted = [_counted(str(row.student), num_labels, int(row.image_size_px)) for row in rows.itertuples()]
    rows["parameters"], rows["multiply_accumulates"] = zip(*counted, strict=True) if counted else ((), ())
    return rows[COLUMNS]


def _counted(student: str, num_labels: int, image_size_px: int) -> tuple[float, float]:
    try:
        return float(parameters(student, num_labels)), float(multiply_accumulates(student, num_labels, image_size_px))
    except ValueError:
        return float("nan"), float("nan")
