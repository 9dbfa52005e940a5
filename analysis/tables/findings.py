"""The tables beyond the paper: variance, comparisons, labels, subgroups and overfitting, each from its frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from analysis.reading.averages import averages
from analysis.reading.origins import PHANTOM, marked, of_cells, union
from analysis.reading.predictions import Predictions
from analysis.reading.trials import Runs
from analysis.scores.comparisons import delong_rows
from analysis.stats.intervals import MIN_REPEATS, T_NAME
from analysis.tables.rendering import MISSING, Cell, Table, number
from trainables import titles
from trainables.data.averaging import MIN_POSITIVES

NAMED = ("cell", "first", "second")  # columns that hold names of cells
Format = Callable[[float], str]
NO_INTERVAL = f"± -: n is too small (n < {MIN_REPEATS}, or the interval would leave the score's range)"


def _percent(value: float) -> str:
    return number(100 * value)


def _points(value: float) -> str:
    return number(value)


def _p(value: float) -> str:
    return number(value, digits=3)


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
    columns = {
        "auc": ("AUC", _percent), "low": ("low", _percent), "high": ("high", _percent),
        "sd_seeds": ("s, seeds", _percent), "sd_patients": ("s, patients", _percent),
        "n": ("n", _count), "num_patients": ("patients", _count),
    }  # fmt: skip
    notes = [
        "AUC: on the test set, mean over n repeats; percent",
        *_averaged(runs),
        "low, high: 95% interval, hierarchical bootstrap over seeds and patients, with all images of a patient",
        "s, seeds: standard deviation over repeats; s, patients: that of the repeats' mean under redrawn test patients",
    ]
    return listed(
        runs, frame, columns, name="variance", title="Two sources of variance: seeds and test patients", notes=notes
    )


def compared(runs: Runs, frame: pd.DataFrame) -> Table:
    """The frame of `analysis.scores.comparisons.comparison_rows`."""
    columns = {
        "difference": ("difference", _percent), "low": ("low", _percent), "high": ("high", _percent),
        "p_patients": ("p, patients", _p), "p_seeds": ("p, seeds", _p), "p_holm": ("p, Holm", _p),
        "n": ("n", _count), "num_patients": ("patients", _count),
    }  # fmt: skip
    notes = [
        "AUC of the first minus that of the second, in points; low, high: 95% interval, hierarchical bootstrap, paired",
        *_averaged(runs),
        "p, patients: of that bootstrap; p, seeds: Welch's t-test over the repeats; -: not defined",
        "p, Holm: the larger of the two, corrected for all pairs here; a difference is claimed where it is below 0.05",
    ]
    return listed(runs, frame, columns, name="comparisons", title="Cells compared on the same test images", notes=notes)


def delong(runs: Runs, compared: pd.DataFrame, kept: Mapping[str, list[Predictions]]) -> Table:
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
        "DeLong's test per label, on the mean probability of the repeats; Holm's correction over the labels of a pair",
        "it treats images as independent: where patients have several, its p is too small; then read the bootstrap",
    ]
    return listed(runs, frame, columns, name="delong", title="DeLong's test, label by label", notes=notes)


def labels(runs: Runs, frame: pd.DataFrame) -> Table:
    """The frame of `analysis.scores.labels.label_rows`."""
    columns = {
        "num_positives": ("positives", _count), "num_images": ("images", _count), "auc": ("AUC", _percent),
        "half_width": ("±", _percent), "auprc": ("AUPRC", _percent), "ece": ("ECE", _p), "n": ("n", _count),
    }  # fmt: skip
    others = sorted(set(frame.loc[~frame["is_averaged"], "label"]))
    notes = [f"±: half-width of the 95% interval over n repeats, {T_NAME}; {NO_INTERVAL}; AUC -: one class only"]
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
        "auc": ("AUC", _percent), "half_width": ("±", _percent), "gap": ("gap", _percent), "n": ("n", _count),
    }  # fmt: skip
    notes = [
        f"AUC: mean over those of the sweep's averaged labels that have {MIN_POSITIVES} positives and negatives or "
        "more in every subgroup of the kind",
        *_warnings(runs),
        f"±: half-width of the 95% interval over n repeats, {T_NAME}; {NO_INTERVAL}",
        "gap: the kind's best subgroup minus its worst",
    ]
    return listed(runs, frame, columns, name="subgroups", title="Subgroups of the test images", notes=notes)


def drops(runs: Runs, frame: pd.DataFrame) -> Table:
    """The frame of `analysis.figures.figure_4.drops`."""
    columns = {
        "drop": ("drop", _points), "half_width": ("±", _points), "best_epoch": ("best epoch", _epoch),
        "n": ("n", _count),
    }  # fmt: skip
    notes = [
        "points of validation AUC lost from the best epoch to the last",
        *_averaged(runs),
        f"±: 95% interval over n repeats, {T_NAME}; {NO_INTERVAL}",
    ]
    return listed(runs, frame, columns, name="overfitting", title="Does it delay overfitting?", notes=notes)


def _epoch(value: float) -> str:
    return number(value, digits=1)
