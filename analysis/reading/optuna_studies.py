"""The studies of a search as Optuna has them, from the runs in MLflow, for optuna-dashboard and optuna.visualization.

A search keeps no Optuna storage of its own: MLflow is its only memory. Here each study is made anew, with the ranges
that it was searched in, from the trials that have ended.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from analysis.reading.mlflow_frames import metric_frame, run_frame
from analysis.reading.origins import PHANTOM_NOTICE
from analysis.reading.record_form import RECORD_VERSION
from analysis.reading.tracking_uri import require_store, without_password
from search_spaces import space_of
from search_spaces.joint import JointSpace
from search_spaces.space import Space
from trainables.knob import Range
from trainables.trial import TrialSpec

MADE_BY = "analysis.optuna_export"  # a user attribute of the studies that may be replaced
SCORE, BEST_SCORE = "score", "best_score"
Params = dict[str, Any]


class OtherFormError(ValueError):
    """Every trial of a data set was recorded in another form than the present one."""


@dataclass(frozen=True, kw_only=True)
class RecordedStudy:
    """One study of a sweep, as Optuna takes it."""

    sweep: str
    study: str  # a cell's name, or that of a joint search
    metric: str
    trials: list[FrozenTrial]  # in the order in which the search asked for them
    num_open: int  # trials that have not ended, which are left out
    facts: dict[str, str]

    @property
    def name(self) -> str:
        """Unique among all sweeps of a store."""
        return f"{self.sweep}/{self.study}"

    def count(self, state: TrialState) -> int:
        """How many of its trials ended like that."""
        return sum(trial.state == state for trial in self.trials)


def recorded_studies(tracking_uri: str, dataset: str, sweep: str | None = None) -> list[RecordedStudy]:
    """The studies of a data set's sweeps, or of one of them, in the order in which they began.

    Raises:
        FileNotFoundError, ValueError: as `analysis.reading.tracking_uri.require_store` says.
        OtherFormError: every trial was recorded in another form.
        LookupError: there is no such sweep, or no trial of a search.
    """
    require_store(tracking_uri)
    frame = run_frame(tracking_uri, dataset, sweep)
    search = frame[frame["tags.phase"] == "search"] if "tags.phase" in frame else frame.iloc[:0]
    if search.empty:
        of_sweep = f" of the sweep {sweep!r}" if sweep is not None else ""
        raise LookupError(f"no trial of a search{of_sweep} for {dataset!r} in {without_password(tracking_uri)}")
    present = search[search.reindex(columns=["tags.record"])["tags.record"] == str(RECORD_VERSION)]
    if present.empty:
        raise OtherFormError(
            f"the trials of {dataset} must be recorded in form {RECORD_VERSION} to be exported, but none is; export "
            "them with the version of the code that made them (their tag `version`)"
        )
    logged = metric_frame(tracking_uri, present["run_id"].tolist(), [SCORE])
    curves = {str(run_id): curve for run_id, curve in logged.groupby("run_id")}
    parents = frame[frame["tags.kind"] == "sweep"].set_index("tags.sweep")
    begun = present.sort_values(["start_time", "run_id"])
    return [
        _study(str(of_sweep), str(study), trials, parents.loc[of_sweep], curves)
        for (of_sweep, study), trials in begun.groupby(["tags.sweep", "tags.study"], sort=False)
    ]


def write(study: RecordedStudy, storage: optuna.storages.BaseStorage) -> optuna.Study:
    """Writes the study, in place of an earlier export of it.

    Raises:
        FileExistsError: the storage has a study of that name which is no earlier export.
    """
    existing = {known.study_name: known for known in optuna.study.get_all_study_summaries(storage)}
    if study.name in existing:
        if existing[study.name].user_attrs.get("made_by") != MADE_BY:
            raise FileExistsError(
                f"the storage must have no other study called {study.name}, but has; rename that one, or give another "
                "storage with --to"
            )
        optuna.delete_study(study_name=study.name, storage=storage)
    written = optuna.create_study(study_name=study.name, storage=storage, direction="maximize")
    for name, value in {"made_by": MADE_BY, **study.facts}.items():
        written.set_user_attr(name, value)
    with _without_experimental_warnings():
        written.set_metric_names([f"val_{study.metric}"])
    written.add_trials(study.trials)
    return written


def _study(
    sweep: str, study: str, rows: pd.DataFrame, parent: pd.Series, curves: dict[str, pd.DataFrame]
) -> RecordedStudy:
    ended = rows[rows["status"].isin(["FINISHED", "FAILED"])]
    ordered = ended.assign(number=ended["tags.number"].astype(int)).sort_values("number")
    specs = [TrialSpec.from_dict(json.loads(spec)) for spec in ordered["tags.spec"]]
    space = _space(str(parent["tags.dataset"]), str(parent["tags.settings"]), specs)
    searched = [spec.searched for spec in specs]
    if re.sub(r" fold \d+$", "", study) in {spec.cell.name for spec in specs}:
        ranges = _ranges(space, searched)
        points = [(values, {name: ranges[name] for name in values}) for values in searched]
    else:
        joint = JointSpace(space)
        points = [joint.of(spec.cell, values) for spec, values in zip(specs, searched, strict=True)]
    trials = [
        _trial(row, *point, curves.get(str(row["run_id"])))
        for (_, row), point in zip(ordered.iterrows(), points, strict=True)
    ]
    return RecordedStudy(
        sweep=sweep,
        study=study,
        metric=str(rows["params.selection_metric"].iloc[0]),
        trials=trials,
        num_open=len(rows) - len(ended),
        facts={
            "sweep": sweep,
            "dataset": str(parent["tags.dataset"]),
            "data": str(parent["tags.data"]),
            "search": json.loads(str(parent["tags.settings"])).get("search", ""),
            "mlflow_run": str(parent["run_id"]),
            **({"notice": PHANTOM_NOTICE} if parent["tags.data"] == "phantom" else {}),
        },
    )


def _space(dataset: str, settings: str, specs: Sequence[TrialSpec]) -> Space:
    """The data set's search space with the ranges that the sweep had, and the cells of these trials."""
    space = space_of(dataset)
    tuned = dict(space.tuned)
    for name, (low, high) in json.loads(settings).get("tuned", {}).items():
        tuned[name] = (
            replace(tuned[name], low=low, high=high) if name in tuned else Range(low=low, high=high, first=low)
        )
    return replace(space, tuned=tuned, cells=tuple(dict.fromkeys(spec.cell for spec in specs)))


def _ranges(space: Space, searched: Sequence[Params]) -> dict[str, BaseDistribution]:
    """Each parameter's distribution, wide enough for every value: a grid may have points beyond a search's range."""
    ranges: dict[str, BaseDistribution] = {}
    for cell in space.cells:
        for name, of in space.ranges(cell).items():
            values = [float(trial[name]) for trial in searched if name in trial] or [of.low]
            low, high = min(of.low, *values), max(of.high, *values)
            ranges[name] = FloatDistribution(low, high, log=of.log and low > 0)  # a grid may have no weight decay
    return ranges


def _trial(
    row: pd.Series, params: Params, distributions: dict[str, BaseDistribution], curve: pd.DataFrame | None
) -> FrozenTrial:
    best = row.get(f"metrics.{BEST_SCORE}")
    is_scored = row["status"] == "FINISHED" and pd.notna(best)
    is_stopped = is_scored and pd.notna(row.get("tags.stopped"))
    attributes = {"cell": "tags.cell", "sweep": "tags.sweep", "trial": "tags.trial", "mlflow_run": "run_id"}
    attributes |= {"number": "tags.number", "error": "tags.error"}
    trial = create_trial(
        state=TrialState.PRUNED if is_stopped else TrialState.COMPLETE if is_scored else TrialState.FAIL,
        value=float(best) if is_scored else None,
        params=params,
        distributions=distributions,
        user_attrs={name: str(row[column]) for name, column in attributes.items() if pd.notna(row.get(column))},
        intermediate_values={} if curve is None else _by_epoch(curve),
    )
    times_ms = [int(row["start_time"]), *([] if curve is None else curve["timestamp"].tolist())]
    trial.datetime_start = datetime.fromtimestamp(times_ms[0] / 1000)
    trial.datetime_complete = datetime.fromtimestamp(max(times_ms) / 1000)
    return trial


def _by_epoch(curve: pd.DataFrame) -> dict[int, float]:
    """The later value where a resumed run logged an epoch twice."""
    return {int(row.step): float(row.value) for row in curve.sort_values(["step", "timestamp"]).itertuples()}


@contextmanager
def _without_experimental_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
