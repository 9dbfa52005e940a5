"""What the chapters of a report are made from: the runs of a data set, their predictions, and what was compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from analysis.reading.predictions import Predictions
from analysis.reading.run_flags import WANTED
from analysis.reading.trials import Runs
from analysis.scores.comparisons import Draws, variance_rows
from analysis.scores.questions import contrast_rows
from analysis.stats.thresholds import SENSITIVITY, SPECIFICITY, YOUDEN, Rule


def rules_of(sensitivity: float = WANTED, specificity: float = WANTED) -> tuple[Rule, ...]:
    """The rules by which a report chooses thresholds; the first is used where there is room for one alone.

    Raises:
        ValueError: a level is outside (0, 1).
    """
    wanted = ((SENSITIVITY, sensitivity), (SPECIFICITY, specificity))
    return (Rule(kind=YOUDEN), *(Rule(kind=kind, level=level) for kind, level in wanted))


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that a chapter may read."""

    runs: Runs
    results: Path | None = None  # the sweep's results folder; None where it is not known
    rules: tuple[Rule, ...] = field(default_factory=rules_of)
    tested: dict[str, list[Predictions]] = field(default_factory=dict)  # by cell; the repeats' test images
    validated: dict[str, list[Predictions]] = field(default_factory=dict)  # the same repeats' validation images
    draws: dict[str, Draws] = field(default_factory=dict)  # of each cell that was tested on the images of the others
    contrasts: pd.DataFrame = field(default_factory=lambda: contrast_rows({}))
    variance: pd.DataFrame = field(default_factory=lambda: variance_rows({}))
