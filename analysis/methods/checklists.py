"""Reporting checklists, filled in from the ledger as far as it goes: one row per item, and the table of them."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from analysis import published
from analysis.methods import data_answers, model_answers
from analysis.methods.answer import ANSWERED, IN_PART, NONE, OPEN, Answer
from analysis.methods.ledger_facts import Recorded
from analysis.reading.trials import Runs
from analysis.tables.rendering import MISSING, Cell, Table

TITLES = {
    "tripod_ai_2024": "TRIPOD+AI (Collins et al. 2024)",
    "claim_2024": "CLAIM, 2024 update (Tejani et al. 2024; Mongan et al. 2020)",
}
COLUMNS = ["item", "section", "topic", "status", "answer", "place", "anchor", "data"]


def find(key: str) -> Callable[[Recorded], Answer]:
    """The function that answers items with this key.

    Raises:
        ValueError: there is none.
    """
    for module in (data_answers, model_answers):
        answer = getattr(module, key, None)
        if answer is not None and getattr(answer, "__module__", "") == module.__name__:
            return answer
    raise ValueError(f"the key of a checklist's item must name an answer, but got {key!r}")


def rows(runs: Runs, name: str) -> pd.DataFrame:
    """One row per item: COLUMNS, text; `status` is "answered", "in part", "open" or "does not apply"."""
    recorded = Recorded(runs=runs)
    lines = []
    for item in published.checklist(name).itertuples(index=False):
        answer = find(str(item.key))(recorded)
        told = (item.item, item.section, item.topic, answer.status, answer.text, answer.place, answer.anchor, runs.data)
        lines.append(told)
    return pd.DataFrame(lines, columns=COLUMNS)


def table(frame: pd.DataFrame, name: str) -> Table:
    """The frame of `rows`; an item's place leads to it on the page."""
    body = [
        [
            Cell(str(row.item)),
            Cell(str(row.topic)),
            Cell(str(row.status)),
            Cell(str(row.answer)),
            Cell(str(row.place) or MISSING, anchor=str(row.anchor)),
        ]
        for row in frame.itertuples(index=False)
    ]
    numbers = frame["status"].value_counts()
    counts = ", ".join(f"{numbers.get(status, 0)} {status}" for status in (ANSWERED, IN_PART, OPEN, NONE))
    return Table(
        name=name,
        title=TITLES[name],
        head=[["item", "topic", "status", "what the ledger says", "where"]],
        body=body,
        frame=frame,
        notes=[
            f"{len(frame)} items and parts of items: {counts}",
            "the numbers are the checklist's; the topics are in our words: check a paper against the original",
        ],
        phantom="images" if (frame["data"] == "phantom").any() else "",
        has_paper=False,
        is_sortable=False,
        is_prose=True,
    )
