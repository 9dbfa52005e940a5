"""Trials as MLflow has them: from the rows of their runs, and from all that they logged by epoch, read at once."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import count, takewhile
from typing import Any

import pandas as pd

from analysis.reading.mlflow_frames import metric_frame
from platform.sweeping.records import TrialRecord
from trainables.trial import TrialSpec

HISTORIES = ("best_score", "epoch_s", "rung")  # of a trial, by epoch
TEST_AUC = "test_auc"
TAGS = ("kind", "recipe", "spec", "study", "number", "drawn", "stopped", "error")
COLUMNS = ("run_id", "status", "start_time", f"metrics.{TEST_AUC}", *[f"tags.{name}" for name in TAGS])  # of a trial


def records_of(runs: pd.DataFrame, tracking_uri: str) -> list[TrialRecord]:
    """The trials of runs, which have the columns `COLUMNS`, in the order of the rows."""
    histories: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    logged = metric_frame(tracking_uri, runs["run_id"].tolist(), HISTORIES)
    for run_id, metric, step, value, _ in logged.sort_values("timestamp", kind="stable").itertuples(index=False):
        histories[run_id, metric][step] = value
    rows = runs.astype(object).where(runs.notna(), None).to_dict("records")
    return [_record(row, *[histories[row["run_id"], metric] for metric in HISTORIES]) for row in rows]


def _record(
    run: Mapping[str, Any], scores: Mapping[int, float], seconds: Mapping[int, float], rung: Mapping[int, float]
) -> TrialRecord:
    """The trial of a run, from its tags and from what it logged by epoch."""
    record = TrialRecord(
        spec=TrialSpec.from_dict(json.loads(run["tags.spec"])),
        study=run["tags.study"],
        number=int(run["tags.number"]),
        drawn=run["tags.drawn"] or "",
        status=run["status"],
        stopped=run["tags.stopped"] or "",
        run_id=run["run_id"],
        error=run["tags.error"] or "",
        test_auc=run[f"metrics.{TEST_AUC}"],
    )
    record.seconds = sum(seconds.values())
    record.best_scores, rungs = _without_gap(scores), _without_gap(rung)
    record.behind_gap = frozenset(epoch for epoch in scores if epoch > len(record.best_scores))
    record.num_judged = sum(value > 0 for value in rungs)
    record.known_to = max(record.behind_gap, default=0)
    if record.status == "FINISHED" and not _is_whole(record, rungs):
        record.status = "RUNNING"
        if not record.stopped:
            record.known_to = record.spec.config.num_reports
        elif not record.known_to:
            record.stopped = ""  # after which epoch, nobody knows any more
    return record


def _without_gap(history: Mapping[int, float]) -> list[float]:
    """The values up to the first epoch that MLflow lacks: from there on the trial sends them again."""
    return [history[epoch] for epoch in takewhile(history.__contains__, count(1))]


def _is_whole(record: TrialRecord, rungs: Sequence[float]) -> bool:
    """Whether MLflow has every epoch of a finished trial: the last one, or that after which it was stopped."""
    if record.stopped:
        return not rungs or rungs[-1] == 0
    return len(record.best_scores) >= record.spec.config.num_reports
