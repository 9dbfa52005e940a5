"""What a report shows that rests on predictions, from comparisons to calibration; and what chapters read."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from analysis.reading.origins import of_cells
from analysis.reading.predictions import VALIDATION, Predictions, by_cell
from analysis.reading.trials import Runs
from analysis.scores.comparisons import Draws, comparison_rows, planned, variance_rows
from analysis.scores.labels import label_rows, reliability_rows
from analysis.scores.parts import drawn
from analysis.scores.questions import contrast_rows
from analysis.scores.subgroups import subgroup_rows
from analysis.tables import findings
from analysis.tables.rendering import Table


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """Tables and frames; without predictions there are none."""

    tables: list[Table] = field(default_factory=list)
    contrasts: pd.DataFrame = field(default_factory=lambda: contrast_rows({}))
    variance: pd.DataFrame = field(default_factory=lambda: variance_rows({}))
    reliability: pd.DataFrame = field(default_factory=pd.DataFrame)
    draws: dict[str, Draws] = field(default_factory=dict)  # of each cell
    tested: dict[str, list[Predictions]] = field(default_factory=dict)  # of each cell; its repeats' test images
    validated: dict[str, list[Predictions]] = field(default_factory=dict)  # the same repeats' validation images


def from_predictions(runs: Runs) -> Predicted:
    """Reads the cells one by one; their draws and predictions stay in memory."""
    draws: dict[str, Draws] = {}
    tested: dict[str, list[Predictions]] = {}
    labels, groups, bins = [], [], []
    for cell, repeats, of_cell in drawn(by_cell(runs.tracking_uri, runs.confirm)):
        labels.append(label_rows(cell, repeats))
        groups.append(subgroup_rows(cell, repeats))
        bins.append(reliability_rows(cell, repeats))
        tested[cell] = repeats
        if of_cell is not None:
            draws[cell] = of_cell
    if not labels:
        return Predicted()
    compared, variance = comparison_rows(draws, planned(list(draws))), variance_rows(draws)
    return Predicted(
        tables=[
            findings.compared(runs, compared),
            findings.variance(runs, variance),
            findings.delong(runs, compared, {cell: tested[cell] for cell in draws}),
            findings.labels(runs, pd.concat(labels, ignore_index=True)),
            findings.groups(runs, pd.concat(groups, ignore_index=True)),
        ],
        contrasts=contrast_rows(draws, of_cells(runs.confirm)),
        variance=variance,
        reliability=pd.concat(bins, ignore_index=True),
        draws=draws,
        tested=tested,
        validated=_validated(runs),
    )


def _validated(runs: Runs) -> dict[str, list[Predictions]]:
    """The cells whose repeats all have predictions of validation images."""
    cells = by_cell(runs.tracking_uri, runs.confirm, VALIDATION)
    return {cell: repeats for cell, repeats in cells if all(len(repeat.images) for repeat in repeats)}


def draws_by_cell(runs: Runs) -> dict[str, Draws]:
    """The draws alone, of all cells that were tested on the same images."""
    cells = drawn(by_cell(runs.tracking_uri, runs.confirm))
    return {cell: of_cell for cell, _, of_cell in cells if of_cell is not None}
