"""Which dimensions of a search mattered, as a table: the frame of `analysis.scores.importances`."""

from __future__ import annotations

import pandas as pd

from analysis.reading import origins
from analysis.reading.trials import Runs
from analysis.scores.importances import MIN_TRIALS, NUM_SHUFFLES
from analysis.tables.differing import as_float
from analysis.tables.rendering import Cell, Table, number

SAYS = (
    "share: of the variance of the validation score over the space that was searched, what the parameter explains "
    "alone, averaged over all values of the others (functional ANOVA of a random forest); the rest is in combinations "
    "of parameters"
)
LIMITS = (
    "a share says how much a choice moves the score over its whole range, not which value is best, and nothing about "
    "the test set; it rests on few trials, of which a search makes most where scores are high, and a trial that was "
    "stopped early counts with the best score that it had reached"
)
CHANCE = (
    f"by chance: the greatest share that the parameter gets in {NUM_SHUFFLES} studies with shuffled scores; a share "
    "that is no greater says nothing"
)
CONDITIONAL = (
    "a parameter that only some trials have (a teacher's beta, say) is judged among these alone: its share is of their "
    "variance, and cannot be added to the others"
)
FEW = f"share -: fewer than {MIN_TRIALS} trials, or all scores are equal"


def table(frame: pd.DataFrame, runs: Runs) -> Table:
    """One row per study and parameter, the largest share of each study first.

    Args:
        frame: from `analysis.scores.importances.rows`.
        runs: those of the search.
    """
    several, phantom = frame["sweep"].nunique() > 1, origins.union(runs.search["phantom"])
    head = [[*["sweep"] * several, "study", "parameter", "share (%)", "by chance (%)", "trials", "stopped early"]]
    body = [
        [
            *[Cell(str(row.sweep))] * several,
            *(Cell(text) for text in (str(row.study), str(row.parameter))),
            *(Cell(number(100 * as_float(share), digits=1)) for share in (row.share, row.by_chance)),
            Cell(
                f"{row.num_trials} of {row.num_in_study}" if row.num_trials != row.num_in_study else f"{row.num_trials}"
            ),
            Cell(str(row.num_stopped)),
        ]
        for row in frame.itertuples()
    ]
    return Table(
        name="what_mattered",
        title="Which dimensions mattered in the search",
        head=head,
        body=body,
        frame=frame.assign(phantom=phantom, data=runs.data),
        notes=notes(frame),
        phantom=phantom,
        has_paper=False,
    )


def notes(frame: pd.DataFrame) -> list[str]:
    """What the shares say, and their limits."""
    is_conditional = frame["num_trials"].ne(frame["num_in_study"]).any()
    few = [FEW] if frame["share"].isna().any() else []
    return [SAYS, CHANCE, *[CONDITIONAL] * bool(is_conditional), LIMITS, *few]
