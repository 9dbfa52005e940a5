"""The record: a CSV file with a row per run of one side, to which each run adds its own; and what is to be run next.

The two runs of a round are neighbours in time, and their ratio is one figure. A run whose neighbour did not follow
within `MAX_APART` is left alone: its round is given up, and another one begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from tests.benchmarks.end_to_end.sides import PARTS, Figures
from trainables.atomic import write_bytes

SIDES = ("ours", "theirs")
MAX_APART = timedelta(minutes=30)  # from the end of the first run to the beginning of the second
# Runs that differ in one of these are never compared.
QUESTION = [
    *("machine", "versions", "images", "num_images", "px", "kind", "num_epochs", "num_trials", "num_repeats"),
    *("num_slots", "batch_size", "num_workers", "draft"),
]
MEASURED = [
    *("wall_s", "last_trial_s", "first_epoch_s", "cpu_s", "peak_mb", "epochs_trained"),
    *("attention_epoch_s", "transfer_epoch_s", "attention_epoch_cpu_s", "transfer_epoch_cpu_s", "logging_s"),
]
COLUMNS = ["began", "load", *QUESTION, "round", "side", *MEASURED, *(f"{part}_part_s" for part in PARTS)]
FORM = "%Y-%m-%d %H:%M:%S"

Question = Mapping[str, Any]


def read(path: Path) -> pd.DataFrame:
    """The rows in their order; none where there is no file."""
    if not path.exists():
        return pd.DataFrame(columns=COLUMNS)
    return pd.read_csv(path)


def add(path: Path, row: Mapping[str, Any]) -> None:
    """Adds a row: a process that is killed meanwhile leaves the file as it was, or with all of the row."""
    new = pd.DataFrame([row], columns=COLUMNS)
    rows = pd.concat([before, new]) if len(before := read(path)) else new
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, rows.to_csv(index=False, lineterminator="\n", float_format="%.6g").encode())


def row_of(figures: Figures, question: Question, round_and_side: tuple[int, str], began: datetime, load: float) -> dict:
    """What is written of one run."""
    values = asdict(figures)
    parts = values.pop("parts")
    number, side = round_and_side
    return {
        "began": began.strftime(FORM),
        "load": load,
        **question,
        "round": number,
        "side": side,
        **values,
        **{f"{part}_part_s": seconds for part, seconds in parts.items()},
    }


def of_question(rows: pd.DataFrame, question: Question) -> pd.DataFrame:
    """The rows of runs that answer the same question on the same machine."""
    for name in QUESTION:
        rows = rows[rows[name].astype(str) == str(question[name])]
    return rows


def rounds(rows: pd.DataFrame) -> Iterator[tuple[pd.Series, pd.Series]]:
    """Of each round of one question that has both sides, close to each other: our row, and theirs."""
    for _, both in rows.groupby("round"):
        if set(both["side"]) == set(SIDES) and _are_close(both):
            by_side = both.set_index("side")
            yield by_side.loc["ours"], by_side.loc["theirs"]


def next_run(rows: pd.DataFrame, num_rounds: int, now: datetime) -> tuple[int, str] | None:
    """Round and side of the next run of one question; None when all rounds are there.

    Odd rounds begin with our side, even ones with theirs.
    """
    if not rows.empty:
        number = int(rows["round"].max())
        last = rows[rows["round"] == number]
        if len(last) == 1 and now - _ends(last.iloc[0]) <= MAX_APART:
            return number, SIDES[1 - SIDES.index(last["side"].iloc[0])]
    if sum(1 for _ in rounds(rows)) >= num_rounds:
        return None
    number = 1 if rows.empty else int(rows["round"].max()) + 1
    return number, SIDES[(number - 1) % 2]


def expected_s(rows: pd.DataFrame, side: str) -> float:
    """How long a run of this side may take: as long as the longest one so far; without any, two minutes."""
    known: Sequence[float] = rows.loc[rows["side"] == side, "wall_s"].tolist()
    return max(known, default=120.0)


def _are_close(both: pd.DataFrame) -> bool:
    first, second = (row for _, row in both.sort_values("began").iterrows())
    return _began(second) - _ends(first) <= MAX_APART


def _began(row: pd.Series) -> datetime:
    return datetime.strptime(row["began"], FORM).replace(tzinfo=UTC)


def _ends(row: pd.Series) -> datetime:
    return _began(row) + timedelta(seconds=float(row["wall_s"]))
