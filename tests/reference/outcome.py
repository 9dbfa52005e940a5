"""What small sweeps come to, as plain JSON: every number that a refactoring must leave as it is, bit for bit.

Left out are speeds, times, ids of runs, and hashes and JSON of whole configurations, which change with any name.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import math
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.reading.record_form import name_of
from tests.reference.machine import machine
from trainables.config import TrialConfig
from trainables.knob import knobs

ROOT = Path(__file__).parents[2]
RECORD = Path(__file__).with_name("record.json.gz")
PARTS = ("runs", "printed", "report")  # of an outcome; what comes first is what the rest follows from
SPEEDS = ("images_per_s", "epoch_s")
HASHES = (
    "trial",
    "spec",
    "settings",
    "node",
    "version",
    "record",
    "growth",
)  # tags that change with a name, a machine, a release or the time
CELL = ("method", "teacher", "student", "unfreeze", "data_fraction", "uncertainty", "init")
NUM_SHOWN = 3  # values of a column of predictions, beside the hash of all
RUN_ID = re.compile(r"\b[0-9a-f]{32}\b")
TIMEOUT_S = 600

Json = Any  # what json.loads gives


def outcome(folder: Path) -> Json:
    """Runs `tests.reference.sweeps` in `folder`, which must not exist yet, and returns what they came to.

    Raises:
        RuntimeError: a sweep or a report failed; the message has what it printed.
    """
    printed = _run(folder)
    with sqlite3.connect(f"file:{folder / 'mlflow.db'}?mode=ro", uri=True) as database:
        runs = dict(_runs(database, folder))
    tables = sorted(folder.glob("reports/*/tables/*.csv"))
    return {
        "runs": runs,
        "printed": [table.splitlines() for table in _closing_tables(printed)],
        "report": {path.name: _rows(RUN_ID.sub("RUN", path.read_text())) for path in tables},
    }


def record(folder: Path) -> Json:
    """The outcome with the facts of the machine that computed it."""
    return {"machine": machine(), "outcome": outcome(folder)}


def save(values: Json, path: Path = RECORD) -> None:
    """Writes a record, with the same bytes each time."""
    text = json.dumps(values, sort_keys=True, indent=1, allow_nan=False)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def load(path: Path = RECORD) -> Json:
    """Reads a record."""
    return json.loads(gzip.decompress(path.read_bytes()))


def differences(before: Json, now: Json, where: str = "") -> Iterator[str]:
    """Every place where two values of JSON differ, and both values; 0.0 and -0.0 differ, and so do 1 and 1.0."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in sorted({*before, *now}):
            place = f"{where} > {name}" if where else name
            if name not in now:
                yield f"{place}: in the record only"
            elif name not in before:
                yield f"{place}: not in the record"
            else:
                yield from differences(before[name], now[name], place)
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for number, (old, new) in enumerate(zip(before, now, strict=True), 1):
            yield from differences(old, new, f"{where} > {number}")
    elif json.dumps(before) != json.dumps(now):
        yield f"{where}: {before!r} in the record, {now!r} now"


def without_newer_knobs(now: Json, before: Json) -> Json:
    """`now` without the parameters of knobs that were declared after the record was made, and are at their defaults.

    A new knob's default is what was done without it: the numbers must be the record's all the same.
    """
    recorded = {name for run in before["runs"].values() for name in run["params"]}
    defaults = {knob.name: str(knob.default) for knob in knobs(TrialConfig)}
    runs = {
        name: {
            **run,
            "params": {
                knob: value for knob, value in run["params"].items() if knob in recorded or value != defaults.get(knob)
            },
        }
        for name, run in now["runs"].items()
    }
    return {**now, "runs": runs}


def _run(results: Path) -> str:
    others = ("MLFLOW_TRACKING_URI", "TRANSFER_RESULTS", "TRANSFER_LOCAL", "OPENBLAS_NUM_THREADS")
    environment = {name: value for name, value in os.environ.items() if name not in others}
    done = subprocess.run(
        [sys.executable, "-m", "tests.reference.sweeps", str(results)],
        cwd=ROOT,
        env={**environment, "RAY_ADDRESS": "local"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    if done.returncode:
        raise RuntimeError(f"the reference sweeps must end with 0, but:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def _closing_tables(printed: str) -> list[str]:
    """The tables of each sweep's end; the commands below them name folders."""
    return re.findall(
        r"^test_\w+ by cell\n.*?(?=^(?:What can be told|No question|Browse every run))",
        printed,
        flags=re.MULTILINE | re.DOTALL,
    )


def _rows(text: str) -> Json:
    """Row -> column -> text of a CSV file; without a row, its columns."""
    reader = csv.DictReader(io.StringIO(text))
    rows: dict[str, Json] = {f"row {number}": row for number, row in enumerate(reader, 1)}
    return rows or {"columns": reader.fieldnames}


def _runs(database: sqlite3.Connection, results: Path) -> Iterator[tuple[str, Json]]:
    """What MLflow holds of each run, by a name that tells what the run is."""
    for run_id, status in database.execute("select run_uuid, status from runs").fetchall():
        tags, params = _by_key(database, "tags", run_id), _by_key(database, "params", run_id)
        files = sorted(results.glob(f"artifacts/{run_id}/artifacts/**/predictions.parquet"))
        kept = {name: value for name, value in tags.items() if name not in HASHES and not name.startswith("mlflow.")}
        yield (
            _name(tags, params),
            {
                "status": status,
                "tags": kept,
                "params": params,
                "metrics": _metrics(database, run_id),
                "predictions": [hashed_columns(_tested(pd.read_parquet(path))) for path in files],
            },
        )


def _tested(predicted: pd.DataFrame) -> pd.DataFrame:
    """The rows of test images, which the record has alone."""
    return predicted[predicted["split"] == "test"].drop(columns="split").reset_index(drop=True)


def _name(tags: dict[str, str], params: dict[str, str]) -> str:
    if not params:
        return f"sweep {tags['sweep']}"
    cell = " ".join(f"{name}={params[name]}" for name in CELL)
    return f"{tags['sweep']} {params['phase']} {cell} number={tags['number']} seed={params['seed']}"


def _by_key(database: sqlite3.Connection, table: str, run_id: str) -> dict[str, str]:
    return dict(database.execute(f"select key, value from {table} where run_uuid = ?", (run_id,)).fetchall())


def _metrics(database: sqlite3.Connection, run_id: str) -> Json:
    """Metric -> epoch -> value, of a trial; what is not finite is a string, as JSON wants it.

    Raises:
        ValueError: a metric has two values at one epoch.
    """
    rows = database.execute("select key, step, value, is_nan from metrics where run_uuid = ?", (run_id,)).fetchall()
    metrics: dict[str, dict[str, float | str]] = {}
    for key, epoch, value, is_nan in rows:
        if (name := name_of(key)) is None:  # the parent's, which are made of the trials'
            continue
        by_epoch = metrics.setdefault(name, {})
        if f"epoch {epoch}" in by_epoch:
            raise ValueError(f"one value per epoch must hold, but {name} has two at epoch {epoch}")
        by_epoch[f"epoch {epoch}"] = "nan" if is_nan else value if math.isfinite(value) else str(value)
    return {name: values for name, values in metrics.items() if name not in SPEEDS}


def hashed_columns(frame: pd.DataFrame) -> Json:
    """Column -> type, hash of the exact bytes in the order of the rows, and the first values."""
    columns = {}
    for name in frame:
        values = frame[name].to_numpy()
        is_text = values.dtype.kind not in "biuf"
        content = "\0".join(map(str, values)).encode() if is_text else values.tobytes()
        first_values = [str(value) for value in values[:NUM_SHOWN]]
        columns[str(name)] = (
            f"{frame[name].dtype}, {hashlib.sha256(content).hexdigest()[:16]}: {', '.join(first_values)} ..."
        )
    return columns
