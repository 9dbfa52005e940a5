"""Table II: images per split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from analysis import published
from analysis.reading.facts import Source, from_sweeps
from analysis.reading.trials import Runs
from analysis.tables.rendering import MISSING, Cell, Table
from trainables.data import catalogue
from trainables.data.store import Store

DATASETS = tuple(name for name, record in catalogue.DATASETS.items() if record.split_counts)
TAG = "table_2"
COLUMNS = ["train", "validation", "test"]


def facts(store: Store) -> dict[str, Any]:
    """Our rows of Table II for a prepared data set, name -> images per split: a sweep's JSON tag ``table_2``."""
    fractions = published.rows_of(store.dataset) or {store.dataset: 1.0}
    held = {split: len(store.rows(split)) for split in COLUMNS[1:]}
    return {name: {"train": len(store.rows("train", fraction)), **held} for name, fraction in fractions.items()}


def rows(recorded: Sequence[Runs], sources: Sequence[Source] = ()) -> pd.DataFrame:
    """One row per training set: dataset, each of COLUMNS as ``<split>_paper`` and ``<split>`` (ours), data.

    Args:
        recorded: runs whose sweeps carry the tag ``table_2``.
        sources: prepared data sets, which take precedence over runs of the same name.
    """
    ours: dict[str, dict[str, Any]] = {}
    for source in [*from_sweeps(recorded, TAG), *sources]:
        ours |= {name: {**counts, "data": source.data} for name, counts in source.facts.items()}
    own = pd.DataFrame.from_dict(ours, orient="index", columns=[*COLUMNS, "data"])
    paper = published.splits().set_index("dataset").add_suffix("_paper")
    names = list(dict.fromkeys([*paper.index, *own.index]))
    return paper.reindex(names).join(own).rename_axis("dataset").reset_index()


def table(frame: pd.DataFrame) -> Table:
    """The frame of `rows`, the paper's count and ours side by side for each split."""
    has_paper = bool(frame[[f"{split}_paper" for split in COLUMNS]].notna().any(axis=None))
    head = [["training set", *COLUMNS]]
    columns = COLUMNS
    if has_paper:
        head = [["training set", *[f"{split}{whose}" for split in COLUMNS for whose in (", paper", ", ours")]]]
        columns = [name for split in COLUMNS for name in (f"{split}_paper", split)]
    body = []
    for row in frame[["dataset", *columns]].itertuples(index=False):
        name, *counts = row
        body.append([Cell(name), *[Cell(MISSING if pd.isna(count) else f"{count:,.0f}") for count in counts]])
    phantom = "images" if (frame["data"] == "phantom").any() else ""
    notes = ["images; no patient is in two splits; the smaller training sets of a data set lie within the larger"]
    title = "Table II: images per split"
    return Table(name="table_2", title=title, head=head, body=body, frame=frame, notes=notes, phantom=phantom)
