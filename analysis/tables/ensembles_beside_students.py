"""The table and the figure of ensembles beside single students, and both in words."""

from __future__ import annotations

import pandas as pd

from analysis.figures import figure_differences
from analysis.figures.drawing import Picture
from analysis.reading import origins
from analysis.reading.averages import averages
from analysis.reading.trials import Runs
from analysis.scores.comparisons import LEVEL, NUM_DRAWS
from analysis.scores.drawn_metrics import AUC, IN_WORDS
from analysis.scores.ensemble_rows import PROBABILITIES, WEIGHTS
from analysis.stats.multiple import corrected_for
from analysis.tables.findings import listed
from analysis.tables.rendering import Table, number, p_value, percent
from trainables import titles

AS_GIVEN = (
    "There is one ensemble of each cell, so that no spread over seeds exists: the intervals hold the draw of test "
    "patients alone, and another set of students would make another ensemble."
)


def table(runs: Runs, frame: pd.DataFrame) -> Table:
    """The frame of `analysis.scores.ensemble_rows.ensemble_rows`, in percent; kappa times 100."""
    columns = {
        "single": ("single, mean", percent), "ensemble": ("ensemble", percent), "low": ("low", percent),
        "high": ("high", percent), "difference": ("difference", percent), "difference_low": ("diff., low", percent),
        "difference_high": ("diff., high", percent), "p": ("p", p_value), "p_holm": ("p, Holm", p_value),
        "n": ("n", _count), "num_patients": ("patients", _count),
    }  # fmt: skip
    averaged = averages(runs)
    notes = [
        "single, mean: mean over the n repeats; ensemble: score of the one answer that is made of them",
        *(averaged.notes if averaged else []),
        f"low, high: 95% interval by a bootstrap of patients ({NUM_DRAWS:,} draws), difference paired by patient, with "
        "the trained students as given: there is one ensemble, and no spread over seeds",
        f"p, Holm: {corrected_for(len(frame))}",
    ]
    if (frame["answer"] == WEIGHTS).any():
        notes.append(
            f"{WEIGHTS}: one network (Wortsman et al. 2022), whose batch norms have their statistics from the training "
            "images anew"
        )
    shown = frame.assign(metric=frame["metric"].map(IN_WORDS))
    return listed(runs, shown, columns, name="ensembles", title="Ensembles beside single students", notes=notes)


def picture(runs: Runs, frame: pd.DataFrame) -> Picture | None:
    """The gain in AUC of each ensemble over its mean single student, as a forest plot."""
    phantom = origins.of_cells(runs.confirm)
    of_auc = frame[frame["metric"] == AUC]
    lines = pd.DataFrame(
        {
            "group": [titles.of_name(cell) for cell in of_auc["cell"]],
            "label": of_auc["answer"],
            "name": of_auc["cell"],
            "difference": of_auc["difference"],
            "low": of_auc["difference_low"],
            "high": of_auc["difference_high"],
            "is_told": of_auc["p_holm"] < LEVEL,
            "phantom": [phantom.get(cell, "") for cell in of_auc["cell"]],
        }
    )
    return figure_differences.picture(
        lines.reset_index(drop=True),
        name="ensembles",
        title="What an ensemble gains",
        caption="Test AUC of each ensemble minus the mean of its single students, with the 95% interval by patient.",
        label="difference in test AUC (points)",
    )


def sentences(frame: pd.DataFrame) -> list[str]:
    """What the frame says, in words."""
    told = []
    of_auc = frame[frame["metric"] == AUC]
    for answer in (PROBABILITIES, WEIGHTS):
        rows = of_auc[of_auc["answer"] == answer]
        if rows.empty:
            continue
        gains = rows["difference"]
        surely = rows["p_holm"] < LEVEL
        better, worse = int((surely & (gains > 0)).sum()), int((surely & (gains < 0)).sum())
        span = (
            f"{number(100 * gains.min())} to {number(100 * gains.max())}"
            if len(rows) > 1
            else number(100 * gains[0:1].item())
        )
        told.append(
            f"The {answer} has an AUC that differs from that of a single student by {span} points; it is surely better "
            f"in {better} of {len(rows)} cells and surely worse in {worse}, as far as test patients go."
        )
    return [*told, AS_GIVEN] if told else []


def _count(value: float) -> str:
    return f"{value:,.0f}"
