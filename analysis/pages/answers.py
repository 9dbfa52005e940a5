"""The answers that stand first on a report: per question one sentence, with the verdict in front."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from analysis.reading.averages import Averages
from analysis.reading.origins import PHANTOM, union
from analysis.scores.comparisons import LEVEL
from analysis.stats.intervals import MIN_REPEATS
from trainables.titles import PLAIN

CHANCE = "Cannot be told from chance."
TOO_FEW = f"Too few repeats to tell ({{n}}, and it takes {MIN_REPEATS})."


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a sweep says to one question."""

    question: str
    verdict: str
    sentence: str


def answers(frame: pd.DataFrame, phantom: Mapping[str, str]) -> list[Answer]:
    """One answer per question of `analysis.scores.questions.contrast_rows`.

    Of several contrasts it is the one with the least corrected p, and then the largest difference; the others follow it
    by their differences alone.

    Args:
        phantom: each cell's parts that are phantoms.
    """
    return [_answer(block, phantom) for _, block in frame.groupby("question", sort=False)]


def basis(frame: pd.DataFrame, averaged: Averages | None) -> str:
    """What all of the answers have in common: what is compared, and how it is judged; "" where there is none."""
    if frame.empty:
        return ""
    auc = "; ".join(averaged.notes) if averaged else "AUC: on the test set"
    count = f"these {len(frame)} comparisons" if len(frame) > 1 else "this one comparison"
    return (
        f"{auc}. Differences are in points of AUC on the test set, each the mean over all pairs of cells that differ "
        "in nothing else. Interval: 95%, hierarchical bootstrap over repeats and test patients, paired. p: the larger "
        f"of that bootstrap's and a test over repeats, with Holm's correction for {count}. What cannot be told from "
        "chance may still be a difference: it takes more repeats or more test patients to see it."
    )


def _answer(block: pd.DataFrame, phantom: Mapping[str, str]) -> Answer:
    ordered = block.assign(size=block["difference"].abs()).sort_values(
        ["p_holm", "size"], ascending=[True, False], kind="stable", na_position="last"
    )
    first, *others = ordered.to_dict("records")
    row = {str(name): value for name, value in first.items()}
    parts = union(phantom.get(name) for cells in block["cells"] for name in cells.split())
    rest = "; ".join(f"{_minus(str(it['first']), str(it['second']))}: {_points(it['difference'])}" for it in others)
    sentence = f"{_compared(row)} ({_numbers(row)})"
    sentence += f"; the others, in points: {rest}." if rest else "."
    return Answer(
        question=str(row["question"]),
        verdict=_verdict(row),
        sentence=sentence + (f" {PHANTOM} {parts}: it says nothing about medicine." if parts else ""),
    )


def _is_told(row: Mapping[str, object]) -> bool:
    return int(str(row["n"])) >= MIN_REPEATS and float(str(row["p_holm"])) < LEVEL


def _verdict(row: Mapping[str, object]) -> str:
    if int(str(row["n"])) < MIN_REPEATS:
        return TOO_FEW.format(n=row["n"])
    if not _is_told(row):
        return CHANCE
    is_higher = float(str(row["difference"])) > 0
    if row["axis"] == "method":
        return "Yes." if is_higher else "No, it is worse."
    better = str(row["first"] if is_higher else row["second"])
    return f"{better[:1].upper()}{better[1:]}."


def _compared(row: Mapping[str, object]) -> str:
    difference = _points(row["difference"])
    return f"{_minus(str(row['first']), str(row['second']))}: {difference} points"


def _minus(first: str, second: str) -> str:
    after = PLAIN[:1].lower() + PLAIN[1:] if second == PLAIN else second
    return f"{first[:1].upper()}{first[1:]} minus {after}"


def _numbers(row: Mapping[str, object]) -> str:
    p = float(str(row["p_holm"]))
    pairs = int(str(row["num_pairs"]))
    parts = [
        f"95% interval {_points(row['low'])} to {_points(row['high'])}",
        f"corrected p = {p:.3f}" if math.isfinite(p) else "p is not defined",
        "one pair of cells" if pairs == 1 else f"mean over {pairs} pairs of cells",
        f"{row['n']} repeat{'s' * (row['n'] != 1)} each, {row['num_patients']} test patients",
    ]
    return "; ".join(parts)


def _points(fraction: object) -> str:
    return f"{100 * float(str(fraction)):+.2f}"
