"""What the scores at another hospital support, in words."""

from __future__ import annotations

import pandas as pd

from analysis.reading.other_hospital import Opened
from analysis.scores.comparisons import LEVEL
from analysis.scores.drawn_metrics import AUC
from analysis.scores.external_scores import BELOW, INVERTED
from analysis.stats.intervals import MIN_REPEATS
from trainables import titles
from trainables.data.catalogue import title
from trainables.metrics import metric_name

SUSPICIONS = {
    INVERTED: "the whole interval lies below 50%. An inverted or mismatched label is the likeliest cause: before you "
    "read any score of it, compare what the two data sets mean by it, and how they code it",
    BELOW: "chance is within the interval, so it may be noise; an inverted label would look like this, too",
}


def drops(scores: pd.DataFrame, record: Opened) -> list[str]:
    """How much the cells lose, and which of them lose more or less than their baseline.

    Args:
        scores: rows of `analysis.scores.external_scores.SCORES`.
        record: what was opened.
    """
    areas = scores[(scores["metric"] == AUC) & scores["drop"].notna()]
    if areas.empty:
        return []
    extremes = dict.fromkeys([areas["drop"].idxmax(), areas["drop"].idxmin()])
    lines = [f"In AUC on {title(record.target)}, {'; '.join(_lost(areas.loc[place]) for place in extremes)}."]
    tested = areas[areas["p_holm"].notna()]
    told = tested[tested["p_holm"].lt(LEVEL) & tested["n"].ge(MIN_REPEATS)]
    for row in told.to_dict("records"):
        word = "more" if row["more"] > 0 else "less"
        lines.append(
            f"{titles.of_name(str(row['cell']))} loses {word} than its baseline: {100 * row['more']:+.2f} points, 95% "
            f"interval {100 * row['more_low']:+.2f} to {100 * row['more_high']:+.2f} (Holm-corrected p = "
            f"{row['p_holm']:.3f})."
        )
    if len(tested) and told.empty:
        lines.append("That a method's student loses more or less than plain transfer's cannot be shown for any cell.")
    return lines


def _lost(row: pd.Series) -> str:
    ends = sorted([row["low"], row["high"]] if row["drop"] >= 0 else [-row["high"], -row["low"]])
    within = f" (95% interval {100 * ends[0]:.2f} to {100 * ends[1]:.2f})" if pd.notna(row["low"]) else ""
    verb = "loses" if row["drop"] >= 0 else "gains"
    return f"{titles.of_name(str(row['cell']))} {verb} {100 * abs(row['drop']):.2f} points{within}"


def suspicions(labels: pd.DataFrame, record: Opened) -> list[str]:
    """Labels with an AUC below chance there: in strong words where their whole interval is below.

    Args:
        labels: rows of `analysis.scores.external_scores.LABELS`.
        record: what was opened.
    """
    lines, theirs = [], {metric_name(own): other for own, other in record.labels.items()}
    for verdict, words in SUSPICIONS.items():
        for label, rows in labels[labels["verdict"] == verdict].groupby("label", sort=False):
            worst = rows.loc[rows["there"].idxmin()]
            other = theirs[str(label)]
            there = "" if metric_name(other) == label else f" (there {other})"
            which = "one cell" if len(rows) == 1 else f"{len(rows)} cells, the lowest"
            lines.append(
                f"{label}{there} has an AUC below 50% on {title(record.target)} in {which}, "
                f"{100 * worst['there']:.2f} of {titles.of_name(str(worst['cell']))}: {words}."
            )
    return lines
