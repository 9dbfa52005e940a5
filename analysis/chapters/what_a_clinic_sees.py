"""Operating points: what a clinic would see that ran these students at a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.figures import figure_confusion, figure_net_benefit
from analysis.figures.drawing import Picture
from analysis.pages.chapter import Chapter
from analysis.pages.evidence import Evidence
from analysis.reading.origins import of_cells
from analysis.reading.predictions import Predictions
from analysis.scores.calibrated import calibration_rows
from analysis.scores.cell_repeats import Resamples
from analysis.scores.drawn_intervals import shared_weights
from analysis.scores.grades import agreement_rows, confusion_rows
from analysis.scores.net_benefits import curve_rows
from analysis.scores.operating_points import REFERABLE, decided
from analysis.scores.operating_rates import FEW, MEAN, ONE_CLASS, UNREACHED, rate_rows
from analysis.stats.thresholds import YOUDEN
from analysis.tables import operating_tables as tables
from analysis.tables.rendering import Table
from trainables import titles
from trainables.data.averaging import MIN_POSITIVES
from trainables.data.catalogue import DATASETS

NAME, TITLE = "operating_points", "Operating points: what a clinic would see"
QUESTION = (
    "A clinic does not act on an AUC but from a threshold on. How many patients would be found, how many alarms would "
    "be false, and would it be worth it?"
)
NO_PREDICTIONS = (
    "No cell has predictions of both validation and test images: thresholds are chosen on the one and judged on the "
    "other. A sweep's confirming repeats keep both; where their artifacts were removed, run the sweep again."
)


@dataclass(frozen=True, kw_only=True)
class _Frames:
    """The rows of all cells."""

    rates: pd.DataFrame
    curves: pd.DataFrame
    calibration: pd.DataFrame
    agreement: pd.DataFrame
    confusion: pd.DataFrame


def chapter(evidence: Evidence) -> Chapter:
    """The tables, figures and sentences of the chapter."""
    cells = [cell for cell in evidence.tested if evidence.validated.get(cell)]
    if not cells:
        return Chapter(name=NAME, title=TITLE, question=QUESTION, empty=NO_PREDICTIONS)
    frames = _frames(evidence, cells)
    if frames.rates.empty and frames.calibration.empty and frames.agreement.empty:
        empty = "The sweep averages no label, because none is frequent enough: there is none to choose a threshold for."
        return Chapter(name=NAME, title=TITLE, question=QUESTION, empty=empty)
    return Chapter(
        name=NAME,
        title=TITLE,
        question=QUESTION,
        sentences=_sentences(evidence, frames),
        tables=[table for table in _tables(evidence, frames) if table.body],
        pictures=_pictures(evidence, frames),
    )


def _frames(evidence: Evidence, cells: Sequence[str]) -> _Frames:
    resamples, dataset = Resamples(), evidence.runs.dataset
    rates: list[pd.DataFrame] = []
    curves, calibration, agreement, confusion = [], [], [], []
    for cell in cells:
        tested, validated = evidence.tested[cell], evidence.validated[cell]
        weights_BN = shared_weights(tested, resamples)
        calibration.append(calibration_rows(cell, tested, validated, weights_BN))
        if tested[0].is_multiclass:
            agreement.append(agreement_rows(cell, tested, weights_BN))
            confusion.append(confusion_rows(cell, tested))
        tested, validated = _decided(tested, dataset), _decided(validated, dataset)
        rates += [rate_rows(cell, tested, validated, rule, weights_BN) for rule in evidence.rules]
        curves.append(curve_rows(cell, tested))
    return _Frames(
        rates=_joined(rates),
        curves=_joined(curves),
        calibration=_joined(calibration),
        agreement=_joined(agreement),
        confusion=_joined(confusion),
    )


def _decided(repeats: Sequence[Predictions], dataset: str) -> list[Predictions]:
    return [decided(repeat, dataset) for repeat in repeats]


def _joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()


def _tables(evidence: Evidence, frames: _Frames) -> list[Table]:
    runs = evidence.runs
    made: list[Table] = []
    if len(frames.rates):
        labels, means = _labels(frames.rates), frames.rates[frames.rates["label"] == MEAN]
        made += [tables.at_rule(runs, means[means["rule"] == rule.title], rule, labels) for rule in evidence.rules]
        of_labels = frames.rates[frames.rates["label"] != MEAN]
        if of_labels["label"].nunique() > 1:
            by_rule = [of_labels[of_labels["rule"] == rule.title] for rule in evidence.rules]
            made.append(tables.by_label(runs, _joined(by_rule)))
        made.append(tables.net_benefit(runs, means, labels))
    if len(frames.calibration):
        is_multiclass = bool(len(frames.agreement))
        made.append(tables.probabilities(runs, frames.calibration, is_multiclass=is_multiclass))
    if len(frames.agreement):
        made += [tables.agreement(runs, frames.agreement), tables.confusion(runs, frames.confusion)]
    return made


def _pictures(evidence: Evidence, frames: _Frames) -> list[Picture]:
    phantom = of_cells(evidence.runs.confirm)
    drawn = [
        figure_net_benefit.picture(frames.curves, phantom, _labels(frames.rates) or _only(frames.rates)),
        figure_confusion.picture(frames.confusion, phantom),
    ]
    return [picture for picture in drawn if picture is not None]


def _labels(rates: pd.DataFrame) -> str:
    """Which labels the means of all cells are over; "" where there is one alone."""
    of_labels = rates[rates["label"] != MEAN] if len(rates) else rates
    if of_labels.empty or of_labels["label"].nunique() == 1:
        return ""
    usable = of_labels[~of_labels["problem"].isin([FEW, ONE_CLASS])]
    sets = {tuple(dict.fromkeys(of_cell["label"])) for _, of_cell in usable.groupby("cell", sort=False)}
    if len(sets) > 1:
        return "the mean over each cell's own labels, as the table label by label has them"
    return f"the mean over {', '.join(sets.pop())}" if sets else ""


def _only(rates: pd.DataFrame) -> str:
    """The one label, as a figure calls it."""
    return str(rates["label"].iloc[0]) if len(rates) else ""


def _sentences(evidence: Evidence, frames: _Frames) -> list[str]:
    record = DATASETS.get(evidence.runs.dataset)
    is_referable = len(frames.rates) and REFERABLE in set(frames.rates["label"])
    sentences = [
        "Each repeat has its own thresholds, chosen on its validation images. That these are a sample too is not in "
        "the intervals, which hold the draw of test patients and the spread between repeats."
        if evidence.runs.design.is_on_one_split
        else f"Each repeat has its own thresholds, chosen on its validation images; the intervals are over the "
        f"{evidence.runs.design.parts}."
    ]
    if is_referable and record is not None:
        sentences.append(
            f"An image counts as referable from the grade {record.referable_from} on; its score is the sum of the "
            "probabilities of these grades."
        )
    if len(frames.rates):
        sentences += [*_kept(evidence, frames.rates), *_problems(frames.rates)]
    return sentences


def _kept(evidence: Evidence, rates: pd.DataFrame) -> list[str]:
    """For each wanted level, what is left of it among the test images."""
    sentences = []
    for rule in evidence.rules:
        if rule.kind == YOUDEN:
            continue
        of_rule = rates[(rates["rule"] == rule.title) & (rates["label"] == MEAN)].dropna(subset=[rule.kind])
        if of_rule.empty:
            continue
        values = 100 * of_rule[rule.kind]
        ends = f"{values.min():.1f} to {values.max():.1f}%" if len(values) > 1 else f"{values.iloc[0]:.1f}%"
        over = f" ({len(values)} cells)" if len(values) > 1 else ""
        sentences.append(
            f"Thresholds with a {rule.title} on the validation images have one of {ends} on the test images{over}."
        )
    return sentences


def _problems(rates: pd.DataFrame) -> list[str]:
    """What has no numbers, and why."""
    sentences = []
    of_labels = rates[rates["label"] != MEAN]
    few = of_labels[of_labels["problem"] == FEW].drop_duplicates("label")
    if len(few):
        counts = [f"{row.label} ({row.num_positives} of {row.num_images} images)" for row in few.itertuples()]
        sentences.append(
            f"Fewer than {MIN_POSITIVES} positives or negatives among the test images, so without numbers: "
            f"{', '.join(counts)}."
        )
    one = of_labels[of_labels["problem"] == ONE_CLASS].drop_duplicates("label")
    if len(one):
        counts = [f"{row.label} (in {row.n - row.num_reached} of {row.n} repeats)" for row in one.itertuples()]
        sentences.append(f"No threshold, since all validation images are of one class: {', '.join(counts)}.")
    missed = of_labels[of_labels["problem"] == UNREACHED]
    for (rule, cell), rows in missed.groupby(["rule", "cell"], sort=False):
        counts = [f"{row.label} (in {row.n - row.num_reached} of {row.n} repeats)" for row in rows.itertuples()]
        sentences.append(
            f"{titles.of_name(str(cell))}: no threshold has a {rule} on the validation images for {', '.join(counts)}, "
            "because too many of the images without the finding have the highest probability of all; neither these "
            "labels nor the cell's means have numbers for this rule."
        )
    return sentences
