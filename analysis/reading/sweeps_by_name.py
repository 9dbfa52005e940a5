"""Finds sweeps by their names over all data sets of an MLflow store, and reads what they began with."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import pandas as pd

from analysis.reading.mlflow_frames import sweeps
from analysis.reading.repeats import VARIED, words_of
from analysis.reading.tracking_uri import require_store, without_password
from analysis.reading.trials import Runs, runs

SEVERAL = "; "  # between values, where the runs of one sweep have several
OF_THE_RUNS = {  # what the trials say, in the order of the table: setting -> their column
    "software version": "tags.version",
    "recipe": "tags.recipe",
    "data": "tags.data",
    "labels averaged": "tags.averaged_labels",
}
OF_THE_PARENT = {
    "labels": "tags.label_names",
    "held out of training": "tags.held_out",
    "ablation file": "tags.ablation_sha256",
    "flags on top of the ablation file": "tags.overrides",
}
NOT_SHOWN = ("data", "dataset", "held_out")  # keys of the tag `settings` that stand in the table by other names


@dataclass(frozen=True, kw_only=True)
class NamedSweep:
    """One sweep with its runs, and the parent run that describes it."""

    side: str  # what it is called in a comparison, such as "A"
    name: str
    runs: Runs

    @property
    def words(self) -> str:
        """``A (retina-3f2a)``."""
        return f"{self.side} ({self.name})"

    @property
    def parent(self) -> pd.Series:
        """The parent run's row."""
        return self.runs.sweeps.iloc[-1]

    @property
    def label_names(self) -> str:
        """The data set's labels as JSON; "" where the sweep does not say."""
        text = self.parent.get("tags.label_names")
        return text if isinstance(text, str) else ""


def named_sweep(side: str, tracking_uri: str, name: str, dataset: str | None = None) -> NamedSweep:
    """The sweep of that name, with its finished trials.

    Args:
        side: what messages call it.
        dataset: its data set, which is needed where sweeps of several have the name.

    Raises:
        FileNotFoundError, ValueError: as `analysis.reading.tracking_uri.require_store` says.
        LookupError: there is no such sweep, several data sets have one, or none of its repeats can be read.
        ValueError: it was recorded in another form.
    """
    of_dataset = dataset_of(side, tracking_uri, name, dataset)
    try:
        recorded = runs(tracking_uri, of_dataset, name)
    except ValueError as error:
        raise ValueError(f"{side} ({name}) cannot be read: {error}") from error
    if recorded.confirm.empty:
        raise LookupError(f"{side} ({name}) cannot be compared: {_why_not(recorded)}")
    return NamedSweep(side=side, name=name, runs=recorded)


def dataset_of(what: str, tracking_uri: str, name: str, dataset: str | None = None) -> str:
    """The data set of the sweep of that name.

    Args:
        what: what messages call the sweep.
        dataset: the one that it must be of, which is needed where sweeps of several have the name.

    Raises:
        FileNotFoundError, ValueError: as `analysis.reading.tracking_uri.require_store` says.
        LookupError: there is no such sweep, or several data sets have one.
    """
    require_store(tracking_uri)
    known = sweeps(tracking_uri)
    where = without_password(tracking_uri)
    datasets = sorted(of for of, names in known.items() if name in names and dataset in (None, of))
    if not datasets:
        every = sorted({each for of, names in known.items() for each in names if dataset in (None, of)})
        nearest = get_close_matches(name, every, n=1)
        question = f" (did you mean {nearest[0]}?)" if nearest else ""
        of_dataset = f" of {dataset}" if dataset else ""
        raise LookupError(
            f"{what} must be one of the sweeps{of_dataset} in {where}: {', '.join(every) or 'there is none'}; but got "
            f"{name!r}{question}"
        )
    if len(datasets) > 1:
        raise LookupError(
            f"{what} must be one sweep, but {name!r} is in {' and '.join(datasets)}; say which with --dataset"
        )
    return datasets[0]


def _why_not(recorded: Runs) -> str:
    if recorded.left_out.empty:
        return "it has no confirming repeat yet"
    counts = Counter(recorded.left_out["reason"])
    reasons = "; ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
    return f"it has no finished confirming repeat that this version of the code can read ({reasons})"


def differing_settings(sweeps: Sequence[NamedSweep]) -> pd.DataFrame:
    """One row per setting that is not the same in all of these sweeps: setting, then one column per sweep's `side`."""
    settings = [settings_of(sweep) for sweep in sweeps]
    names = list(dict.fromkeys(name for of_sweep in settings for name in of_sweep))
    rows = [(name, *(of_sweep.get(name, "") for of_sweep in settings)) for name in names]
    differing = [row for row in rows if len(set(row[1:])) > 1]
    return pd.DataFrame(differing, columns=["setting", *(sweep.side for sweep in sweeps)])


def settings_of(sweep: NamedSweep) -> dict[str, str]:
    """Everything that a sweep began with and how far it has grown, as text by the name of the setting; "" for none."""
    trials, confirm, search = sweep.runs.trials, sweep.runs.confirm, sweep.runs.search
    settings = {name: _distinct(trials, column) for name, column in OF_THE_RUNS.items()}
    # the sweep's own: a cell with another image size, and a repeat on another split, have others
    settings |= {
        "data fingerprint": sweep.runs.data_fingerprint, "split fingerprint": sweep.runs.split_fingerprint,
        "drawn anew in repeats": ", ".join(words_of(sweep.parent.get(VARIED))),
    }  # fmt: skip
    settings |= {name: _text(sweep.parent.get(column, "")) for name, column in OF_THE_PARENT.items()}
    recorded = json.loads(_text(sweep.parent.get("tags.settings", "")) or "{}")
    if recorded and recorded.get("search") != "grid":
        recorded.setdefault("searcher", "tpe")  # of the sweeps that began before there were others
    settings |= _flat({name: value for name, value in recorded.items() if name not in NOT_SHOWN})
    if "max_epochs" not in settings:
        settings["max_epochs"] = _distinct(trials, "params.max_epochs")
    settings["trials per cell"] = _counts(search)
    settings["repeats per cell"] = _counts(confirm)
    return settings


def _flat(settings: Mapping[str, Any], before: str = "") -> dict[str, str]:
    """Nested settings by names such as ``teachers imagenet``; a range is ``1e-06 to 0.01``."""
    flat: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{before}{name} ")
        elif isinstance(value, list) and len(value) == 2 and all(isinstance(each, int | float) for each in value):
            flat[f"{before}{name}"] = f"{value[0]:g} to {value[1]:g}"
        else:
            flat[f"{before}{name}"] = _text(value)
    return flat


def _text(value: object) -> str:
    """``true``, ``15``, ``No DR, Mild`` of a JSON list; "" for what is missing."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:g}"
    if isinstance(value, str) and value.startswith("["):
        return ", ".join(map(str, json.loads(value)))
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _distinct(trials: pd.DataFrame, column: str) -> str:
    values = trials.reindex(columns=[column])[column].dropna().map(_text)
    return SEVERAL.join(sorted(set(values)))


def _counts(trials: pd.DataFrame) -> str:
    """``3``, or ``2 to 3``, where cells have different numbers of these trials."""
    counts = trials["tags.cell"].value_counts()
    if counts.empty:
        return ""
    return f"{counts.min()}" if counts.nunique() == 1 else f"{counts.min()} to {counts.max()}"
