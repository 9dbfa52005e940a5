"""What of a run may be handed on: no folder and no machine's address, no name of an image or of a patient.

MLflow's records have no patient number and no path by design. Here that is checked once more, since what is published
cannot be called back: what names a machine or a folder is taken out, and predictions whose images or patients are not
hashed are refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

HASHED = ("image", "patient", "study")  # columns of predictions that must hold salted hashes
AGE, OLDEST = "age_years", 90.0  # the oldest are few enough to be found by their age (45 CFR 164.514, Safe Harbor)
KEPT = ("tags.mlflow.parentRunId", "tags.mlflow.runName")  # of MLflow's own tags; the rest names users and programs
DROPPED = ("tags.error",)  # why a trial failed, in Ray's words, with addresses and folders of machines
NODE = "tags.node"
_HASH = re.compile(r"[0-9a-f]{16,64}")
_PASSWORD = re.compile(r"(?<=://)[^/\s@]+@")
_NO_PART = r"""\s/\\"'`,;:()<>\[\]{}|"""
_PATH = re.compile(rf"(?<![\w.~/-])(?:file://|sqlite:///|~)?/(?:[^{_NO_PART}]+/)+([^{_NO_PART}]*)")
_WINDOWS_PATH = re.compile(rf"(?<!\w)[A-Za-z]:\\(?:[^{_NO_PART}]+\\)*([^{_NO_PART}]*)")


def runs_handed_on(runs: pd.DataFrame, places: Sequence[Path] = ()) -> pd.DataFrame:
    """The runs without what names folders, users or machines; machines are numbered, so that it still shows which runs
    shared one.

    Args:
        runs: one row each, as `analysis.reading.mlflow_frames.run_frame` has them.
        places: folders of this machine, whose names may contain blanks.
    """
    own = [name for name in runs if name.startswith("tags.mlflow.") and name not in KEPT]
    kept = runs.drop(columns=[*own, *(name for name in DROPPED if name in runs)]).assign(artifact_uri="")
    if NODE in kept:
        nodes = sorted(kept[NODE].dropna().unique())
        kept[NODE] = kept[NODE].map({node: f"machine {number}" for number, node in enumerate(nodes, 1)})
    for name in kept.columns[[not pd.api.types.is_numeric_dtype(kept[name]) for name in kept]]:
        kept[name] = kept[name].map(lambda value: text_handed_on(value, places) if isinstance(value, str) else value)
    return kept


def text_handed_on(text: str, places: Sequence[Path] = ()) -> str:
    """A text with each path cut down to its last part, and without passwords.

    >>> text_handed_on("read /mnt/jane/xrays/my.csv, then http://jane:secret@host/#/x, frontal/lateral and 1/2")
    'read my.csv, then http://host/#/x, frontal/lateral and 1/2'
    """
    for place in sorted({str(place) for place in places if len(place.parts) > 1}, key=len, reverse=True):
        text = text.replace(f"file://{place}/", "").replace(f"{place}/", "").replace(place, Path(place).name)
    return _WINDOWS_PATH.sub(r"\1", _PATH.sub(r"\1", _PASSWORD.sub("", text)))


def predictions_handed_on(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """A table of a run, such as its predictions, with ages above 89 as 90.

    Args:
        name: what messages call it.

    Raises:
        ValueError: images or patients are not hashed, or a text in it is a path.
    """
    for column in (column for column in HASHED if column in frame):
        plain = frame.loc[~frame[column].astype(str).str.fullmatch(_HASH.pattern), column]
        if len(plain):
            raise ValueError(
                f"a bundle must name no {column}, only its salted hash, but {name} has the {column} {plain.iloc[0]!r}; "
                "was the file written by another program?"
            )
    for column in frame.columns[[not pd.api.types.is_numeric_dtype(frame[column]) for column in frame]]:
        for text in frame[column].drop_duplicates():
            if isinstance(text, str) and text_handed_on(text) != text:
                raise ValueError(f"a bundle must hold no path, but {name} has {text!r} in its column {column}")
    if AGE in frame and (frame[AGE] > OLDEST - 1).any():
        return frame.assign(**{AGE: frame[AGE].mask(frame[AGE] > OLDEST - 1, OLDEST).astype(frame[AGE].dtype)})
    return frame
