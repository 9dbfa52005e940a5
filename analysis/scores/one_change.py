"""One change at a time: each cell with varied knobs against the same cell without them, its unvaried twin.

A twin is the baseline of a column: the same method, teacher, student, depth, images and first weights, with every other
knob as the sweep has it. Changes of several knobs at once are rows too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analysis.reading import origins
from analysis.reading.trials import Runs
from analysis.scores import differences
from analysis.scores.cell_repeats import CellRepeats, Resamples, cell_repeats
from analysis.scores.differences import difference_rows
from analysis.scores.drawn_metrics import AUC, IN_WORDS, metrics_of
from trainables import titles
from trainables.cell import Cell, as_text
from trainables.config import TrialConfig
from trainables.knob import TUNED, knobs

SEARCHED = "searched"  # the sweep's own value of a knob that the search tunes
BASELINE = "baseline"
SIDES = {"first": "the change", "second": "the baseline"}  # of a difference, in words
TUNED_KNOBS = {knob.name for knob in knobs(TrialConfig, TUNED)}
COLUMNS = ["column", "metric", "cell", "knob", "value", *differences.COLUMNS, "phantom", "data", "run_ids"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """A baseline and its changes."""

    baseline: Cell
    changes: tuple[Cell, ...]


def columns(names: Iterable[str]) -> list[Column]:
    """Every column in which a cell has varied knobs and its unvaried twin is among these cells."""
    cells = [Cell.parse(name) for name in names]
    changes: dict[Cell, list[Cell]] = {}
    for cell in cells:
        twin = replace(cell, varied=())
        if cell.varied and twin in cells:
            changes.setdefault(twin, []).append(cell)
    ordered = sorted(changes, key=lambda cell: cell.sort_key)
    return [Column(baseline=twin, changes=tuple(changes[twin])) for twin in ordered]


def rows(runs: Runs) -> pd.DataFrame:
    """One row per column, metric and cell: COLUMNS. First the baseline, then the changes by the size of their effects.

    The columns ``first_...`` are the cell's own, ``second_...`` its baseline's, and the difference is the cell less its
    baseline; it is missing in the baseline's own row. Holm's correction covers the changes of one column by one metric.
    """
    confirm = runs.confirm
    found = columns(confirm["tags.cell"].unique()) if len(confirm) else []
    own_values, phantom, resamples = sweep_values(runs), origins.of_cells(confirm), Resamples()
    frames = []
    for column in found:
        tested = cell_repeats(runs, [column.baseline.name, *(cell.name for cell in column.changes)])
        for metric in _metrics(tested):
            frame = _compared(column, tested, metric, resamples)
            frame["knob"] = [_knobs(Cell.parse(name)) for name in frame["cell"]]
            frame["value"] = [_values(Cell.parse(name), own_values) for name in frame["cell"]]
            frame["phantom"] = [origins.union((phantom[name], phantom[column.baseline.name])) for name in frame["cell"]]
            frame["run_ids"] = [" ".join(tested[name].confirm["run_id"]) for name in frame["cell"]]
            frames.append(frame.assign(column=titles.cell(column.baseline), metric=metric, data=runs.data)[COLUMNS])
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=COLUMNS)


def _compared(column: Column, tested: Mapping[str, CellRepeats], metric: str, resamples: Resamples) -> pd.DataFrame:
    """The baseline's own row, and below it the changes, the largest effect first."""
    baseline = tested[column.baseline.name]
    names = [cell.name for cell in column.changes]
    changed = difference_rows([(tested[name], baseline) for name in names], metric, resamples).assign(cell=names)
    order = changed["difference"].astype(float).abs().sort_values(ascending=False, kind="stable").index
    own = difference_rows([(baseline, baseline)], metric, resamples).assign(cell=column.baseline.name)
    own[[f"second_{name}" for name in differences.OF_A_SIDE]] = float("nan")
    own[["p_patients", "p_seeds", "p_holm"]] = float("nan")
    own[["difference", "low", "high"]] = float("nan")
    return pd.concat([own.assign(basis="", labels=""), changed.loc[order]], ignore_index=True)


def _metrics(tested: Mapping[str, CellRepeats]) -> list[str]:
    of_cells = list(tested.values())
    chosen = str(of_cells[0].confirm["params.selection_metric"].iloc[0])
    repeats = [repeat for it in of_cells for repeat in it.repeats]
    if repeats:
        return list(metrics_of(repeats[0], chosen))
    usual = dict.fromkeys([AUC, "f1_weighted", *([chosen] if chosen in IN_WORDS else [])])
    return [name for name in usual if any(len(it.scores_S(name)) for it in of_cells)]


def sweep_values(runs: Runs) -> dict[str, Any]:
    """The sweeps' own value of each knob, from the tag `settings` of the newest parent run that has one."""
    texts = runs.sweeps.reindex(columns=["tags.settings"])["tags.settings"].dropna().tolist()
    values = json.loads(texts[-1]) if texts else {}
    return {name: value for name, value in values.items() if not isinstance(value, dict | list)}


def _knobs(cell: Cell) -> str:
    return " + ".join(name for name, _ in cell.varied) or BASELINE


def _values(cell: Cell, own: Mapping[str, Any]) -> str:
    """``15 -> 0``; of several knobs, one after the other."""
    before = [own.get(name, SEARCHED if name in TUNED_KNOBS else "?") for name, _ in cell.varied]
    return "; ".join(f"{as_text(old)} -> {as_text(new)}" for old, (_, new) in zip(before, cell.varied, strict=True))
