"""How often a cell has opened the test set: once for each configuration that was confirmed.

A sweep that grows may find a better configuration in a cell that is confirmed already. The new one is confirmed anew,
its repeats take the place of the older ones in every table, and whoever reads them should know that the older scores
were there to be seen when the search went on.
"""

from __future__ import annotations

import pandas as pd

from analysis.reading.left_out import REPLACED, configurations

TIMES = {2: "twice", 3: "three times"}


def openings(trials: pd.DataFrame, reason: pd.Series) -> pd.Series:
    """For each trial, how many configurations of its cell have been confirmed in its sweep, to the last repeat or not.

    Args:
        trials: one row each, as `analysis.reading.trials` reads them.
        reason: why each is left out of tables, "" where it is not; what is left out for another reason than that a
            later search has replaced it does not count.
    """
    counted = trials[(trials["tags.phase"] == "confirm") & reason.isin(["", REPLACED])]
    of_fold = [name for name in ["params.fold"] if name in trials]  # a fold has a search, and a test set, of its own
    per_cell = ["tags.sweep", "tags.cell", *of_fold]
    number = configurations(counted).groupby([counted[name] for name in per_cell], dropna=False).transform("nunique")
    return number.reindex(trials.index).fillna(1).astype(int)


def of_cells(confirm: pd.DataFrame) -> dict[str, int]:
    """For each cell of these repeats, how often it has opened the test set; once where the frame does not say."""
    if "openings" not in confirm:
        return dict.fromkeys(confirm["tags.cell"], 1)
    return {str(cell): int(counts.max()) for cell, counts in confirm.groupby("tags.cell", sort=False)["openings"]}


def notes(cells: pd.DataFrame) -> list[str]:
    """Which cells have opened the test set more than once; none where no cell has.

    Args:
        cells: with the columns `cell` and `openings`.
    """
    again = cells[cells["openings"].fillna(1).gt(1)].drop_duplicates("cell")
    if again.empty:
        return []
    often = [TIMES.get(int(number), f"{number:g} times") for number in again["openings"]]
    listed = ", ".join(f"{times} for {cell}" for times, cell in zip(often, again["cell"], strict=True))
    return [
        f"the test set was opened {listed}: a larger search has replaced a configuration that was confirmed already, "
        "and the numbers are those of the new one"
    ]
