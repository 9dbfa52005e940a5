"""The tables beyond the paper: variance, comparisons, labels, subgroups and overfitting, each from its frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from analysis.comparisons import delong_rows
from analysis.labels import MIN_POSITIVES
from analysis.predictions import Predictions
from analysis.rendering import MISSING, Cell, Table, number
from analysis.runs import Runs
from analysis.statistics import T_NAME

Format = Callable[[float], str]


def _percent(value: float) -> str:
    return number(100 * value)


def _points(value: float) -> str:
    return number(value)


def _p(value: float) -> str:
    return number(value, digits=3)


def _count(value: float) -> str:
    return MISSING if pd.isna(value) else f"{value:,.0f}"


def listed(
    name: str,
    title: str,
    found: Runs,
    frame: pd.DataFrame,
    columns: Mapping[str, tuple[str, Format]],
    notes: Sequence[str],
) -> Table:
    """A table with a row a row of `frame`: its text columns as they are, then `columns` (name -> head, format)."""
    texts = [column for column in frame if column not in columns]
    head = [[*texts, *[shown for shown, _ in columns.values()]]]
    body = [
        [*[Cell(str(row[text])) for text in texts], *[Cell(form(row[column])) for column, (_, form) in columns.items()]]
        for row in frame.to_dict("records")
    ]
    is_phantom = found.data == "phantom"
    data = frame.assign(data=found.data)
    return Table(name=name, title=title, head=head, body=body, frame=data, notes=list(notes), is_phantom=is_phantom)


def variance(found: Runs, frame: pd.DataFrame) -> Table:
    """The frame of `analysis.comparisons.variance_rows`."""
    columns = {
        "auc": ("AUC", _percent), "low": ("low", _percent), "high": ("high", _percent),
        "sd_seeds": ("s, seeds", _percent), "sd_patients": ("s, patients", _percent),
        "n": ("n", _count), "num_patients": ("patients", _count),
    }  # fmt: skip
    notes = [
        f"AUC: mean over the labels with {MIN_POSITIVES} positives and negatives or more, and over n repeats; percent",
        "low, high: 95% interval, hierarchical bootstrap over seeds and patients; a patient's images come together",
        "s, seeds: standard deviation over repeats; s, patients: that of the repeats' mean under redrawn test patients",
    ]
    return listed("variance", "Two sources of variance: seeds and test patients", found, frame, columns, notes)


def compared(found: Runs, frame: pd.DataFrame) -> Table:
    """The frame of `analysis.comparisons.comparison_rows`."""
    columns = {
        "difference": ("difference", _percent), "low": ("low", _percent), "high": ("high", _percent),
        "p_patients": ("p, patients", _p), "p_seeds": ("p, seeds", _p), "p_holm": ("p, Holm", _p),
        "n": ("n", _count), "num_patients": ("patients", _count),
    }  # fmt: skip
    notes = [
        "AUC of the first less that of the second, in points; low, high: 95% interval, hierarchical bootstrap, paired",
        "p, patients: of that bootstrap; p, seeds: Welch's t-test over the repeats; -: not defined",
        "p, Holm: the larger of the two, corrected for all pairs here; a difference is told where it is below 0.05",
    ]
    return listed("comparisons", "Cells compared on the same test images", found, frame, columns, notes)


def delong(found: Runs, compared: pd.DataFrame, kept: Mapping[str, list[Predictions]]) -> Table:
    """DeLong's test for each pair of `compared`, label by label; `kept` holds each cell's predictions."""
    pairs = list(compared[["first", "second"]].itertuples(index=False, name=None))
    frames = [delong_rows((first, kept[first]), (second, kept[second])) for first, second in pairs]
    names = ["first", "second", "label", "auc_first", "auc_second", "p", "p_holm"]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=names)
    columns = {
        "auc_first": ("AUC, first", _percent), "auc_second": ("AUC, second", _percent),
        "p": ("p", _p), "p_holm": ("p, Holm", _p),
    }  # fmt: skip
    notes = [
        "DeLong's test a label, on the mean probability over the repeats; Holm's correction over the labels of a pair",
        "it takes images as independent: with several images a patient its p is too small; then read the bootstrap",
    ]
    return listed("delong", "DeLong's test, label by label", found, frame, columns, notes)


def labels(found: Runs, frame: pd.DataFrame) -> Table:
    """The frame of `analysis.labels.label_rows`."""
    columns = {
        "num_positives": ("positives", _count), "num_images": ("images", _count), "auc": ("AUC", _percent),
        "half_width": ("±", _percent), "auprc": ("AUPRC", _percent), "ece": ("ECE", _p), "n": ("n", _count),
    }  # fmt: skip
    few = sorted(set(frame.loc[~frame["is_counted"], "label"]))
    notes = [f"±: half-width of the 95% interval over n repeats, {T_NAME}; -: not defined (one class only, or n < 2)"]
    if few:
        notes.append(f"fewer than {MIN_POSITIVES} positives or negatives: shown, never averaged: {', '.join(few)}")
    shown = frame.drop(columns="is_counted")
    return listed("labels", "Label by label, with the number of positives", found, shown, columns, notes)


def groups(found: Runs, frame: pd.DataFrame) -> Table:
    """The frame of `analysis.subgroups.subgroup_rows`."""
    columns = {
        "num_images": ("images", _count), "num_patients": ("patients", _count), "num_labels": ("labels", _count),
        "auc": ("AUC", _percent), "half_width": ("±", _percent), "gap": ("gap", _percent), "n": ("n", _count),
    }  # fmt: skip
    notes = [
        f"AUC: mean over the labels with {MIN_POSITIVES} positives and negatives or more in every subgroup of the kind",
        f"±: half-width of the 95% interval over n repeats, {T_NAME}; gap: the kind's best subgroup less its worst",
    ]
    return listed("subgroups", "Subgroups of the test images", found, frame, columns, notes)


def drops(found: Runs, frame: pd.DataFrame) -> Table:
    """The frame of `analysis.figure_4.drops`."""
    columns = {
        "drop": ("drop", _points), "half_width": ("±", _points), "best_epoch": ("best epoch", _epoch),
        "n": ("n", _count),
    }  # fmt: skip
    notes = [f"points of validation AUC lost from the best epoch to the last; ±: 95% interval over n repeats, {T_NAME}"]
    return listed("overfitting", "Does it delay overfitting?", found, frame, columns, notes)


def _epoch(value: float) -> str:
    return number(value, digits=1)
