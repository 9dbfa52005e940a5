"""What `analysis.power` prints: what the last sweep could have seen, and what the next one could."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.pages.predicted import draws_by_cell
from analysis.reading import origins
from analysis.reading.trials import Runs
from analysis.scores.comparisons import planned
from analysis.scores.power_rows import NUM_REPEATS, level_of, power_rows, prospect_rows, test_share_of
from analysis.tables import detectable_differences
from analysis.tables.rendering import FORMATS

WIDTH = 110  # columns of a sentence


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which sweeps to look at."""

    difference: float  # that has to be seen; a fraction
    num_repeats: Sequence[int] | None = None  # None for `NUM_REPEATS`
    num_patients: Sequence[int] = ()  # () for multiples of the present number


def told(runs: Runs, plan: Plan, form: str) -> str:
    """The two tables and their sentences.

    Raises:
        LookupError: no two cells are to be compared.
        ValueError: the difference is not above 0 and below 1, or there are too few repeats or patients.
    """
    if not 0 < plan.difference < 1:
        raise ValueError(
            f"a difference in AUC must be above 0 and below 100 points, but got {100 * plan.difference:g}: "
            "give another --difference"
        )
    draws, design = draws_by_cell(runs), runs.design
    pairs = planned(list(draws))
    if not pairs:
        raise LookupError(
            f"two cells with test predictions must be planned to be compared, but {runs.dataset} has "
            f"{len(draws)} such cells and no pair of a cell and its baseline, or of two teachers"
        )
    frame = power_rows(draws, pairs, plan.difference)
    prospects = prospect_rows(
        draws, pairs, plan.num_repeats or NUM_REPEATS, plan.num_patients, test_share=test_share_of(runs)
    )
    tables = [detectable_differences.table(runs, frame, plan.difference, level_of(draws, pairs))]
    if len(prospects):
        parts = origins.of_cells(runs.confirm)
        phantom = origins.union(parts[name] for pair in pairs for name in pair)
        tables.append(detectable_differences.prospects(prospects, runs.dataset, runs.data, phantom))
    shown = [FORMATS[form](table) for table in tables]
    if form == "csv":  # which another program reads
        return "\n\n".join(shown)
    lines = detectable_differences.sentences(frame, plan.difference, design)
    return "\n\n".join([*shown, *(textwrap.fill(line, WIDTH) for line in lines)])
