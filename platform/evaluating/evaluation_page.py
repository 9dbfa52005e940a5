"""The page of an evaluation: its tables, its figures, and what students and teachers may have seen before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.pages import page
from analysis.probes import probe_tables
from analysis.probes.embeddings import Subject
from analysis.probes.networks import AFTER, TEACHER
from analysis.probes.probe_tables import Kind
from analysis.reading import origins
from analysis.reading.tracking_uri import pages
from analysis.scores import classes
from analysis.tables import command
from analysis.tables.rendering import text
from platform.evaluating.students import Students
from trainables.atomic import write_bytes
from trainables.data.store import Store
from trainables.teachers.overlap import overlap, unverifiable


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What an evaluation measured, and on whom."""

    kind: Kind
    frame: pd.DataFrame
    subjects: tuple[Subject, ...]
    store: Store  # the images
    left_out: list[str]


def write_evaluation(evaluation: Evaluation, students: Students, out: Path, typed: str) -> Path:
    """The page, each table as Markdown, LaTeX and CSV, each figure as PNG and SVG; equal runs give equal bytes.

    Args:
        out: the folder to write into.
        typed: the command that makes the same page again.
    """
    runs, kind, name = students.runs, evaluation.kind, evaluation.kind.name
    findings = list(dict.fromkeys(evaluation.frame["finding"]))
    phantom = {subject.name: _phantom(subject, students) for subject in evaluation.subjects}
    frame = evaluation.frame.assign(phantom=evaluation.frame["subject"].map(phantom))
    tables, pictures = [], []
    for finding in findings:
        knew = {subject.name: _knew(subject, finding) for subject in evaluation.subjects}
        tables.append(probe_tables.table(frame, kind, finding, evaluation.store.dataset, knew=knew, data=runs.data))
        pictures.append(probe_tables.picture(frame, kind, finding, evaluation.store.dataset))
    warnings = _warnings(evaluation, students, findings)
    sentences = probe_tables.sentences(frame, kind)
    notes = [*(f"WARNING: {warning}" for warning in warnings), *(f"left out: {note}" for note in evaluation.left_out)]
    print("\n".join([*(text(table) + "\n" for table in tables), *sentences, *notes]))
    write_bytes(out / f"{name}.csv", frame.assign(data=runs.data).to_csv(index=False, lineterminator="\n").encode())
    section = page.Section(
        anchor=name,
        title=f"{kind.title}: students of {runs.dataset} on {evaluation.store.dataset}",
        facts=[
            ("students", f"{len(runs.trained)} confirming repeats, trained on {', '.join(students.label_names)}"),
            ("held out of all training", students.held_out or "nothing"),
            ("images", f"{evaluation.store.dataset}, {runs.data}, fingerprint {evaluation.store.fingerprint}"),
            *(("WARNING", warning) for warning in warnings),
        ],
        sentences=sentences,
        tables=[page.write_table(table, runs, out, pages(runs.tracking_uri)) for table in tables],
        pictures=[page.write_picture(picture, runs.dataset, out) for picture in pictures],
        left_out=[*evaluation.left_out, *command.left_out_note([runs])],
    )
    title = f"{kind.title}: {runs.dataset}"
    return page.write_page(out, title, [("command", typed)], [section], phantom=origins.union(phantom.values()))


def _phantom(subject: Subject, students: Students) -> str:
    """Which parts of a subject are phantoms: everything that a cell rests on, or a bare network itself."""
    if subject.kind == AFTER:
        return origins.of_cells(students.runs.confirm).get(subject.name, "")
    role = "teacher" if subject.kind == TEACHER else "first weights"
    has_phantom = any(teacher.is_phantom for teacher in subject.teachers)
    return origins.union(["images" if students.is_phantom else "", role if has_phantom else ""])


def _knew(subject: Subject, finding: str) -> str:
    """The subject's teachers that were trained on the finding, or on a label that overlaps with it."""
    known = [(teacher.name, classes.seen_as(finding, teacher.label_names)) for teacher in subject.teachers]
    return ", ".join(name + (f" (as {label})" if label != finding else "") for name, label in known if label)


def _warnings(evaluation: Evaluation, students: Students, findings: Sequence[str]) -> list[str]:
    teachers = {teacher.name: teacher for subject in evaluation.subjects for teacher in subject.teachers}
    warnings = []
    for finding in findings:
        if labels := classes.related(finding, students.label_names):
            warnings.append(f"{finding} overlaps with what the students were trained on as {', '.join(labels)}")
        for teacher in teachers.values():
            if label := classes.seen_as(finding, teacher.label_names):
                warnings.append(
                    f"the teacher {teacher.name} was trained on {finding} (its label {label}): what its students show "
                    "of it may be the teacher's knowledge"
                )
    if mixed := [teacher.name for teacher in teachers.values() if teacher.is_phantom and not students.is_phantom]:
        warnings.append(f"the students saw real images, but learned from phantoms: {', '.join(mixed)}")
    design = students.runs.design
    if not design.is_on_one_split:
        warnings.append(
            f"the repeats were trained on {design.parts} that share images: they differ less from each other than "
            "students of other patients would, so that intervals and p are too small"
        )
    salt = students.places.salt_fingerprint()
    overlaps = [overlap(teacher, evaluation.store, salt) for teacher in teachers.values()]
    doubts = [unverifiable(teacher) for teacher in teachers.values()]
    return [*warnings, *filter(None, overlaps), *filter(None, doubts)]
