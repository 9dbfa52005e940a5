"""The setup of each trial's own sweep, by which trials are chosen for one table.

A trial's parameters are what it did. Where its cell changes a knob of the setup, or its repeat another split, the tag
``sweep_setup`` (JSON) holds what its sweep has instead: the cell is then the difference, and the setup the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import pandas as pd

TAG = "tags.sweep_setup"


def own_setup(trials: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """These columns (``tags.split_fingerprint``, ``params.rotation_deg``) with the sweep's values where a trial's
    differ.

    Raises:
        ValueError: a tag ``sweep_setup`` is not a JSON object.
    """
    frame = trials.reindex(columns=list(columns))
    tags = trials.reindex(columns=[TAG])[TAG].dropna()
    if tags.empty:
        return frame
    numeric = {name for name in columns if pd.api.types.is_numeric_dtype(frame[name])}
    frame = frame.astype(object)
    for tag in tags.unique():
        rows = tags.index[tags == tag]
        for name, value in _read(tag).items():
            for column in (f"params.{name}", f"tags.{name}"):
                if column in frame:
                    # as MLflow has it: text, or a number where all are numbers
                    is_number = column in numeric and not isinstance(value, bool)
                    frame.loc[rows, column] = float(str(value)) if is_number else str(value)
    return frame


def _read(tag: str) -> dict[str, object]:
    try:
        values = json.loads(tag)
    except json.JSONDecodeError:
        values = None
    if not isinstance(values, dict):
        raise ValueError(f"the tag sweep_setup of a trial must be a JSON object, but got {tag!r}")
    return values
