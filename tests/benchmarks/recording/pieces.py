"""The curves that are finished, one file each in a working folder, and the Parquet file that they are gathered into.

A piece is written in one step when its curve is complete, so there is never a half. What the Parquet file already has
counts as finished, too: the working folder may be lost.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tests.benchmarks.recording.design import Point
from trainables.atomic import write_bytes

COLUMNS = (
    "setting",
    "cell",
    "design",
    "beta",
    "learning_rate",
    "weight_decay",
    "seed",
    "epoch",
    "score",
    "test_score",
    "seconds",
)
OF_A_CURVE = ["setting", "cell", "beta", "learning_rate", "weight_decay", "seed"]
FACTS = b"facts"  # of the file's own metadata: JSON


class OtherSourcesError(ValueError):
    """The file was recorded with other images, teachers or settings than those at hand."""


def keep(folder: Path, point: Point, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes the finished curve: one row per epoch with ``epoch``, ``score``, ``test_score`` and ``seconds``."""
    write_bytes(_path(folder, point), json.dumps({"point": vars(point), "rows": list(rows)}).encode())


def keep_failure(folder: Path, point: Point, reason: str) -> None:
    """Notes that the curve has no end, and why: it is not tried again."""
    write_bytes(_path(folder, point), json.dumps({"point": vars(point), "rows": [], "failure": reason}).encode())


def gathered(folder: Path, recorded: Path, facts: Mapping[str, Any]) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """All finished curves, those of the file `recorded` first, and those that failed: point and reason.

    Raises:
        OtherSourcesError: the file was recorded with other images, teachers or settings than `facts` says.
    """
    frames, failures = [_recorded(recorded, facts)], list(facts_of(recorded).get("failures", []))
    for path in sorted(folder.glob("*.json")):
        piece = json.loads(path.read_bytes())
        if "failure" in piece:
            failures.append({**piece["point"], "failure": piece["failure"]})
        else:
            frames.append(pd.DataFrame([{**piece["point"], **row} for row in piece["rows"]]).reindex(columns=COLUMNS))
    frame = pd.concat([each.astype({"beta": float}) for each in frames if not each.empty] or [_empty()])
    order = [*OF_A_CURVE, "epoch"]
    frame = frame.drop_duplicates(order).sort_values(order, ignore_index=True)
    unique = {json.dumps(each, sort_keys=True): each for each in failures}
    return frame, list(unique.values())


def identities(frame: pd.DataFrame, failures: Sequence[Mapping[str, Any]]) -> set[tuple[object, ...]]:
    """The curves that need not be trained, as `Point.identity` names them."""
    curves = frame[OF_A_CURVE].drop_duplicates().itertuples(index=False)
    done = {tuple(None if value != value else value for value in curve) for curve in curves}
    return done | {tuple(each[name] for name in OF_A_CURVE) for each in failures}


def write(frame: pd.DataFrame, recorded: Path, facts: Mapping[str, Any]) -> None:
    """Puts the curves into `recorded` in one step, with `facts` in its metadata."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), FACTS: json.dumps(facts).encode()})
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, compression="zstd")
    recorded.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(recorded, buffer.getvalue().to_pybytes())


def facts_of(recorded: Path) -> dict[str, Any]:
    """What the file says of its own recording; {} where there is no file."""
    if not recorded.exists():
        return {}
    facts: dict[str, Any] = json.loads(pq.read_schema(recorded).metadata[FACTS])
    return facts


def _recorded(recorded: Path, facts: Mapping[str, Any]) -> pd.DataFrame:
    if not recorded.exists():
        return _empty()
    before = facts_of(recorded)
    for name, settings in before["settings"].items():
        if settings != facts["settings"].get(name, settings):
            raise OtherSourcesError(
                f"curves of one setting must have the same images, teachers and knobs, but {recorded} has {name} with "
                f"{settings}, and here it is {facts['settings'][name]}: give another --out, or delete the file"
            )
    return pd.read_parquet(recorded)


def _empty() -> pd.DataFrame:
    return pd.DataFrame(columns=list(COLUMNS))


def _path(folder: Path, point: Point) -> Path:
    digest = hashlib.sha256(json.dumps(point.identity).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{digest}.json"
