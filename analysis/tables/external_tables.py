"""The tables of the chapter on another hospital, from the frames of `analysis.scores`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from analysis.reading import origins
from analysis.reading.origins import PHANTOM
from analysis.reading.other_hospital import Opened
from analysis.reading.trials import Runs
from analysis.scores import external_thresholds
from analysis.scores.drawn_metrics import AUC, IN_WORDS
from analysis.scores.external_scores import BELOW, INVERTED
from analysis.stats.intervals import MIN_REPEATS
from analysis.stats.multiple import corrected_for
from analysis.tables.findings import named
from analysis.tables.rendering import MISSING, Cell, Table, number
from trainables.data.averaging import MIN_POSITIVES
from trainables.data.catalogue import title

BOOTSTRAP = "95% interval, hierarchical bootstrap over the repeats and the patients of both hospitals"
INTERVALS = (  # the columns of a score and its interval
    ("here", "here_low", "here_high"), ("there", "there_low", "there_high"), ("drop", "low", "high"),
    ("more", "more_low", "more_high"),
)  # fmt: skip
TOO_FEW = f"-: fewer than {MIN_POSITIVES} positives or negatives at one of the hospitals, or not defined"


def scores(
    runs: Runs, record: Opened, frame: pd.DataFrame, averaged: Sequence[str], phantom: Mapping[str, str]
) -> Table:
    """The frame of `analysis.scores.external_scores.SCORES`.

    Args:
        runs: those of the data set.
        record: what was opened.
        frame: the rows.
        averaged: the labels that an AUC averages, as predictions have them.
        phantom: by cell, which of its parts are phantoms.
    """
    here, there = title(runs.dataset), title(record.target)
    columns = dict(zip((here, there, "drop", "drop beyond the baseline's"), INTERVALS, strict=True))
    has_metrics = frame["metric"].nunique() > 1
    head = ["cell", *["metric"] * has_metrics, *columns, "p, Holm", "labels", "n"]
    body = [
        [
            named(str(row["cell"])),
            *[Cell(IN_WORDS[str(row["metric"])])] * has_metrics,
            *[Cell(_within(*(row[name] for name in names))) for names in columns.values()],
            Cell(number(row["p_holm"], digits=3)),
            Cell(f"{row['num_labels']:.0f}" if row["metric"] == AUC else MISSING),
            Cell(f"{row['n']:.0f}"),
        ]
        for row in frame.to_dict("records")
    ]
    notes = [
        f"percent; in brackets the {BOOTSTRAP}; drop: here less there, of the same students",
        f"AUC: mean over the shared labels with {MIN_POSITIVES} positives and negatives or more at both hospitals: "
        f"{', '.join(averaged)}",
        "drop beyond the baseline's: the cell's drop less that of its plain transfer, paired by patient",
        "p, Holm: of that; the larger of the bootstrap's p and Welch's over the repeats' drops; "
        f"{corrected_for(int(frame['p_holm'].notna().sum()))}; {TOO_FEW}",
    ]
    return _table(
        runs, frame, head, body, phantom, name=f"external_{record.target}", title=f"From {here} to {there}", notes=notes
    )


def labels(runs: Runs, record: Opened, frame: pd.DataFrame, phantom: Mapping[str, str]) -> Table:
    """The frame of `analysis.scores.external_scores.LABELS`."""
    sides = ("here", "there")
    pairs = [f"{what} {side}" for what in ("predicted - observed", "slope", "ECE") for side in sides]
    head = ["cell", "label", *(f"positives {side}" for side in sides), "AUC here", "AUC there", "drop", *pairs]
    head += ["n", "suspicion"]
    body = [
        [
            named(str(row["cell"])),
            Cell(str(row["label"])),
            *[Cell(_share(row[f"num_positives_{side}"], row[f"num_images_{side}"])) for side in ("here", "there")],
            *[Cell(_within(*(row[name + end] for end in ("", "_low", "_high")))) for name in ("here", "there")],
            Cell(_within(row["drop"], row["low"], row["high"])),
            *[Cell(number(100 * row[f"large_{side}"])) for side in ("here", "there")],
            *[Cell(number(row[f"{what}_{side}"])) for what in ("slope", "ece") for side in ("here", "there")],
            Cell(f"{row['n']:.0f}"),
            Cell(str(row["verdict"]) or MISSING),
        ]
        for row in frame.to_dict("records")
    ]
    notes = [
        f"AUC and drop: percent; in brackets the {BOOTSTRAP}; {TOO_FEW}",
        "positives: their number, and their share of the images whose label is known",
        "predicted - observed: calibration in the large, the mean probability less the share of positives, in points; "
        "slope: calibration slope, 1 where probabilities are neither too extreme nor too timid; ECE: expected "
        "calibration error, 0 to 1; means over the n repeats, nothing fitted to either hospital",
        f"suspicion: {BELOW}, the AUC there is below that of a coin; {INVERTED} its whole interval is",
    ]
    return _table(
        runs, frame, head, body, phantom, name=f"external_{record.target}_labels",
        title=f"Label by label, {title(runs.dataset)} (here) and {title(record.target)} (there)", notes=notes,
    )  # fmt: skip


def thresholds(runs: Runs, record: Opened, frame: pd.DataFrame, phantom: Mapping[str, str]) -> Table:
    """The frame of `analysis.scores.external_thresholds.COLUMNS`."""
    rates = external_thresholds.RATES
    head = [
        "cell",
        "rule",
        "label",
        *(f"{rate}, {what}" for rate in rates for what in ("here", "there", "change")),
        "n",
    ]
    body = [
        [
            named(str(row["cell"])),
            Cell(str(row["rule"])),
            Cell(str(row["label"])),
            *[cell for rate in rates for cell in _rate(row, rate)],
            Cell(
                f"{row['n']:.0f}" if row["n"] == row["num_repeats"] else f"{row['n']:.0f} of {row['num_repeats']:.0f}"
            ),
        ]
        for row in frame.to_dict("records")
    ]
    notes = [
        "thresholds are chosen on the validation images here, per repeat and label, and applied at both hospitals",
        f"percent; change: there less here, in points, in brackets the {BOOTSTRAP}; no brackets: fewer than "
        f"{MIN_REPEATS} repeats, or draws without a spread or without a value",
        f"label {external_thresholds.MEAN}: over labels with a threshold in all repeats; n: repeats with a threshold",
    ]
    return _table(
        runs, frame, head, body, phantom, name=f"external_{record.target}_thresholds",
        title=f"Thresholds carried from {title(runs.dataset)} to {title(record.target)}", notes=notes,
    )  # fmt: skip


def _rate(row: Mapping[str, float], rate: str) -> list[Cell]:
    change = _within(*(row[f"{rate}_{end}"] for end in ("change", "low", "high")))
    return [Cell(number(100 * row[f"{rate}_here"])), Cell(number(100 * row[f"{rate}_there"])), Cell(change)]


def _table(
    runs: Runs,
    frame: pd.DataFrame,
    head: list[str],
    body: list[list[Cell]],
    phantom: Mapping[str, str],
    **facts: object,
) -> Table:
    parts = [phantom.get(str(cell), "") for cell in frame["cell"]]
    whole = origins.union(parts)
    if whole:
        head = [*head, PHANTOM]
        body = [[*row, Cell(part or MISSING)] for row, part in zip(body, parts, strict=True)]
    data = frame.assign(phantom=parts, data=runs.data)
    return Table(head=[head], body=body, frame=data, phantom=whole, **facts)  # type: ignore[arg-type]


def _within(value: float, low: float, high: float) -> str:
    """``81.20 [75.03, 86.11]``; the value alone without an interval, and ``-`` without a value."""
    if pd.isna(value):
        return MISSING
    return number(100 * value) if pd.isna(low) else f"{number(100 * value)} [{number(100 * low)}, {number(100 * high)}]"


def _share(count: float, total: float) -> str:
    return f"{count:,.0f} ({number(100 * count / total, digits=1)}%)" if total else MISSING
