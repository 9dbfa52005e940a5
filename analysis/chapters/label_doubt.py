"""The labels' own doubt: what becomes of the scores where radiologists say what is true, and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from analysis.pages.chapter import Chapter
from analysis.pages.evidence import Evidence
from analysis.reading import other_hospital, radiologists
from analysis.reading.other_hospital import BothHospitals
from analysis.reading.predictions import Predictions
from analysis.reading.radiologists import TARGET
from analysis.scores import single_readers
from analysis.scores.radiologist_scores import rows
from analysis.tables import label_doubts
from analysis.tables.rendering import Table

NAME, TITLE = "label_doubt", "The labels' own doubt"
QUESTION = "What are the scores worth where radiologists, and not a labeler of reports, say what is true?"
HOW = (
    "No student has been asked about images that radiologists read. The test set of CheXpert has some (500 studies, "
    "eight readers): put its images and `test_labels.csv` or `groundtruth.csv`, and `radiologists/` and `labeler/` if "
    "you have them, into DIR/chexpert-radiologists/, and run `python -m platform.evaluate external --dataset {dataset} "
    f"--target {TARGET} --part all --data DIR`."
)
NO_READINGS = (
    "The readings of single radiologists are not beside the prepared images in the results folder: readers cannot be "
    "set beside students, nor labels from reports beside the majority."
)
MULTICLASS = (
    "The images of {dataset} have one class each. The only readings of single doctors that this report knows are of "
    "chest X-rays."
)


def chapter(evidence: Evidence) -> Chapter:
    """From the answers to the radiologists' images, and the readings beside the prepared images where they are."""
    runs, dataset = evidence.runs, evidence.runs.dataset
    cells = other_hospital.of_cells(runs, TARGET)
    if not cells:
        is_multiclass = any(repeats[0].is_multiclass for repeats in evidence.tested.values())
        why = MULTICLASS if is_multiclass else HOW
        return Chapter(name=NAME, title=TITLE, question=QUESTION, empty=why.format(dataset=dataset))
    votes = radiologists.votes(evidence.results, next(iter(cells.values())).there[0])
    source = _source(votes)
    reported = _reported(evidence, cells, votes, source)
    frame = rows(cells, reported, is_on_one_split=runs.design.is_on_one_split)
    tables: list[Table] = [label_doubts.scores(runs, frame, source)]
    sentences = _sentences(frame, source)
    if votes is None:
        sentences.append(NO_READINGS)
    else:
        rule = evidence.rules[0]
        both = [single_readers.reader_rows(votes), single_readers.student_rows(cells, rule)]
        together = pd.concat([each for each in both if len(each)], ignore_index=True)
        tables.append(label_doubts.readers(runs, together, rule))
        tables.append(label_doubts.agreement(runs, single_readers.agreement_rows(votes)))
    return Chapter(name=NAME, title=TITLE, question=QUESTION, sentences=sentences, tables=tables)


def _source(votes: pd.DataFrame | None) -> str:
    """Whose labels from reports are compared: the first by name; "" where there are none."""
    if votes is None:
        return ""
    return min(votes.loc[votes["role"] == single_readers.REPORT, "reader"], default="")


def _reported(
    evidence: Evidence, cells: Mapping[str, BothHospitals], votes: pd.DataFrame | None, source: str
) -> dict[str, list[Predictions]]:
    if votes is None or not source:
        return {}
    policies = evidence.runs.confirm.groupby("tags.cell")["params.uncertainty"].first()
    return {
        cell: [radiologists.labelled_by(there, votes, source, str(policies[cell])) for there in read.there]
        for cell, read in cells.items()
    }


def _sentences(frame: pd.DataFrame, source: str) -> list[str]:
    """What the differences say, over all cells: in how many rows the labels alone move the AUC."""
    if not source:
        return []
    compared = frame.dropna(subset=["difference", "low", "high"])
    if compared.empty:
        return ["No label has enough positives and negatives in both the majority and the reports to compare them."]
    apart = compared[(compared["low"] > 0) | (compared["high"] < 0)]
    largest = compared.loc[compared["difference"].abs().idxmax()]
    return [
        f"Against the radiologists' majority instead of labels from reports, the AUC of the same answers to the same "
        f"images differs with an interval that excludes zero in {len(apart)} of {len(compared)} pairs of cell and "
        f"label (not corrected for their number).",
        f"The largest difference is {100 * largest['difference']:+.2f} points ({largest['low'] * 100:+.2f} to "
        f"{100 * largest['high']:+.2f}), of {largest['label']} in {largest['cell']}.",
    ]
