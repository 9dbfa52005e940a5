"""An evaluation from its request to its page: which students, on which classes, from how many images."""

from __future__ import annotations

from analysis.probes import embeddings, few_shot, new_disease
from analysis.probes.probe_tables import FEW_SHOT, NEW_DISEASE
from analysis.reading.origins import PHANTOM_NOTICE
from analysis.scores import classes
from platform.command_line.external_request import ExternalRequest
from platform.command_line.parsing import typed_again
from platform.command_line.student_requests import (
    EvaluateRequest,
    FewShotRequest,
    NewDiseaseRequest,
    StudentsRequest,
)
from platform.evaluating.conduct_external import conduct_external
from platform.evaluating.evaluation_page import Evaluation, write_evaluation
from platform.evaluating.students import Students, students_of, target_images, with_finding
from platform.sources.results_lock import in_use
from trainables.pasting import command_line


def conduct_evaluation(request: StudentsRequest) -> int:
    """Evaluates, and prints the tables; of classes to be learnt, writes the page too. Returns the exit status.

    Raises:
        FileNotFoundError, LookupError, ValueError, OSError: what is missing or wrong, in one line.
    """
    students = students_of(request)
    if students.is_phantom:
        print(PHANTOM_NOTICE, flush=True)
    with in_use(students.places.results):
        print(_done(students, request))
    return 0


def _done(students: Students, request: StudentsRequest) -> str:
    if isinstance(request, ExternalRequest):
        return conduct_external(students, request)
    if not isinstance(request, EvaluateRequest):
        raise TypeError(f"the request must be for an evaluation, but got a {type(request).__name__}")
    evaluation = _evaluate(students, request)
    target = request.target if isinstance(request, FewShotRequest) else None
    name = f"{request.KIND}-{request.sweep or request.dataset}" + (f"-on-{target}" if target else "")
    out = request.out or students.places.results / "evaluations" / name
    return str(write_evaluation(evaluation, students, out, typed_again(request, f"platform.evaluate {request.KIND}")))


def _evaluate(students: Students, request: EvaluateRequest) -> Evaluation:
    if isinstance(request, FewShotRequest):
        return _few_shot(students, request)
    if isinstance(request, NewDiseaseRequest):
        return _new_disease(students, request)
    raise TypeError(f"the request must be for few shots or a new disease, but got a {type(request).__name__}")


def _few_shot(students: Students, request: FewShotRequest) -> Evaluation:
    if not request.target and not students.held_out:
        raise ValueError(
            f"few-shot needs a class that was never trained on, but the students know all of {request.dataset}: give "
            "the --sweep of a sweep with --hold-out, or another set's classes with --target DATASET"
        )
    if students.held_out and request.target in (None, request.dataset):
        store, _ = with_finding(students, request)
    else:
        store = target_images(request.target or request.dataset, students, request)
    names = classes.unseen(request.findings, store.label_names, students.label_names)
    rows = store.rows("test")
    embedded = embeddings.of_runs(students.runs, students.places.results, students.label_names, store, rows)
    frame, left_out = few_shot.evaluate(
        embedded.subjects, store, names, request.shots, request.episodes, seed=request.seed
    )
    return Evaluation(
        kind=FEW_SHOT, frame=frame, subjects=embedded.subjects, store=store, left_out=[*embedded.left_out, *left_out]
    )


def _new_disease(students: Students, request: NewDiseaseRequest) -> Evaluation:
    if not students.held_out:
        raise ValueError(
            f"a new disease must have been held out of all training, but the sweep {request.sweep} held none out: run "
            + command_line("platform.sweep", request.dataset, "--hold-out", "FINDING")
        )
    whole, held = with_finding(students, request)
    planned = new_disease.plan(new_disease.pool(whole, held), request.n, request.draws, request.seed)
    embedded = embeddings.of_runs(students.runs, students.places.results, students.label_names, whole, planned.rows)
    frame = new_disease.evaluate(embedded.subjects, whole, students.held_out, planned, request.seed)
    left_out = [*embedded.left_out, *planned.left_out]
    return Evaluation(kind=NEW_DISEASE, frame=frame, subjects=embedded.subjects, store=whole, left_out=left_out)
