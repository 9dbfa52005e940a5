"""The tables of what a sweep could have seen, and of what the next one would need; and both in words."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from analysis.reading.repeats import Design
from analysis.reading.trials import Runs
from analysis.scores.comparisons import LEVEL, NUM_DRAWS
from analysis.stats.detectable import MAX_PATIENTS, MAX_REPEATS
from analysis.stats.intervals import MIN_REPEATS
from analysis.tables.findings import listed
from analysis.tables.rendering import MISSING, Cell, Table, number

NONE = "none"  # where no number would do
IN_TEN = "in 8 of 10 such sweeps"


def table(runs: Runs, frame: pd.DataFrame, asked: float, level: float) -> Table:
    """The frame of `analysis.scores.power_rows.power_rows`, in percentage points.

    Args:
        asked: the difference that the numbers needed are for.
        level: of each comparison.
    """
    design = runs.design
    counted = design.parts if not design.is_on_one_split else "repeats"
    columns = {
        "difference": ("difference", _points), "is_claimed": ("claimed", _yes), "smallest": ("visible", _points),
        "smallest_low": ("visible, low", _points), "smallest_high": ("visible, high", _points),
        "repeats_needed": (f"{counted} needed", _needed), "patients_needed": ("patients needed", _needed),
        "probability": ("P(first ahead)", _share), "low": ("P, low", _share), "high": ("P, high", _share),
        "n": ("n", _count), "num_patients": ("patients", _count),
    }  # fmt: skip
    if not design.is_on_one_split:
        left_out = ["smallest_low", "smallest_high", "patients_needed", "low", "high"]
        left_out += ["repeats_needed"] if design.num_folds else []
        columns = {name: column for name, column in columns.items() if name not in left_out}
        frame = frame.drop(columns=left_out)
    notes = _notes(design, asked, level, counted)
    return listed(runs, frame, columns, name="power", title="Could we have seen a difference?", notes=notes)


def _notes(design: Design, asked: float, level: float, counted: str) -> list[str]:
    visible = (
        "difference: AUC of the first minus that of the second, in points; visible: the true difference that is "
        f"claimed {IN_TEN}, by this report's rule at the level {level:.4f}: {LEVEL} over the number of comparisons, "
        f"which is Holm's first step; {NONE}: not even 100 points would be"
    )
    if not design.is_on_one_split:
        return [
            f"{visible}; power of the corrected resampled t",
            f"P(first ahead): share of the {design.parts} in which the first cell has the higher AUC; without an "
            f"interval, since the {design.parts} share images",
            f"how many patients would be needed is not given: the spread between {design.parts} holds other test "
            "patients and other training images, and cannot be divided here",
            "more folds would have fewer test images each, so that no number of folds is given"
            if design.num_folds
            else f"splits needed: for a true difference of {_in_points(asked)}; {_none(f'{MAX_REPEATS:,}')}, since "
            "splits share images",
        ]
    return [
        visible,
        "visible, low and high: the same at the ends of the 95% interval of the variance over repeats (chi-squared), "
        "which a few repeats hardly tell",
        f"{counted} needed: of each cell, on this test set; patients needed: with these repeats; both for a true "
        f"difference of {_in_points(asked)}; {_none(f'{MAX_REPEATS:,} repeats or {MAX_PATIENTS:,} patients')}",
        "P(first ahead): that a training of the first has a higher AUC than one of the second, on one draw of test "
        "patients, with the percentile interval of both sources (Bouthillier et al. 2021, arXiv:2103.03098); with few "
        f"repeats it is too narrow ({NUM_DRAWS:,} draws); 50: neither is ahead",
    ]


def _none(most: str) -> str:
    return f"{NONE}: not even {most} would do"


def prospects(frame: pd.DataFrame, dataset: str, data: str, phantom: str) -> Table:
    """The frame of `analysis.scores.power_rows.prospect_rows`, in percentage points."""
    head = [["repeats", "test patients", "share of the images", "visible, median", "visible, largest"]]
    body = [
        [
            Cell(_count(row["num_repeats"])),
            Cell(_count(row["num_patients"])),
            Cell(MISSING if math.isnan(row["test_share"]) else f"{100 * row['test_share']:.0f}%"),
            Cell(_points(row["median"])),
            Cell(_points(row["largest"])),
        ]
        for row in frame.to_dict("records")
    ]
    notes = [
        f"visible: the true difference in AUC, in points, that a sweep of these cells would claim {IN_TEN}; median and "
        "largest of the planned comparisons",
        "the variances are those of this sweep; test patients beyond its own are taken to be like its own",
        "share of the images: that the test set would take of those prepared (--validation-share); above 100%: more "
        "images are needed",
    ]
    return Table(
        name="prospects",
        title=f"What the next sweep of {dataset} could see",
        head=head,
        body=body,
        frame=frame.assign(data=data, phantom=phantom),
        notes=notes,
        phantom=phantom,
    )


def sentences(frame: pd.DataFrame, asked: float, design: Design) -> list[str]:
    """What a frame of `power_rows` says, in words; the warning first."""
    told = [line for line in [warning(frame)] if line]
    visible = frame["smallest"].dropna()
    if len(finite := visible[np.isfinite(visible)]):
        low, high = 100 * finite.min(), 100 * finite.max()
        span = f"{low:.2f} points" if math.isclose(low, high, abs_tol=0.005) else f"{low:.2f} to {high:.2f} points"
        told.append(f"A true difference of {span} in AUC, by comparison, would have been claimed {IN_TEN}.")
    if len(visible) and not np.isfinite(visible).all():
        told.append(
            f"With {len(visible)} comparisons Holm's first step asks for a smaller p than {NUM_DRAWS:,} draws of "
            "patients can give: not even the largest difference could be claimed. Compare fewer cells in one sweep."
        )
    if not design.is_on_one_split:
        return told
    for column, what, other in (
        ("repeats_needed", "repeats of each cell", "on this test set"),
        ("patients_needed", "test patients", "with these repeats"),
    ):
        if len(needed := frame[column].dropna()):
            told.append(_needs(needed, asked, what, other))
    if len(visible):
        told.append(
            "These numbers rest on a variance over few repeats, which is itself hardly known: the columns low and high "
            "give what its 95% interval allows."
        )
    elif frame["repeats_needed"].notna().any():
        told.append("That number rests on a variance over two repeats, which is itself hardly known.")
    return told


def _needs(needed: pd.Series, asked: float, what: str, other: str) -> str:
    finite = needed[np.isfinite(needed)]
    begun = f"To tell {_in_points(asked)} from chance {other},"
    if finite.empty:
        source = "test patients" if what.startswith("repeats") else "repeats"
        return f"{begun} no number of {what} would do: the part of the {source} alone is too large."
    span = f"{finite.min():,.0f}" + (f" to {finite.max():,.0f}" if finite.max() > finite.min() else "")
    rest = f"; for {len(needed) - len(finite)} of {len(needed)} no number would do" if len(finite) < len(needed) else ""
    return f"{begun} the comparisons would need {span} {what}{rest}."


def warning(frame: pd.DataFrame) -> str:
    """Says that the sweep was too small for its own differences; "" where it was not, or where nothing was compared."""
    if frame.empty or frame["is_claimed"].any():
        return ""
    if (most := int(frame["n"].max())) < MIN_REPEATS:
        return (
            f"WARNING: no comparison has {MIN_REPEATS} repeats of both cells (the most is {most}), and with fewer no "
            "difference is ever claimed: give more --repeats."
        )
    visible, seen = frame["smallest"].min(), frame["difference"].abs().max()
    if not visible > seen:
        return ""
    least = f"is {100 * visible:.2f}" if math.isfinite(visible) else "does not exist"
    return (
        f"WARNING: this sweep was too small. The largest difference in AUC that it saw is {100 * seen:.2f} points, and "
        f"the smallest that it would tell from chance {IN_TEN} {least}: that no difference can be shown does not mean "
        "that there is none."
    )


def _in_points(difference: float) -> str:
    return f"{100 * difference:g} point{'s' * (round(100 * difference, 9) != 1)}"


def _points(value: float) -> str:
    return NONE if value >= 1 else number(100 * value)  # no two AUCs are 100 points apart


def _share(value: float) -> str:
    return number(100 * value, digits=0)


def _yes(value: float) -> str:
    return "yes" if value else "no"


def _needed(value: float) -> str:
    return NONE if math.isinf(value) else _count(value)


def _count(value: float) -> str:
    return MISSING if pd.isna(value) else f"{value:,.0f}"
