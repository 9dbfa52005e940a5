"""The tables of the labels' own doubt: scores against radiologists, readers beside students, and their agreement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from analysis.reading.trials import Runs
from analysis.stats.thresholds import Rule
from analysis.tables.findings import listed, named
from analysis.tables.rendering import MISSING, Cell, Table, number, percent
from trainables.data.averaging import MIN_POSITIVES

Format = Callable[[float], str]
FEW = f"-: fewer than {MIN_POSITIVES} positives or negatives, so that a score would be mostly noise"
ROLES = {
    "reference": "radiologist, of the ground truth", "benchmark": "radiologist, for comparison",
    "report": "labels from reports", "student": "student",
}  # fmt: skip


def _count(value: float) -> str:
    return MISSING if pd.isna(value) else f"{value:,.0f}"


def _kappa(value: float) -> str:
    return number(value)


def scores(runs: Runs, frame: pd.DataFrame, source: str) -> Table:
    """The frame of `analysis.scores.radiologist_scores.rows`; `source`: whose report labels they are, "" for none."""
    columns: dict[str, tuple[str, Format]] = {
        "own_auc": ("AUC, own test", percent), "own_low": ("low", percent), "own_high": ("high", percent),
        "read_auc": ("AUC, radiologists", percent), "read_low": ("low", percent), "read_high": ("high", percent),
    }  # fmt: skip
    reports = {
        "report_auc": ("AUC, reports", percent), "difference": ("difference", percent), "low": ("low", percent),
        "high": ("high", percent), "num_report_positives": ("positives, reports", _count),
    }  # fmt: skip
    counts = {"num_positives": ("positives", _count), "num_images": ("images", _count), "n": ("n", _count)}
    kept = frame if source else frame.drop(columns=list(reports))
    notes = [
        "own test: the sweep's own test images and labels; radiologists: the images that radiologists read, against "
        "their majority; percent; n repeats",
        "low, high: 95% interval, hierarchical bootstrap over patients and repeats"
        + ("" if runs.design.is_on_one_split else "; of the own test images that of the table label by label"),
        "the own test images show other patients, so that labels alone do not explain the distance between the two",
        *(
            [
                f"reports: the same answers to the same images, against labels mined from their reports ({source}); "
                "difference: radiologists minus reports, in points, paired by image and repeat"
            ]
            if source
            else []
        ),
        FEW,
    ]
    shown = {**columns, **(reports if source else {}), **counts}
    return listed(runs, kept, shown, name="label_doubt", title="Against radiologists, label by label", notes=notes)


def readers(runs: Runs, frame: pd.DataFrame, rule: Rule) -> Table:
    """The frames of `analysis.scores.single_readers`, readers and students together."""
    columns: dict[str, tuple[str, Format]] = {
        "sensitivity": ("sensitivity", percent), "sensitivity_low": ("low", percent),
        "sensitivity_high": ("high", percent), "specificity": ("specificity", percent),
        "specificity_low": ("low", percent), "specificity_high": ("high", percent),
        "num_positives": ("positives", _count), "num_negatives": ("negatives", _count), "n": ("n", _count),
    }  # fmt: skip
    notes = [
        "radiologists: against the majority of the other radiologists, studies in a tie left out; labels from reports: "
        "against the majority of all; low, high: Wilson's 95% interval over studies",
        f"students: against the data set's ground truth, image by image, at the threshold of {rule.title} on each "
        "repeat's own validation images; mean over n repeats; 95% hierarchical bootstrap over patients and repeats",
        f"{FEW}; of a student also: the rule has no threshold on the validation images",
        "Wilson's interval and Fleiss' and Cohen's kappa: SciPy, own code and scikit-learn, in this order",
    ]
    title = "Single readers beside students"
    texts = ("reader", "role", "label")
    return _plain(runs, frame, texts, columns, named_as=("reader_agreement", title), notes=notes)


def agreement(runs: Runs, frame: pd.DataFrame) -> Table:
    """The frame of `analysis.scores.single_readers.agreement_rows`."""
    columns: dict[str, tuple[str, Format]] = {
        "num_readers": ("radiologists", _count), "num_studies": ("studies", _count),
        "num_positives": ("positives", _count), "unanimous": ("all agree", percent),
        "kappa": ("kappa, Fleiss", _kappa), "report_kappa": ("kappa, reports", _kappa),
    }  # fmt: skip
    notes = [
        "positives: studies that most radiologists call positive; all agree: percent of studies",
        "kappa, Fleiss: agreement of the radiologists beyond chance (Fleiss 1971); kappa, reports: Cohen's, of the "
        "labels mined from reports with the majority (scikit-learn); what is called uncertain counts as absent",
        "-: one class only, fewer than two radiologists, no study that all have read, or no labels from reports",
    ]
    names = ("label_agreement", "How far the radiologists agree")
    return _plain(runs, frame, ("label",), columns, named_as=names, notes=notes)


def _plain(
    runs: Runs,
    frame: pd.DataFrame,
    texts: Sequence[str],
    columns: Mapping[str, tuple[str, Format]],
    *,
    named_as: tuple[str, str],
    notes: Sequence[str],
) -> Table:
    """A table with one row per row of `frame`, some of which are of no cell; all of it is phantom where images are."""
    body = [
        [
            *(named(str(row[it])) if it == "reader" else Cell(ROLES.get(str(row[it]), str(row[it]))) for it in texts),
            *(Cell(form(row[name])) for name, (_, form) in columns.items()),
        ]
        for row in frame.to_dict("records")
    ]
    name, title = named_as
    return Table(
        name=name,
        title=title,
        head=[[*texts, *(heading for heading, _ in columns.values())]],
        body=body,
        frame=frame.assign(data=runs.data),
        notes=list(notes),
        phantom="images" if runs.data == "phantom" else "",
        has_paper=False,
    )
