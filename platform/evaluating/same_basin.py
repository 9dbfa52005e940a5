"""Which repeats of a cell may have their weights averaged: those that were fine-tuned from the same first weights."""

from __future__ import annotations

import pandas as pd

from analysis.reading import artifacts
from analysis.reading.trials import Runs
from trainables.init_names import RANDOM, is_matched
from trainables.models.architectures import known

BASINS = "networks from different starts do not lie in one basin of the loss, and their mean knows nothing"


def why_not(runs: Runs, rows: pd.DataFrame) -> str:
    """Why the weights of a cell's repeats (rows of `Runs.trained`) cannot be averaged; "" where they can.

    Where all repeats began from the very same weights, drawn by one seed, even random ones will do. Otherwise the first
    weights must be a teacher's, and no layer before the last one may be drawn anew: the head alone then differs, whose
    loss is convex in its weights.
    """
    if len(rows) < 2:
        return "it has one repeat, and a mean needs two"
    missing = [
        str(run["params.seed"]) for _, run in rows.iterrows() if artifacts.weights_of(runs.tracking_uri, run) is None
    ]
    if missing:
        return f"the weights of its repeats with the seeds {', '.join(missing)} are missing"
    if _starts(rows).nunique() == 1:
        return ""
    init, student = str(rows["params.init"].iloc[0]), str(rows["params.student"].iloc[0])
    if init == RANDOM or is_matched(init):
        return f"its first weights are random, and others in each repeat: {BASINS}"
    facts = known(student)
    if drawn := [module for module in facts.fresh if module != facts.output]:
        return f"{student} draws layers before its head anew in each repeat ({', '.join(drawn)}): {BASINS}"
    return ""


def _starts(rows: pd.DataFrame) -> pd.Series:
    """The seed that drew each repeat's first weights: its own for them, or else that of everything."""
    own = rows.reindex(columns=["params.init_seed"])["params.init_seed"]
    own = own.mask(own.astype("string").isin(["None", ""]))
    return own.where(own.notna(), rows["params.seed"]).astype("string")
