"""An evaluation from its request to its page: which students, on which images, and what they may have seen of them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import pandas as pd

from analysis.pages import page
from analysis.probes import embeddings, few_shot, new_disease, probe_tables
from analysis.probes.embeddings import Subject
from analysis.probes.networks import AFTER, TEACHER
from analysis.probes.probe_tables import FEW_SHOT, NEW_DISEASE, Kind
from analysis.reading import artifacts, origins
from analysis.reading.origins import PHANTOM_NOTICE
from analysis.reading.tracking_uri import default as default_uri
from analysis.reading.tracking_uri import pages
from analysis.reading.trials import Runs, runs
from analysis.scores import classes
from analysis.tables import command
from analysis.tables.rendering import text
from platform.command_line.parsing import typed_again
from platform.command_line.student_requests import EvaluateRequest, FewShotRequest, NewDiseaseRequest
from platform.sources.images import listing_of, store_of
from platform.sources.places import Places
from trainables.atomic import write_bytes
from trainables.data.store import Store
from trainables.pasting import command_line
from trainables.teachers.overlap import overlap, unverifiable


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """The students that are evaluated."""

    found: Runs
    label_names: tuple[str, ...]  # what they were trained on
    held_out: str  # "" for nothing
    image_size_px: int
    places: Places

    @property
    def is_phantom(self) -> bool:
        """Whether they were trained on synthetic images."""
        return self.found.data == "phantom"


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What an evaluation found."""

    kind: Kind
    frame: pd.DataFrame
    subjects: tuple[Subject, ...]
    store: Store  # what was judged on
    left_out: list[str]


def conduct_evaluation(request: EvaluateRequest) -> int:
    """Evaluates, writes the page and prints the tables. Returns the exit status.

    Raises:
        FileNotFoundError, LookupError, ValueError, OSError: what is missing or wrong, in one line.
    """
    uri = request.tracking_uri or default_uri(request.results)
    results = request.results or artifacts.results_folder(uri) or Path("results")
    sweep = _sweep(uri, results, request)
    if sweep.is_phantom:
        print(PHANTOM_NOTICE, flush=True)
    made = _evaluate(sweep, request)
    target = request.target if isinstance(request, FewShotRequest) else None
    name = f"{request.KIND}-{request.sweep or request.dataset}" + (f"-on-{target}" if target else "")
    out = request.out or sweep.places.results / "evaluations" / name
    print(_write(made, sweep, out, typed_again(request, f"platform.evaluate {request.KIND}")))
    return 0


def _sweep(uri: str, results: Path, request: EvaluateRequest) -> Sweep:
    found = runs(uri, request.dataset, request.sweep)
    if found.confirm.empty:
        reasons = "".join(f"; {note}" for note in command.left_out_note([found]))
        raise LookupError(f"no finished confirming repeat of {request.dataset} in {uri}{reasons}")
    parent = found.sweeps.reindex(columns=["tags.label_names", "tags.held_out"]).iloc[-1].fillna("")
    if not parent["tags.label_names"]:
        raise LookupError(f"the sweep must say what it was trained on, but {uri} has no tag label_names of it")
    return Sweep(
        found=found,
        label_names=tuple(json.loads(parent["tags.label_names"])),
        held_out=str(parent["tags.held_out"]),
        image_size_px=int(found.confirm["params.image_size_px"].iloc[0]),
        places=Places.under(results),
    )


def _evaluate(sweep: Sweep, request: EvaluateRequest) -> Findings:
    if isinstance(request, FewShotRequest):
        return _few_shot(sweep, request)
    if isinstance(request, NewDiseaseRequest):
        return _new_disease(sweep, request)
    raise TypeError(f"an evaluation must be one of those that exist, but got a {type(request).__name__}")


def _few_shot(sweep: Sweep, request: FewShotRequest) -> Findings:
    if not request.target and not sweep.held_out:
        raise ValueError(
            f"few-shot needs a class that was never trained on, but the students know all of {request.dataset}: give "
            "the --sweep of a sweep with --hold-out, or another set's classes with --target DATASET"
        )
    own = request.target in (None, request.dataset) and bool(sweep.held_out)
    store = _whole(sweep, request)[0] if own else _other(request.target or request.dataset, sweep, request)
    findings = classes.unseen(request.findings, store.label_names, sweep.label_names)
    found = embeddings.of_runs(sweep.found, sweep.places.results, sweep.label_names, store, store.rows("test"))
    frame, left_out = few_shot.evaluate(
        found.subjects, store, findings, request.shots, request.episodes, seed=request.seed
    )
    return Findings(
        kind=FEW_SHOT, frame=frame, subjects=found.subjects, store=store, left_out=[*found.left_out, *left_out]
    )


def _new_disease(sweep: Sweep, request: NewDiseaseRequest) -> Findings:
    if not sweep.held_out:
        raise ValueError(
            f"a new disease is one that all training went without, but the sweep {request.sweep} held none out: run "
            + command_line("platform.sweep", request.dataset, "--hold-out", "FINDING")
        )
    whole, held = _whole(sweep, request)
    planned = new_disease.plan(new_disease.pool(whole, held), request.n, request.draws, request.seed)
    found = embeddings.of_runs(sweep.found, sweep.places.results, sweep.label_names, whole, planned.rows)
    frame = new_disease.evaluate(found.subjects, whole, sweep.held_out, planned, request.seed)
    left_out = [*found.left_out, *planned.left_out]
    return Findings(kind=NEW_DISEASE, frame=frame, subjects=found.subjects, store=whole, left_out=left_out)


def _whole(sweep: Sweep, request: EvaluateRequest) -> tuple[Store, Store]:
    """The images with the finding, prepared now where they are not there, and those of the sweep."""
    results, fingerprint = sweep.places.results, str(sweep.found.confirm["tags.data_fingerprint"].iloc[0])
    held = artifacts.store_of(results, fingerprint)
    if held is None:
        raise LookupError(f"no prepared data of these runs in {results}; --results must say where the sweep's lies")
    whole = artifacts.whole_of(results, held) or _prepared(request.dataset, sweep, request)
    if not artifacts.is_whole_of(whole, held):
        raise ValueError(
            f"the images must be those that the sweep held {sweep.held_out} out of, but {whole.path} holds others: "
            "give the sweep's own --data, --phantom-size, --split, --validation-share and --skip-unreadable"
        )
    return whole, held


def _other(dataset: str, sweep: Sweep, request: EvaluateRequest) -> Store:
    """The images of --target, which are synthetic where the students' own were, and only there."""
    store = _prepared(dataset, sweep, request)
    if store.task != "multilabel":
        raise ValueError(f"the target must have findings that can stand together, but {store.dataset} is {store.task}")
    return store


def _prepared(dataset: str, sweep: Sweep, request: EvaluateRequest) -> Store:
    if not (sweep.is_phantom or request.data or sweep.places.own_dataset(dataset).is_file()):
        raise ValueError(
            f"the students were trained on real images, and those of {dataset} are not prepared: --data DIR must say "
            "where they lie"
        )
    listing = listing_of(dataset, request.data, sweep.places, request.phantom_size)
    if listing.is_phantom != sweep.is_phantom:
        raise ValueError(
            f"phantom and real never meet in one table, but the students are {sweep.found.data} and {listing.root} is "
            f"{'phantom' if listing.is_phantom else 'real'}"
        )
    return store_of(
        listing,
        sweep.places,
        sweep.image_size_px,
        skip_unreadable=request.skip_unreadable,
        split=request.split,
        validation_share=request.validation_share,
    )


def _write(made: Findings, sweep: Sweep, out: Path, typed: str) -> Path:
    """The page, each table as Markdown, LaTeX and CSV, each figure as PNG and SVG; equal runs give equal bytes."""
    found, kind, name = sweep.found, made.kind, made.kind.name
    findings = list(dict.fromkeys(made.frame["finding"]))
    phantom = {subject.name: _phantom(subject, sweep) for subject in made.subjects}
    frame = made.frame.assign(phantom=made.frame["subject"].map(phantom))
    tables, pictures = [], []
    for finding in findings:
        knew = {subject.name: _knew(subject, finding) for subject in made.subjects}
        tables.append(probe_tables.table(frame, kind, finding, made.store.dataset, knew=knew, data=found.data))
        pictures.append(probe_tables.picture(frame, kind, finding, made.store.dataset))
    warnings = _warnings(made, sweep, findings)
    for table in tables:
        print(text(table) + "\n")
    sentences = probe_tables.sentences(frame, kind)
    for line in (*sentences, *(f"WARNING: {each}" for each in warnings), *(f"left out: {e}" for e in made.left_out)):
        print(line)
    write_bytes(out / f"{name}.csv", frame.assign(data=found.data).to_csv(index=False, lineterminator="\n").encode())
    section = page.Section(
        anchor=name,
        title=f"{kind.title}: students of {found.dataset} on {made.store.dataset}",
        facts=[
            ("students", f"{len(found.trained)} confirming repeats, trained on {', '.join(sweep.label_names)}"),
            ("held out of all training", sweep.held_out or "nothing"),
            ("images", f"{made.store.dataset}, {found.data}, fingerprint {made.store.fingerprint}"),
            *(("WARNING", each) for each in warnings),
        ],
        sentences=sentences,
        tables=[page.write_table(table, found, out, pages(found.tracking_uri)) for table in tables],
        pictures=[page.write_picture(picture, found.dataset, out) for picture in pictures],
        left_out=[*made.left_out, *command.left_out_note([found])],
    )
    said = f"{kind.title}: {found.dataset}"
    return page.write_page(out, said, [("command", typed)], [section], phantom=origins.union(phantom.values()))


def _phantom(subject: Subject, sweep: Sweep) -> str:
    """Which parts of a subject are phantoms: of a cell all that it rests on, else what it is itself."""
    if subject.kind == AFTER:
        return origins.of_cells(sweep.found.confirm).get(subject.name, "")
    role = "teacher" if subject.kind == TEACHER else "first weights"
    has_phantom = any(teacher.is_phantom for teacher in subject.teachers)
    return origins.union(["images" if sweep.is_phantom else "", role if has_phantom else ""])


def _knew(subject: Subject, finding: str) -> str:
    """The teachers of a subject that were trained on the finding, or on a label that overlaps with it."""
    known = [(each.name, classes.seen_as(finding, each.label_names)) for each in subject.teachers]
    return ", ".join(name + (f" (as {label})" if label != finding else "") for name, label in known if label)


def _warnings(made: Findings, sweep: Sweep, findings: Sequence[str]) -> list[str]:
    teachers = {teacher.name: teacher for subject in made.subjects for teacher in subject.teachers}
    said = []
    for finding in findings:
        if labels := classes.related(finding, sweep.label_names):
            said.append(f"{finding} overlaps with what the students were trained on as {', '.join(labels)}")
        for teacher in teachers.values():
            if label := classes.seen_as(finding, teacher.label_names):
                said.append(
                    f"the teacher {teacher.name} was trained on {finding} (its label {label}): what its students show "
                    "of it may be the teacher's knowledge"
                )
    if mixed := [teacher.name for teacher in teachers.values() if teacher.is_phantom and not sweep.is_phantom]:
        said.append(f"the students saw real images, but learned from phantoms: {', '.join(mixed)}")
    salt = sweep.places.salt_fingerprint()
    said += [told for teacher in teachers.values() if (told := overlap(teacher, made.store, salt))]
    return said + [told for teacher in teachers.values() if (told := unverifiable(teacher))]
