"""Another hospital: what each confirmed student and each teacher answers to its images, opened once and recorded.

A run that has its answers keeps them. So an evaluation that was interrupted is resumed, and of a sweep that has grown
the new repeats alone are asked.
"""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
from mlflow.tracking import MlflowClient

from analysis.reading import artifacts, other_hospital
from analysis.reading.other_hospital import Opened
from analysis.reading.trials import Runs
from platform.command_line.external_request import ExternalRequest
from platform.evaluating.answering import Answering, task_of
from platform.evaluating.external_images import OtherHospital, hospital_of
from platform.evaluating.students import Students
from platform.predicting.conduct_prediction import device_of
from platform.tracking.adopting import check_place
from trainables.cell import ITSELF, members
from trainables.pasting import command_line
from trainables.steps import steps
from trainables.teachers.shelf import Teacher


def conduct_external(students: Students, request: ExternalRequest) -> str:
    """Asks whom the record has no answers of; returns what was done and how to see it, in words.

    Raises:
        ValueError: as `hospital_of`; or the sweep has opened other images of that name, or with other labels.
        LookupError: no student has its weights.
    """
    check_place(students.places)
    runs, results = students.runs, students.places.results
    home = artifacts.store_of(results, runs.data_fingerprint)
    task = task_of(runs, home)
    teachers = artifacts.teachers_of(runs, results)
    hospital = hospital_of(students, home, task, teachers, request)
    alone = _not_scored(runs, teachers, hospital, students.label_names, task)
    record = _record(hospital, request, [teacher.name for teacher in alone])
    _check_once(runs, record)
    client = MlflowClient(runs.tracking_uri)
    answering = Answering(
        runs=runs, results=results, home=home, task=task, label_names=students.label_names, hospital=hospital,
        device=device_of(request.device),
    )  # fmt: skip
    _note(client, runs, record)
    num_asked, missing = _ask(client, answering, request.target)
    for teacher in alone:
        _ask_teacher(client, answering, teacher, request.target)
    if not num_asked and missing:
        raise LookupError(f"no student of {runs.dataset} has its weights: {'; '.join(missing)}")
    return "\n".join(_told(students, record, num_asked, missing))


def _record(hospital: OtherHospital, request: ExternalRequest, alone: Sequence[str]) -> Opened:
    store, rows = hospital.store, hospital.rows
    return Opened(
        target=request.target,
        data="phantom" if store.is_phantom else "real",
        fingerprint=store.fingerprint,
        part=request.part,
        labels=hospital.labels,
        num_images=len(rows),
        num_patients=len(set(store.patient[rows])),
        opened=datetime.datetime.now(datetime.UTC).date().isoformat(),
        remarks=hospital.remarks,
        teachers=tuple(alone),
    )


def _check_once(runs: Runs, record: Opened) -> None:
    """Refuses a second opening with other images, another part of them or other labels.

    Raises:
        ValueError: it would be one; the message says what differs.
    """
    for earlier in other_hospital.opened(runs.sweeps).get(record.target, []):
        if differs := earlier.differs(record):
            raise ValueError(
                f"a sweep opens another hospital's images once, and has opened {record.target} on {earlier.opened} "
                f"with others ({differs}): give --data, --split, --part and --same as then, or, for a table of your "
                "own that was corrected, prepare it under another name, which is then a second target"
            )


def _note(client: MlflowClient, runs: Runs, record: Opened) -> None:
    """Notes in each sweep that the images are opened, before any is: the day stays that of the first time."""
    for _, parent in runs.sweeps.iterrows():
        (earlier, *_) = other_hospital.opened(parent.to_frame().T).get(record.target, [record])
        both = tuple(dict.fromkeys([*earlier.teachers, *record.teachers]))
        remarks = tuple(dict.fromkeys([*earlier.remarks, *record.remarks]))
        noted = replace(record, opened=earlier.opened, teachers=both, remarks=remarks)
        client.set_tag(str(parent["run_id"]), record.tag, noted.text)


def _ask(client: MlflowClient, answering: Answering, target: str) -> tuple[int, list[str]]:
    """Asks every confirmed repeat that has no answers yet; how many there were, and who could not be asked."""
    runs, name = answering.runs, other_hospital.file_of(target)
    shown = runs.confirm[runs.confirm["tags.data_fingerprint"] == runs.data_fingerprint]
    others = sorted(set(runs.confirm["tags.cell"]) - set(shown["tags.cell"]))
    missing = [f"{cell}: it was trained on images of another size" for cell in others]
    waiting = [run for _, run in shown.iterrows() if artifacts.of_run(runs.tracking_uri, run, name) is None]
    num_asked = 0
    with steps(f"answers to {target}", len(waiting), "run") as advance:
        for run in waiting:
            frame = answering.of_run(run)
            if frame is None:
                missing.append(f"{run['tags.cell']}, seed {int(run['params.seed'])}: its weights are missing")
            else:
                _keep(client, str(run["run_id"]), frame, name)
                num_asked += 1
            advance()
    return num_asked, missing


def _not_scored(
    runs: Runs, teachers: Sequence[Teacher], hospital: OtherHospital, label_names: Sequence[str], task: str
) -> list[Teacher]:
    """The teachers with outputs for shared labels that no cell scores itself."""
    taught = {name for names in runs.confirm["params.teacher"].dropna() for name in members(str(names))}
    scored = set(runs.confirm.loc[runs.confirm["params.method"] == ITSELF, "params.teacher"])
    candidates = [teacher for teacher in teachers if teacher.name in taught - scored]
    return [teacher for teacher in candidates if Answering.columns_of(teacher, hospital, label_names, task)]


def _ask_teacher(client: MlflowClient, answering: Answering, teacher: Teacher, target: str) -> None:
    name = other_hospital.file_of_teacher(target, teacher.name)
    newest = answering.runs.sweeps.iloc[-1]
    if artifacts.of_run(answering.runs.tracking_uri, newest, name) is None:
        _keep(client, str(newest["run_id"]), answering.of_teacher(teacher), name)


def _keep(client: MlflowClient, run_id: str, frame: pd.DataFrame, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / Path(name).name
        frame.to_parquet(path, index=False)
        client.log_artifact(run_id, str(path), Path(name).parent.as_posix())


def _told(students: Students, record: Opened, num_asked: int, missing: Sequence[str]) -> list[str]:
    runs = students.runs
    pairs = ", ".join(own if own == other else f"{own} ({other} there)" for own, other in record.labels.items())
    sweep = runs.sweeps["tags.sweep"].iloc[-1]
    report = command_line("analysis.report", runs.dataset, *students.places.options, "--sweep", str(sweep))
    return [
        f"{record.target}: {record.num_images} {record.data} images of {record.num_patients} patients, fingerprint "
        f"{record.fingerprint}; shared labels: {pairs}",
        f"repeats that were asked now: {num_asked} of {len(runs.confirm)}"
        + "; the others had answered already, or could not be asked" * (num_asked < len(runs.confirm)),
        *(f"left out: {text}" for text in missing),
        *(f"WARNING: {text}" for text in record.remarks),
        f"The chapter *Another hospital* of the report\n  {report}",
    ]
