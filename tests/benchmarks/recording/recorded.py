"""The recorded curves as a frame."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

RECORDED = Path(__file__).parents[1] / "recorded" / "curves.parquet"


def load(path: Path = RECORDED) -> pd.DataFrame:
    """One row per epoch: `tests.benchmarks.recording.pieces.COLUMNS` says which columns.

    ``score`` and ``test_score`` are of the epoch's own weights, by the setting's selection metric; ``beta`` is NaN
    without a teacher.

    Raises:
        FileNotFoundError: nothing is recorded there.
    """
    return pd.read_parquet(path)
