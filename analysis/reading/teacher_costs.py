"""What the training of a teacher has cost, where that was trained here and recorded in the same MLflow."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis.reading.mlflow_frames import run_frame
from analysis.reading.trial_costs import numbers, seconds_of
from analysis.reading.trials import Runs
from search_spaces.space import RANDOM_TEACHER
from trainables.cell import NO_TEACHER, members
from trainables.init_names import RANDOM

EXPERIMENT = "teachers"  # MLflow's, in which teachers are trained
MADE = "trained_teacher"  # the tag of a training's parent run with the fingerprint of the teacher that came of it
COLUMNS = ["teacher", "fingerprint", "seconds", "gpu_s", "measured_wh", "estimated_wh"]


def teacher_costs(runs: Runs) -> pd.DataFrame:
    """COLUMNS, one row per teacher of these trials, or source of their first weights; NaN where nothing is known. A
    teacher with random weights was never trained, and has none.
    """
    used = dict.fromkeys(_used(runs.trials))
    trained = _trainings(runs)
    rows = []
    for name, fingerprint in used:
        of_teacher = trained[trained["fingerprint"] == fingerprint]
        known = of_teacher.iloc[-1][COLUMNS[2:]].to_dict() if len(of_teacher) else {}
        rows.append({"teacher": name, "fingerprint": fingerprint, **known})
    return pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(COLUMNS[2:], float))


def _used(trials: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Names and fingerprints of what was trained, those of an ensemble one by one."""
    columns = ["params.teacher", "tags.teacher_fingerprint", "params.init", "tags.init_fingerprint"]
    for teacher, fingerprints, init, of_init in trials.reindex(columns=columns).itertuples(index=False):
        if teacher not in (NO_TEACHER, RANDOM_TEACHER):
            yield from zip(members(str(teacher)), str(fingerprints).split("+"), strict=False)
        if RANDOM not in (init, of_init):
            yield str(init), str(of_init)


def _trainings(runs: Runs) -> pd.DataFrame:
    """COLUMNS but the name: one row per finished training of a teacher whose fingerprint was recorded."""
    frame = run_frame(runs.tracking_uri, EXPERIMENT, None)
    frame = frame.reindex(columns=list(dict.fromkeys([*frame, "tags.kind", "tags.sweep", f"tags.{MADE}"])))
    made = frame[frame["tags.kind"] == "sweep"].dropna(subset=[f"tags.{MADE}"])
    trials = frame[(frame["tags.kind"] == "trial") & frame["tags.sweep"].isin(made["tags.sweep"])]
    took = seconds_of(runs, trials["run_id"].tolist()).reindex(trials["run_id"])["seconds"]
    costs = {name: numbers(trials, name) for name in COLUMNS[3:]}
    fingerprints = trials["tags.sweep"].map(made.set_index("tags.sweep")[f"tags.{MADE}"])
    return pd.DataFrame({"fingerprint": fingerprints, "seconds": took.to_numpy(), **costs})
