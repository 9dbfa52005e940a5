"""Patients who have withdrawn since a sweep was run, as its runs say: counts alone.

A run has the tag ``withdrawn``, the number of patients who have left the images that its sweep began with, and
``withdrawn_TARGET`` where they have left another hospital's.
"""

from __future__ import annotations

import pandas as pd

from analysis.reading.trials import Runs

TAG = "withdrawn"


def tag_of_target(target: str) -> str:
    """The tag of a run that has opened another hospital's images."""
    return f"{TAG}_{target}"


def notes(runs: Runs) -> list[str]:
    """What a table or report has to say of it; [] where nobody has withdrawn."""
    own = f"tags.{TAG}"
    texts = []
    for column in sorted(str(name) for name in runs.sweeps if str(name) == own or str(name).startswith(f"{own}_")):
        of_set = runs.dataset if column == own else column.removeprefix(f"{own}_")
        if num := _most(runs.sweeps[column]):
            texts.append(
                f"patients of {of_set} who have withdrawn since: {num}; their predictions are gone, so scores made "
                "from predictions are those of the other patients, but scores recorded in MLflow remain those of "
                "before, with them"
            )
    return texts


def _most(numbers: pd.Series) -> int:
    return int(pd.to_numeric(numbers, errors="coerce").fillna(0).max())
