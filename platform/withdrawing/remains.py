"""What remains of patients who have withdrawn: weights that were trained, or selected, on their images.

Made from the list of patients, the runs and the teachers alone, so that it can be made again at any time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd

from analysis.reading import artifacts
from platform.sources.places import EXPORTS, Places
from platform.withdrawing.recorded_runs import RecordedRuns
from trainables.cell import ITSELF
from trainables.data.catalogue import share_patients
from trainables.data.withdrawn import Withdrawn
from trainables.teachers import shelf
from trainables.teachers.overlap import sets_seen
from trainables.teachers.shelf import Teacher

COLUMNS = ("what", "sweep", "name", "seed", "run", "training", "validation", "weights")
UNKNOWN = "unknown"  # instead of a count: the images, or which split they were in, can no longer be told
ANEW = "drawn anew"  # instead of a count: the run drew its own split, so any of them may have been in any part
EXPORTED, IN_MLFLOW = "copy, exported", "copy, model in MLflow"
RUN_ID = re.compile(r"\b[0-9a-f]{32}\b")
NUM_SHOWN = 40
SUFFIX = ".withdrawn-1.csv"


def remains(dataset: str, withdrawn: Withdrawn, runs: RecordedRuns, places: Places) -> pd.DataFrame:
    """One row per file of weights, `COLUMNS`: in training and validation, how many of the data set's patients the
    network has seen who have withdrawn since, or why that is not known; where the weights are, or "" where they are not
    on this machine. The copies of a run's weights, exported or as a model in MLflow, follow it.
    """
    copies, models = _exports(places), runs.models()
    rows = []
    for _, run in _of_set(dataset, runs.affected(withdrawn)).iterrows():
        rows.append(row := _of_run(run, withdrawn, runs, places))
        for what, of_runs in ((EXPORTED, copies), (IN_MLFLOW, models)):
            paths = [str(places.relative(folder)) for folder in of_runs.get(row["run"], [])]
            rows += [{**row, "what": what, "weights": path} for path in paths]
    folders = sorted((places.results / "teachers").glob("*"))
    salt = places.salt_fingerprint()
    for teacher in (each for folder in folders for each in shelf.listing(folder)):
        if count := _seen(teacher, dataset, withdrawn.of(dataset), salt):
            weights = str(places.relative(teacher.folder))
            rows.append({"what": "teacher", "name": teacher.name, "training": count, "weights": weights})
    kept = [row for row in rows if row.get("training") != "0" or row.get("validation", "0") != "0"]
    return pd.DataFrame(kept, columns=list(COLUMNS)).fillna("")


def csv_of(dataset: str, places: Places) -> Path:
    """Where the table is kept: beside the stores of the data set."""
    return places.results / "stores" / f"{dataset}{SUFFIX}"


def lines(table: pd.DataFrame) -> list[str]:
    """The table as text, as far as it can be shown."""
    if table.empty:
        return ["nothing was trained on these patients' images"]
    where = table["weights"].where(table["weights"] != "", table["run"])
    shown = table.assign(weights=where).drop(columns="run").head(NUM_SHOWN).to_string(index=False).splitlines()
    more = [f"and {len(table) - NUM_SHOWN} more"] if len(table) > NUM_SHOWN else []
    return [
        "what was trained on these patients' images, and remains (how many were in training and in validation):",
        *shown,
        *more,
    ]


def _of_set(dataset: str, runs: pd.DataFrame) -> pd.DataFrame:
    is_trained = (runs["tags.kind"] == "trial") & (runs.reindex(columns=["params.method"])["params.method"] != ITSELF)
    return runs[is_trained & runs["dataset"].map(lambda name: share_patients(str(name), dataset)).astype(bool)]


def _of_run(run: pd.Series, withdrawn: Withdrawn, runs: RecordedRuns, places: Places) -> dict[str, str]:
    fingerprint = str(run["tags.data_fingerprint"])
    weights = artifacts.weights_of(places.tracking_uri, run) if runs.is_local else None
    phase = run["tags.phase"]
    return {
        "what": "teacher" if phase == "pretrain" else f"student, {phase}",
        "sweep": _text(run["tags.sweep"]),
        "name": _text(run["tags.cell"]),
        "seed": _text(run["params.seed"]).removesuffix(".0"),
        "run": str(run["run_id"]),
        **_counts(run, withdrawn.left(fingerprint), has_store=bool(withdrawn.before[fingerprint][0])),
        "weights": str(places.relative(weights)) if weights else "",
    }


def _exports(places: Places) -> dict[str, list[Path]]:
    """Run -> the folders among the results to which its student was exported, as the page in each says."""
    exports: dict[str, list[Path]] = {}
    for page in sorted((places.results / EXPORTS).glob("*/README.md")):
        for run in set(RUN_ID.findall(page.read_text(encoding="utf-8", errors="ignore"))):
            exports.setdefault(run, []).append(page.parent)
    return exports


def _counts(run: pd.Series, left: Mapping[str, str], *, has_store: bool) -> dict[str, str]:
    """How many of those who have left were in training and validation."""
    if any(_text(run[f"params.{name}"]) not in ("", "0", "0.0", "None") for name in ("split_draw", "fold")):
        return {"training": ANEW, "validation": ANEW}
    by_split = Counter(left.values())
    training = str(by_split["train"]) if has_store else UNKNOWN
    return {"training": training, "validation": str(by_split["validation"])}


def _seen(teacher: Teacher, dataset: str, gone: Collection[str], salt: str) -> str:
    """How many of those who are gone a teacher was trained on; "" for none."""
    sets = {name: hashes for name, hashes in sets_seen(teacher.seen).items() if share_patients(name, dataset)}
    if not sets:
        return ""
    if not all(sets.values()) or teacher.seen.get("salt") != salt:
        return UNKNOWN
    num_seen = len({each for hashes in sets.values() for each in hashes} & set(gone))
    return str(num_seen) if num_seen else ""


def _text(value: object) -> str:
    return "" if value is None or pd.isna(value) else str(value)
