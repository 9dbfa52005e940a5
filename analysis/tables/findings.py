"""The tables beyond the paper: variance, comparisons, labels, subgroups and overfitting, each from its frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from analysis.reading.averages import averages
from analysis.reading.origins import PHANTOM, marked, of_cells, union
from analysis.reading.predictions import Predictions
from analysis.reading.trials import Runs
from analysis.scores.cells import interval_note
from analysis.scores.label_tests import delong_rows
from analysis.stats.intervals import MIN_REPEATS
from analysis.stats.resampled import RESAMPLED_NAME
from analysis.tables.rendering import MISSING, Cell, Table, number, p_value, percent
from trainables import titles
from trainables.data.averaging import MIN_POSITIVES

NAMED = ("cell", "first", "second")  # columns that hold names of cells
Format = Callable[[float], str]
CLAIMED = "corrected for all pairs here; a difference is claimed where it is below 0.05"
NO_INTERVAL = f"± -: n is too small (n < {MIN_REPEATS}, or the interval would leave the score's range)"


def _points(value: float) -> str:
    return number(value)


def _count(value: float) -> str:
    return MISSING if pd.isna(value) else f"{value:,.0f}"


def named(name: str, phantom: object = "") -> Cell:
    """A field with the name of a cell, and its title beside it; of anything else, the name alone.

    Args:
        phantom: which of its parts are phantoms; any are marked.
    """
    title = titles.of_name(name)
    return Cell(marked(name, phantom), title=marked(title, phantom) if title != name else "")


def listed(
    runs: Runs,
    frame: pd.DataFrame,
    columns: Mapping[str, tuple[str, Format]],
    *,
    name: str,
    title: str,
    notes: Sequence[str],
) -> Table:
    """A table with one row per row of `frame`: its text columns unchanged, then `columns` (name -> head, format).

    Where any cell rests on a phantom, a last column says which parts of the row's cells do (``cell``, or ``first`` and
    ``second``).
    """
    texts = [column for column in frame if column not in columns]
    frame = frame.assign(phantom=phantom_of_rows(runs, frame))
    head = [[*texts, *[heading for heading, _ in columns.values()], PHANTOM]]
    body = [
        [
            *[named(str(row[text])) if text in NAMED else Cell(str(row[text])) for text in texts],
            *[Cell(form(row[column])) for column, (_, form) in columns.items()],
            Cell(row["phantom"] or MISSING),
        ]
        for row in frame.to_dict("records")
    ]
    phantom = union(frame["phantom"])
    if not phantom:
        head, body = [head[0][:-1]], [row[:-1] for row in body]
    data = frame.assign(data=runs.data)
    return Table(name=name, title=title, head=head, body=body, frame=data, notes=list(notes), phantom=phantom)


def phantom_of_rows(runs: Runs, frame: pd.DataFrame) -> list[str]:
    """Which parts of the cells of each row are phantoms: of ``cell``, or of ``first`` and ``second`` together."""
    parts = of_cells(runs.confirm)
    names = [name for name in NAMED if name in frame]
    return [union(parts[cell] for cell in cells) for cells in frame[names].itertuples(index=False)]


def _averaged(runs: Runs) -> list[str]:
    """The notes on which labels the AUC averages; [] where no run says."""
    averaged = averages(runs)
    return averaged.notes if averaged else []


def _warnings(runs: Runs) -> list[str]:
    averaged = averages(runs)
    return averaged.warnings if averaged else []


def variance(runs: Runs, frame: pd.DataFrame) -> Table:
    """The frame of `analysis.scores.comparisons.variance_rows`."""
    design, what = runs.design, runs.design.drawn
    columns = {
        "auc": ("AUC", percent), "low": ("low", percent), "high": ("high", percent),
        "sd_seeds": (f"s, {what}", percent), "sd_patients": ("s, patients", percent),
        "n": ("n", _count), "num_patients": ("patients", _count),
    }  # fmt: skip
    notes = [f"AUC: mean over n {design.repeats} {design.on_what}; percent", *_averaged(runs)]
    spread = f"s, {what}: standard deviation over {design.repeats}, {design.holds}; s, patients: "
    if design.is_on_one_split:
        notes.append(
            "low, high: 95% interval, hierarchical bootstrap over repeats and patients, with all images of a patient"
        )
        notes.append(f"{spread}that of the repeats' mean under redrawn test patients")
    else:
        notes.append(f"low, high: 95% interval, {RESAMPLED_NAME}; {design.no_bootstrap}")
        notes.append(NO_INTERVAL.replace("± -", "low, high -"))
        notes.append(f"{spread}that of one {design.repeats.removesuffix('s')} under redrawn test patients of its own")
    title = f"Two sources of variance: {what} and test patients"
    return listed(runs, frame, columns, name="variance", title=title, notes=notes)


def compared(runs: Runs, frame: pd.DataFrame) -> Table:
    """The frame of `analysis.scores.comparisons.comparison_rows`."""
    design, what = runs.design, runs.design.drawn
    by_patient = {"p_patients": ("p, patients", p_value)} if design.is_on_one_split else {}
    columns = {
        "difference": ("difference", percent), "low": ("low", percent), "high": ("high", percent),
        **by_patient, "p_seeds": (f"p, {what}", p_value), "p_holm": ("p, Holm", p_value),
        "n": ("n", _count), "num_patients": ("patients", _count),
    }  # fmt: skip
    first = "AUC of the first minus that of the second, in points; low, high: 95% interval, "
    if design.is_on_one_split:
        notes = [
            f"{first}hierarchical bootstrap, paired",
            *_averaged(runs),
            f"p, patients: of that bootstrap; p, {what}: Welch's t-test over the repeats; -: not defined",
            f"p, Holm: the larger of the two, {CLAIMED}",
        ]
        title = "Cells compared on the same test images"
    else:
        notes = [
            f"{first}{RESAMPLED_NAME}, {design.holds}",
            *_averaged(runs),
            f"paired by {design.parts}: in each of the n {design.parts}, both cells see the same test images",
            f"p, {what}: of the same t; {design.no_bootstrap}; -: not defined",
            f"p, Holm: {CLAIMED}",
        ]
        frame = frame.drop(columns="p_patients")
        title = f"Cells compared on the same test images, {design.parts.removesuffix('s')} by {design.parts[:-1]}"
    return listed(runs, frame, columns, name="comparisons", title=title, notes=notes)


def delong(runs: Runs, compared: pd.DataFrame, kept: Mapping[str, list[Predictions]]) -> Table:
    """DeLong's test for each pair of `compared`, label by label; `kept` holds each cell's predictions."""
    pairs = list(compared[["first", "second"]].itertuples(index=False, name=None))
    frames = [delong_rows((first, kept[first]), (second, kept[second])) for first, second in pairs]
    names = ["first", "second", "label", "auc_first", "auc_second", "p", "p_holm"]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=names)
    columns = {
        "auc_first": ("AUC, first", percent), "auc_second": ("AUC, second", percent),
        "p": ("p", p_value), "p_holm": ("p, Holm", p_value),
    }  # fmt: skip
    notes = [
        "DeLong's test per label, on the mean probability of the repeats; Holm's correction over the labels of a pair",
        "it treats images as independent: where patients have several, its p is too small; then read the bootstrap",
    ]
    return listed(runs, frame, columns, name="delong", title="DeLong's test, label by label", notes=notes)


def labels(runs: Runs, frame: pd.DataFrame) -> Table:
    """The frame of `analysis.scores.labels.label_rows`."""
    columns = {
        "num_positives": ("positives", _count), "num_images": ("images", _count), "auc": ("AUC", percent),
        "half_width": ("±", percent), "auprc": ("AUPRC", percent), "ece": ("ECE", p_value), "n": ("n", _count),
    }  # fmt: skip
    others = sorted(set(frame.loc[~frame["is_averaged"], "label"]))
    notes = [f"±: {interval_note(runs.design)}; {NO_INTERVAL}; AUC -: one class only", *runs.design.count_notes]
    if runs.design.num_folds:
        notes.append("AUC and AUPRC: taken within folds, mean over n of them; ECE: of the pooled folds")
    if others:
        notes.append(f"shown here, and not among the labels that the sweep averages: {', '.join(others)}")
    columns_shown = frame.drop(columns="is_averaged")
    return listed(
        runs, columns_shown, columns, name="labels", title="Label by label, with the number of positives", notes=notes
    )


def groups(runs: Runs, frame: pd.DataFrame) -> Table:
    """The frame of `analysis.scores.subgroups.subgroup_rows`."""
    columns = {
        "num_images": ("images", _count), "num_patients": ("patients", _count), "num_labels": ("labels", _count),
        "auc": ("AUC", percent), "half_width": ("±", percent), "gap": ("gap", percent), "n": ("n", _count),
    }  # fmt: skip
    is_folded = bool(runs.design.num_folds)
    interval = f"±: {interval_note(runs.design)}; {NO_INTERVAL}"
    if is_folded:
        columns.pop("half_width")
        interval = (
            "AUC of a label: the share of pairs, each a positive and a negative of one fold, in the right order; "
            "without an interval, since a fold has few images of a subgroup"
        )
    notes = [
        f"AUC: mean over those of the sweep's averaged labels that have {MIN_POSITIVES} positives and negatives or "
        f"more in every subgroup of the kind{', in each split' * bool(runs.design.num_draws)}",
        *_warnings(runs),
        interval,
        *runs.design.count_notes,
        "gap: the kind's best subgroup minus its worst",
    ]
    shown = frame.drop(columns="half_width") if is_folded else frame
    return listed(runs, shown, columns, name="subgroups", title="Subgroups of the test images", notes=notes)


def drops(runs: Runs, frame: pd.DataFrame) -> Table:
    """The frame of `analysis.figures.figure_4.drops`."""
    columns = {
        "drop": ("drop", _points), "half_width": ("±", _points), "best_epoch": ("best epoch", _epoch),
        "n": ("n", _count),
    }  # fmt: skip
    notes = [
        "points of validation AUC lost from the best epoch to the last",
        *_averaged(runs),
        f"±: {interval_note(runs.design)}; {NO_INTERVAL}",
    ]
    return listed(runs, frame, columns, name="overfitting", title="Does it delay overfitting?", notes=notes)


def _epoch(value: float) -> str:
    return number(value, digits=1)
