"""Another hospital: what becomes of the students' scores, probabilities and thresholds on images from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from analysis.figures import figure_external
from analysis.figures.drawing import Picture
from analysis.pages.chapter import Chapter
from analysis.pages.evidence import Evidence
from analysis.reading import openings, origins, other_hospital
from analysis.reading.other_hospital import BothHospitals, Opened
from analysis.reading.trials import Runs
from analysis.scores import external_scores, external_thresholds
from analysis.scores.external_draws import Resampled
from analysis.scores.external_findings import drops, suspicions
from analysis.tables import external_tables
from analysis.tables.rendering import Table
from trainables.cell import ITSELF, NO_STUDENT, Cell
from trainables.data.averaging import MIN_POSITIVES
from trainables.data.catalogue import title
from trainables.pasting import command_line

NAME = "external"
TITLE = "Another hospital"
QUESTION = "What is left of the scores on images from elsewhere, and do thresholds still mean the same there?"


def chapter(evidence: Evidence) -> Chapter:
    """Each target that the sweeps have opened, one after the other."""
    runs = evidence.runs
    records = other_hospital.opened(runs.sweeps)
    if not records:
        ask = command_line("platform.evaluate", "external", "--dataset", runs.dataset, "--target", "DATASET")
        empty = (
            f"No other hospital's images were opened. {ask} asks every confirmed student about the images of another "
            "data set, for the labels that both have (with --data DIR for real images)."
        )
        return Chapter(name=NAME, title=TITLE, question=QUESTION, empty=empty)
    sentences: list[str] = []
    tables: list[Table] = []
    pictures: list[Picture] = []
    for of_target in records.values():
        _add(evidence, of_target[-1], sentences, tables, pictures)
    return Chapter(name=NAME, title=TITLE, question=QUESTION, sentences=sentences, tables=tables, pictures=pictures)


def _add(
    evidence: Evidence, record: Opened, sentences: list[str], tables: list[Table], pictures: list[Picture]
) -> None:
    """What there is to say and to show of one target."""
    runs = evidence.runs
    cells = other_hospital.of_cells(runs, record.target)
    sentences += _opened(runs, record, cells)
    if not cells:
        return
    averaged = external_scores.averaged_labels(cells)
    taught = {itself(name): both for name, both in other_hospital.of_teachers(runs, record).items()}
    every, resampled = {**cells, **taught}, Resampled()
    phantom = _phantom(runs, list(taught))
    scores, labels = external_scores.rows(every, averaged, resampled)
    of_labels = external_tables.labels(runs, record, labels, phantom)
    if not averaged:
        tables.append(of_labels)
        sentences.append(
            f"No label that both hospitals have shows {MIN_POSITIVES} positives and {MIN_POSITIVES} negatives in both "
            "sets of images, so no score is compared: take more images (--part all)."
        )
        return
    tables += [external_tables.scores(runs, record, scores, averaged, phantom), of_labels]
    carried = external_thresholds.rows(runs.dataset, every, averaged, evidence.rules, resampled)
    if len(carried):
        tables.append(external_tables.thresholds(runs, record, carried, phantom))
    else:
        sentences.append(
            f"No threshold is carried over: validation images give none, the runs kept no answers to them, or one of "
            f"the hospitals has fewer than {MIN_POSITIVES} images to be called positive, or negative."
        )
    sentences += [*drops(scores, record), *suspicions(labels, record), *_limits(runs, every, averaged)]
    best = _best(runs, cells)
    shown = figure_external.rows(best, cells[best], figure_external.panels(cells[best], averaged))
    picture = figure_external.picture(shown, runs.dataset, record, phantom)
    pictures += [picture] if picture else []


def itself(teacher: str) -> str:
    """The name of the cell in which a teacher is scored itself, for one that no cell scores."""
    return Cell(method=ITSELF, teacher=teacher, student=NO_STUDENT, unfreeze=NO_STUDENT).name


def _phantom(runs: Runs, teachers: Sequence[str]) -> dict[str, str]:
    """Which parts of each cell, and of each teacher that no cell scores, are phantoms."""
    images = "images" if runs.data == "phantom" else ""
    of_teacher = dict(zip(runs.confirm["params.teacher"], runs.confirm["phantom"], strict=True))
    own = {name: origins.only(str(of_teacher.get(Cell.parse(name).teacher, "")), "teacher") for name in teachers}
    return origins.of_cells(runs.confirm) | {name: origins.union([images, part]) for name, part in own.items()}


def _opened(runs: Runs, record: Opened, cells: Mapping[str, BothHospitals]) -> list[str]:
    """What was opened and when, which labels count as the same, and how many repeats have not answered."""
    which = "test images" if record.part == "test" else "images, all that there are"
    pairs = [own if own == other else f"{own} (there {other})" for own, other in record.labels.items()]
    lines = [
        f"{title(record.target)}: {record.num_images:,} {which}, of {record.num_patients:,} patients, opened on "
        f"{record.opened} (fingerprint {record.fingerprint}). Labels that count as the same: {', '.join(pairs)}."
    ]
    num_asked, num_all = sum(len(both.there) for both in cells.values()), len(runs.confirm)
    if num_asked < num_all:
        lines.append(
            f"{num_all - num_asked} of {num_all} repeats have not answered, or have no predictions of their own test "
            "images, and are left out; platform.evaluate external, run again, asks those that have not."
        )
    counts = openings.of_cells(runs.confirm)
    again = pd.DataFrame({"cell": list(cells), "openings": [counts[cell] for cell in cells]})
    lines += [f"{note[0].upper()}{note[1:]}." for note in openings.notes(again)]
    return [*lines, *(f"Beware: {remark}." for remark in record.remarks)]


def _limits(runs: Runs, cells: Mapping[str, BothHospitals], averaged: Sequence[str]) -> list[str]:
    lines = []
    if not runs.design.is_on_one_split:
        lines.append(
            f"Drops have no interval: of the {runs.design.parts}, each was tested on other images here, and all on the "
            "same ones there, so that neither a bootstrap nor the corrected resampled t holds the spread of both."
        )
    fewer = [name for name, both in cells.items() if not {*averaged} <= {*both.label_names}]
    if fewer:
        lines.append(
            f"Without outputs for all of these labels, and so not to be compared with the others: {', '.join(fewer)}."
        )
    return lines


def _best(runs: Runs, cells: Mapping[str, BothHospitals]) -> str:
    """The cell of a student with the best mean score on validation images, so that no test score chooses."""
    trained = runs.trained[runs.trained["tags.cell"].isin(list(cells))]
    scores = trained.groupby("tags.cell", sort=False)["metrics.best_score"].mean().dropna() if len(trained) else trained
    return str(scores.idxmax()) if len(scores) else next(iter(cells))
