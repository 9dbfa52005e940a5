"""In which order a sweep grew: a search that is made larger after its test scores were seen is not one made at once."""

from __future__ import annotations

import json

import pandas as pd

from analysis.reading.repeats import SEED
from analysis.tables.rendering import MISSING, Cell, Table

COLUMNS = ["sweep", "at", "cells", "trials", "repeats", "drawn", "ended", "ablation_sha256"]
HEAD = ["sweep", "started (UTC)", "cells", "trials to search", "repeats per cell", "drawn anew", "ended before", "file"]
NOTE = (
    "one row for each start with other sizes than the one before it; a configuration that was confirmed before a later "
    "start was chosen without the trials that this start added"
)
NOTES = [
    NOTE,
    "trials to search: of all cells together; drawn anew: by each repeat; ended before: trials; file: the beginning of "
    "the SHA-256 of the ablation's file",
]


def rows(sweeps: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS, one row for each size that a sweep was started with; none of a sweep that never changed its size.

    Args:
        sweeps: the sweeps' own runs, with their tag ``growth`` (a JSON list) where they have it.

    Raises:
        ValueError: a tag is no JSON.
    """
    tags = sweeps.reindex(columns=["tags.sweep", "tags.growth"]).dropna()
    starts = [(name, json.loads(text)) for name, text in tags.itertuples(index=False, name=None)]
    grown = [
        {"sweep": name, "drawn": SEED, **start} for name, of_sweep in starts if len(of_sweep) > 1 for start in of_sweep
    ]
    return pd.DataFrame(grown, columns=COLUMNS)


def table(frame: pd.DataFrame) -> Table | None:
    """The table of `rows`; None where no sweep has changed its size."""
    if frame.empty:
        return None
    texts = frame.fillna(MISSING).astype(str)
    return Table(
        name="sweep_growth",
        title="In which order the sweep grew",
        head=[HEAD],
        body=[[Cell(text) for text in row] for row in texts.itertuples(index=False, name=None)],
        frame=frame,
        notes=NOTES,
        has_paper=False,
        is_sortable=False,
    )
