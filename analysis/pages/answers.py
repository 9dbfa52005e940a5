"""The answers that stand first on a report: per question one sentence, with the verdict in front."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.reading.averages import Averages
from analysis.reading.origins import PHANTOM, union
from analysis.reading.repeats import SEED_ALONE, Design
from analysis.scores.comparisons import LEVEL
from analysis.stats.intervals import MIN_REPEATS
from analysis.stats.resampled import RESAMPLED_NAME
from trainables.titles import PLAIN

CHANCE = "Cannot be told apart from chance."
TOO_FEW = f"Too few {{repeats}} to tell ({{n}}, and it takes {MIN_REPEATS})."


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a sweep says to one question."""

    question: str
    verdict: str
    sentence: str


def answers(frame: pd.DataFrame, phantom: Mapping[str, str], design: Design = SEED_ALONE) -> list[Answer]:
    """One answer per question of `analysis.scores.questions.contrast_rows`.

    Of several contrasts the verdict names one choice alone only if it beats every other one; else it names each pair
    that can be told apart. The sentence begins with the contrast of the least corrected p, and then of the largest
    difference; the others follow by their differences, and by their p where the verdict rests on it.

    Args:
        phantom: each cell's parts that are phantoms.
        design: what the repeats draw anew.
    """
    return [_answer(block, phantom, design) for _, block in frame.groupby("question", sort=False)]


def basis(frame: pd.DataFrame, averaged: Averages | None, design: Design = SEED_ALONE) -> str:
    """What all of the answers have in common: what is compared, and how it is judged; "" where there is none."""
    if frame.empty:
        return ""
    auc = "; ".join(averaged.notes) if averaged else "AUC: on the test set"
    count = f"these {len(frame)} comparisons" if len(frame) > 1 else "this one comparison"
    judged = (
        "Interval: 95%, hierarchical bootstrap over repeats and test patients, paired. p: the larger of that "
        f"bootstrap's and a test over repeats, with Holm's correction for {count}."
    )
    if not design.is_on_one_split:
        judged = (
            f"Cells are paired by {design.parts}: in each, all see the same test images. Interval (95%) and p: "
            f"{RESAMPLED_NAME} over the {design.parts}, with Holm's correction for {count}; {design.holds}."
        )
    return (
        f"{auc}. Differences are in points of AUC on test images, each the mean over all pairs of cells that differ "
        f"in nothing else. {judged} What cannot be told apart from chance may still be a difference: it takes more "
        f"{design.repeats} or more test patients to see it."
    )


def _answer(block: pd.DataFrame, phantom: Mapping[str, str], design: Design) -> Answer:
    ranks = block.assign(size=block["difference"].abs(), has_few=block["n"] < MIN_REPEATS)
    ordered = ranks.sort_values(
        ["has_few", "p_holm", "size"], ascending=[True, True, False], kind="stable", na_position="last"
    )
    rows = [{str(name): value for name, value in record.items()} for record in ordered.to_dict("records")]
    row, *others = rows
    parts = union(phantom.get(name) for cells in block["cells"] for name in cells.split())
    rest = "; ".join(map(_briefly, others))
    sentence = f"{_compared(row)} ({_numbers(row, design)})"
    sentence += f"; the others, in points: {rest}." if rest else "."
    return Answer(
        question=str(row["question"]),
        verdict=_verdict(rows, design),
        sentence=sentence + (f" {PHANTOM} {parts}: it says nothing about medicine." if parts else ""),
    )


def _is_told(row: Mapping[str, object]) -> bool:
    return int(str(row["n"])) >= MIN_REPEATS and float(str(row["p_holm"])) < LEVEL


def _verdict(rows: Sequence[Mapping[str, object]], design: Design) -> str:
    """The verdict of a question's contrasts, of which the first leads the sentence."""
    significant = [row for row in rows if _is_told(row)]
    if not significant:
        num_repeats = int(str(rows[0]["n"]))
        is_few = num_repeats < MIN_REPEATS
        return TOO_FEW.format(repeats=design.repeats, n=num_repeats) if is_few else CHANCE
    if rows[0]["axis"] == "method":
        return "Yes." if _is_higher(significant[0]) else "No, it is worse."
    choices = {str(row[side]) for row in rows for side in ("first", "second")}
    beaten: dict[str, list[str]] = {}  # by each choice that beats another one
    for row in significant:
        better, worse = ("first", "second") if _is_higher(row) else ("second", "first")
        beaten.setdefault(str(row[better]), []).append(str(row[worse]))
    best = [better for better, worse in beaten.items() if {better, *worse} == choices]
    pairs = "; ".join(f"{better} rather than {' or '.join(worse)}" for better, worse in beaten.items())
    verdict = best[0] if best else pairs
    return f"{_begun(verdict)}."


def _is_higher(row: Mapping[str, object]) -> bool:
    return float(str(row["difference"])) > 0


def _briefly(row: Mapping[str, object]) -> str:
    difference = f"{_minus(str(row['first']), str(row['second']))}: {_points(row['difference'])}"
    return difference + (f" (corrected p = {float(str(row['p_holm'])):.3f})" if _is_told(row) else "")


def _compared(row: Mapping[str, object]) -> str:
    difference = _points(row["difference"])
    return f"{_minus(str(row['first']), str(row['second']))}: {difference} points"


def _minus(first: str, second: str) -> str:
    after = PLAIN[:1].lower() + PLAIN[1:] if second == PLAIN else second
    return f"{_begun(first)} minus {after}"


def _begun(text: str) -> str:
    """With a capital, as a sentence begins; a knob is spelled as it is typed (``flip=false``)."""
    return text if re.match(r"\w+(=| as in the sweep)", text) else f"{text[:1].upper()}{text[1:]}"


def _numbers(row: Mapping[str, object], design: Design) -> str:
    p = float(str(row["p_holm"]))
    pairs, has_interval = int(str(row["num_pairs"])), math.isfinite(float(str(row["low"])))
    parts = [
        f"95% interval {_points(row['low'])} to {_points(row['high'])}" if has_interval else "no interval",
        f"corrected p = {p:.3f}" if math.isfinite(p) else "p is not defined",
        "one pair of cells" if pairs == 1 else f"mean over {pairs} pairs of cells",
        design.tested(row["n"], row["num_patients"]),
    ]
    return "; ".join(parts)


def _points(fraction: object) -> str:
    return f"{100 * float(str(fraction)):+.2f}"
