"""Table I: what each data set holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis import published
from analysis.reading.facts import Source, from_sweeps
from analysis.reading.trials import Runs
from analysis.tables.rendering import MISSING, Cell, Table
from trainables.data import catalogue
from trainables.data.store import Store

DATASETS = tuple(name for name, record in catalogue.DATASETS.items() if record.published)
TAG = "table_1"
COLUMNS = ["labels", "labeling", "views", "images", "patients"]
VIEW_NAMES = {"left": "left/right eyes", "right": "left/right eyes", "PA": "frontal", "AP": "frontal"}


def facts(store: Store) -> dict[str, Any]:
    """Our row of Table I for a prepared data set: what a sweep keeps as the JSON tag ``table_1``."""
    record = catalogue.DATASETS.get(store.dataset)
    views = dict.fromkeys(sorted(VIEW_NAMES.get(view, view) for view in pd.unique(pd.Series(store.view)) if view))
    return {
        "labels": len(store.label_names),
        # A release's files do not say how it was labelled: we quote the paper for the same release.
        "labeling": record.published.labeling if record and record.published else MISSING,
        "views": "/".join(views) or MISSING,
        "images": int(store.num_images),
        "patients": int(pd.Series(store.patient).nunique()),
    }


def rows(recorded: Sequence[Runs], sources: Sequence[Source] = ()) -> pd.DataFrame:
    """Up to two rows per data set, the paper's and ours: dataset, whose ("paper" or "ours"), COLUMNS, data.

    Args:
        recorded: runs whose sweeps carry the tag ``table_1``.
        sources: prepared data sets, which take precedence over runs of the same name.
    """
    ours: Mapping[str, Source] = {source.dataset: source for source in [*from_sweeps(recorded, TAG), *sources]}
    lines: list[dict[str, Any]] = []
    paper = published.datasets().set_index("dataset")
    for dataset in dict.fromkeys([*DATASETS, *ours]):
        name = catalogue.title(dataset)
        if name in paper.index:
            lines.append({"dataset": name, "whose": "paper", **paper.loc[name].to_dict(), "data": "published"})
        if dataset in ours:
            lines.append({"dataset": name, "whose": "ours", **ours[dataset].facts, "data": ours[dataset].data})
    return pd.DataFrame(lines)[["dataset", "whose", *COLUMNS, "data"]]


def table(frame: pd.DataFrame) -> Table:
    """The frame of `rows`, our row below the paper's."""
    known = [name for name in COLUMNS if not frame[name].eq(MISSING).all()]  # of a user's own data not every fact is
    head = [["data set", "", *known]]
    body = []
    for dataset, block in frame.groupby("dataset", sort=False):
        for row in block[["whose", *known]].to_dict("records"):
            body.append([Cell(str(dataset)), *[Cell(_shown(value)) for value in row.values()]])
        if "ours" not in set(block["whose"]):
            body.append([Cell(str(dataset)), Cell("ours"), *[Cell(MISSING)] * len(known)])
    phantom = "images" if (frame["data"] == "phantom").any() else ""
    notes = ["labels: how many an image can have, or grades; ours: what the prepared data set contains; -: missing"]
    title = "Table I: the data sets"
    return Table(name="table_1", title=title, head=head, body=body, frame=frame, notes=notes, phantom=phantom)


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
