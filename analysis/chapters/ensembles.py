"""Ensembles: what a clinic would run."""

from __future__ import annotations

from analysis.pages.chapter import Chapter
from analysis.pages.evidence import Evidence
from analysis.reading import weight_averages
from analysis.reading.repeats import Design
from analysis.scores.ensemble_rows import ensemble_rows, has_ensemble
from analysis.tables import ensembles_beside_students
from trainables.cell import ITSELF, Cell

NAME, TITLE = "ensembles", "Ensembles: what a clinic would run"
QUESTION = (
    "A clinic can run all repeats of a cell and take the mean of their probabilities, or one network with the mean of "
    "their weights. What is that worth beside a single student?"
)


def chapter(evidence: Evidence) -> Chapter:
    """The mean of the repeats' probabilities, and of their weights where that was made, beside the single students."""
    runs = evidence.runs
    if not runs.design.is_on_one_split:
        return _empty(_on_parts(runs.design))
    students = {cell: repeats for cell, repeats in evidence.tested.items() if has_ensemble(cell, repeats)}
    if not students:
        has_any = any(Cell.parse(cell).method != ITSELF for cell in evidence.tested)
        why = "no cell has a second student" if has_any else "no student has predictions of test images"
        return _empty(f"No ensemble is shown, since {why}: run the sweep with --repeats 3 or more.")
    averaged, notes = weight_averages.load(runs)
    frame = ensemble_rows(students, averaged)
    if frame.empty:
        return _empty("No ensemble is shown: no label that the sweep averages has both classes among the test images.")
    if not averaged:
        notes.append(
            "No averaged weights are shown: python -m platform.evaluate weight-average --dataset "
            f"{runs.dataset} makes them, of cells whose repeats were fine-tuned from the same first weights."
        )
    picture = ensembles_beside_students.picture(runs, frame)
    return Chapter(
        name=NAME,
        title=TITLE,
        question=QUESTION,
        sentences=[*ensembles_beside_students.sentences(frame), *notes],
        tables=[ensembles_beside_students.table(runs, frame)],
        pictures=[picture] if picture else [],
    )


def _empty(why: str) -> Chapter:
    return Chapter(name=NAME, title=TITLE, question=QUESTION, empty=why)


def _on_parts(design: Design) -> str:
    option = "--folds" if design.num_folds else "split in --vary-in-repeats"
    return (
        "No ensemble is shown: an ensemble answers images that none of its members was trained on, and these repeats "
        f"are on {design.parts}, in which what tests one student has trained another. A sweep without {option} has "
        "ensembles."
    )
