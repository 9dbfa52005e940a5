"""The tables of who is harmed: groups, labels, gaps, and what of a gap comes over from the teacher."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from analysis.reading.trials import Runs
from analysis.scores.cells import interval_note
from analysis.scores.harm_gaps import STUDENTS, TEACHER
from analysis.scores.missed import SENSITIVITY, UNDERDIAGNOSIS, Definition
from analysis.scores.subgroups import KINDS
from analysis.tables.findings import listed
from analysis.tables.rendering import MISSING, Table, number, p_value
from trainables.data.averaging import MIN_POSITIVES

TOO_FEW = f"-: fewer than {MIN_POSITIVES} patients with such an image; the counts are shown and nothing is judged"
NAMED = "the validation images name the groups, the test images measure them: a gap may turn out negative"
HOLM = "p, Holm: the larger of the p-values of patients (bootstrap) and of repeats (t), corrected over the rows of "
BOOTSTRAP = "low, high: 95% interval, hierarchical bootstrap over repeats and patients"


def _percent(value: float) -> str:
    return number(100 * value, digits=1)


def _points(value: float) -> str:
    return MISSING if pd.isna(value) else f"{100 * value:+.1f}"


def _count(value: float) -> str:
    return MISSING if pd.isna(value) else f"{value:,.0f}"


Columns = dict[str, tuple[str, Callable[[float], str]]]


def side_by_side(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of `analysis.scores.group_harm.harm_rows` with one row per cell and group.

    Of underdiagnosis and of the mean sensitivity there are each: its name, and with ``_low``, ``_high`` and
    ``_images`` behind it the interval and the images that it counts. A measure that no cell has has no columns.
    """
    places = ["cell", "kind", "group", "num_images", "num_patients"]
    frame = rows[places].drop_duplicates(ignore_index=True)
    for measure in (UNDERDIAGNOSIS, SENSITIVITY):
        of_measure = rows[rows["measure"] == measure]
        if of_measure.empty:
            continue
        names = {"num_counted": f"{measure}_images", "rate": measure}
        names |= {end: f"{measure}_{end}" for end in ("low", "high")}
        shown = of_measure.rename(columns=names)[[*places, *names.values()]]
        frame = frame.merge(shown, on=places, how="left", sort=False)
    n = rows.groupby(["cell", "kind", "group"], sort=False)["n"].max().reset_index()
    return frame.merge(n, on=["cell", "kind", "group"], how="left", sort=False)


def groups(runs: Runs, rows: pd.DataFrame, definition: Definition) -> Table:
    """`side_by_side` of `harm_rows`."""
    frame = side_by_side(rows)
    columns: Columns = {"num_images": ("images", _count), "num_patients": ("patients", _count)}
    for measure, counted in ((UNDERDIAGNOSIS, definition.eligible), (SENSITIVITY, "fewest positives")):
        if measure in frame:
            columns |= {
                f"{measure}_images": (counted, _count), measure: (measure, _percent),
                f"{measure}_low": ("low", _percent), f"{measure}_high": ("high", _percent),
            }  # fmt: skip
    columns["n"] = ("n", _count)
    notes = [definition.sentence.removesuffix("."), *interval_notes(runs), TOO_FEW]
    if SENSITIVITY in frame:
        notes.append(
            f"{SENSITIVITY}: mean over the averaged labels that have {MIN_POSITIVES} patients in every group of the "
            "kind that is judged by it; fewest positives: of the rarest of these labels"
        )
    title = "Underdiagnosis and sensitivity by group" if SENSITIVITY in frame else "Underdiagnosis by group"
    return listed(runs, frame, columns, name="harm_groups", title=title, notes=notes)


def labels(runs: Runs, rows: pd.DataFrame) -> Table:
    """The rows of `harm_rows` that are of one label, by sex, age band and view; intersections have means alone."""
    is_label = ~rows["measure"].isin([UNDERDIAGNOSIS, SENSITIVITY]) & rows["kind"].isin(KINDS)
    frame = rows[is_label].sort_values(["cell", "measure"], kind="stable", ignore_index=True)
    frame = frame.rename(columns={"measure": "label"})[
        ["cell", "label", "kind", "group", "num_counted", "rate", "low", "high", "n"]
    ]
    columns: Columns = {
        "num_counted": ("positives", _count), "rate": (SENSITIVITY, _percent), "low": ("low", _percent),
        "high": ("high", _percent), "n": ("n", _count),
    }  # fmt: skip
    notes = [*interval_notes(runs), TOO_FEW]
    return listed(runs, frame, columns, name="harm_labels", title="Sensitivity by label and group", notes=notes)


def gaps(runs: Runs, rows: pd.DataFrame) -> Table:
    """The frame of `analysis.scores.harm_gaps.gap_rows`."""
    columns: Columns = {
        "rate_worst": ("rate, worst", _percent), "rate_best": ("rate, best", _percent), "gap": ("gap", _points),
        "low": ("low", _points), "high": ("high", _points), "p_patients": ("p, patients", p_value),
        "p_seeds": ("p, repeats", p_value), "p_holm": ("p, Holm", p_value), "rest": ("against all others", _points),
        "rest_low": ("low", _points), "rest_high": ("high", _points), "widest": ("widest", _points),
        "n": ("n", _count),
    }  # fmt: skip
    notes = [
        f"worst, best: {NAMED}",
        "gap: by how many points the worst group is harmed more than the best, and more than all other groups together",
        f"{BOOTSTRAP}, the same draws for all groups and cells",
        f"{HOLM}a cell; of a teacher itself, which no seed changes, that of patients",
        "widest: the greatest difference between two groups of the test images, chosen by looking at these: biased "
        "upwards, and nothing is claimed of it",
    ]
    return listed(runs, rows, columns, name="harm_gaps", title="The worst group against the best", notes=notes)


def carried(runs: Runs, rows: pd.DataFrame) -> Table:
    """The frame of `analysis.scores.harm_gaps.carried_rows`."""
    columns: Columns = {
        "gap": ("gap, student", _points), "plain": ("gap, plain transfer", _points),
        "teacher": ("gap, teacher", _points), "difference": ("student - plain", _points), "low": ("low", _points),
        "high": ("high", _points), "p_patients": ("p, patients", p_value), "p_seeds": ("p, repeats", p_value),
        "p_holm": ("p, Holm", p_value), "beyond_teacher": ("student - teacher", _points),
        "beyond_low": ("low", _points),
        "beyond_high": ("high", _points), "n": ("n", _count),
    }  # fmt: skip
    notes = [
        f"gap: harm to the worst group less that to the best, in points; {NAMED}",
        f"named by: the validation images of the {TEACHER} itself, or, where it is not scored, of {STUDENTS}, the "
        "student and plain transfer, together",
        f"{BOOTSTRAP}, paired by patient",
        f"{HOLM}a student",
    ]
    frame = rows.rename(columns={"named_by": "named by"})
    title = "Does the gap come over with the knowledge?"
    return listed(runs, frame, columns, name="harm_carried", title=title, notes=notes)


def interval_notes(runs: Runs) -> list[str]:
    """What the interval of a group's rate is."""
    design = runs.design
    if design.num_folds:
        return ["rates: of all folds together, without an interval: a fold has few images of a group"]
    if not design.is_on_one_split:
        return [f"low, high: {interval_note(design)}", *design.count_notes]
    return [
        f"{BOOTSTRAP}; where none or all images of a group have the event, Clopper and Pearson's over its patients; a "
        "mean over labels has none then"
    ]
