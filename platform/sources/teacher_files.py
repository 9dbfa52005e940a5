"""A teacher from a file: of a network that somebody trained, or of a published model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platform.command_line.teacher_requests import ImportRequest
from platform.sources.names import check_network
from platform.sources.places import Places
from trainables.pasting import command_line

if TYPE_CHECKING:
    from trainables.teachers.shelf import Teacher

USUAL_ARCHITECTURE = "densenet121"


@dataclass(frozen=True, kw_only=True)
class _File:
    """What was read of a file: weights, facts of `Teacher`, and a report for a person."""

    weights: dict[str, Any]
    facts: dict[str, Any]
    datasets: tuple[str, ...]  # that it was trained on, as far as is known without being told
    report: str


def bring_in(request: ImportRequest) -> str:
    """Stores the network in the request's file as a teacher, and describes it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is refused, or does not match.
    """
    file = _published(request) if request.published else _of_somebody(request)
    from trainables.teachers import shelf  # torch: only once the names are right

    places = Places.under(request.results)
    seen, listed = _seen((*file.datasets, *request.seen), request.training_images, places)
    teacher = shelf.save(
        places.teachers(phantom=False, image_size_px=0),
        file.weights,
        is_phantom=False,
        seen=seen,
        **file.facts,
    )
    return "\n".join(
        [
            file.report,
            *([listed] if listed else []),
            f"teacher {teacher.name}, fingerprint {teacher.fingerprint}",
            *_remarks(teacher),
        ]
    )


def _of_somebody(request: ImportRequest) -> _File:
    architecture = request.architecture or USUAL_ARCHITECTURE
    check_network("teacher", architecture)
    from trainables.teachers.importing import import_network

    num_labels = len(request.labels) if request.labels else None
    imported = import_network(
        request.file, architecture=architecture, num_labels=num_labels, may_differ=request.may_differ
    )
    facts = {
        "name": request.name,
        "architecture": architecture,
        "task": request.task,
        "label_names": tuple(request.labels or _numbered(imported.num_labels)),
        "source": request.source or f"imported from {request.file.name}",
        "trained_on": request.trained_on,
    }
    return _File(weights=imported.weights, facts=facts, datasets=(), report=imported.report())


def _published(request: ImportRequest) -> _File:
    from trainables.teachers.layouts.conversion import TIMM, convert, published_as

    published = published_as(request.published, request.file, request.labels)
    converted = convert(request.file, published)
    facts = {
        "name": request.name or request.published.removeprefix(TIMM),
        "architecture": converted.architecture,
        "task": request.task if converted.num_labels else "",
        "label_names": published.label_names or tuple(_numbered(converted.num_labels)),
        "source": request.source or f"{published.source}, from {request.file.name}",
        "trained_on": request.trained_on or published.trained_on,
        "licence": published.licence,
        "eyes": converted.eyes,
    }
    return _File(weights=converted.weights, facts=facts, datasets=published.datasets, report=converted.report())


def _numbered(num_labels: int) -> Iterable[str]:
    return (f"output {number}" for number in range(1, num_labels + 1))


def _seen(datasets: Iterable[str], training_images: Path | None, places: Places) -> tuple[dict[str, Any], str]:
    """The record of what the teacher has seen, and what its list of images says."""
    patients: dict[str, list[str]] = {name: [] for name in datasets}
    if training_images is None:
        return {"datasets": patients}, ""
    from trainables.data.store import salted_hashes
    from trainables.teachers import image_list

    listed = image_list.read(training_images)
    salt = places.salt()
    patients |= {name: sorted(salted_hashes(sorted(found), salt)) for name, found in listed.patients.items()}
    return {"datasets": patients, "salt": places.salt_fingerprint()}, listed.report()


def _remarks(teacher: Teacher) -> list[str]:
    """What a user has to know before the teacher is used."""
    from trainables.teachers.overlap import sets_seen, unverifiable
    from trainables.transfer import METHODS
    from trainables.transfer.method import needs_shared_labels

    remarks = []
    if teacher.licence:
        remarks.append(f"licence: {teacher.licence}")
    if datasets := sets_seen(teacher.seen):
        remarks.append(f"trained on {', '.join(datasets)}: sweeps that test on their patients are refused")
    elif not teacher.trained_on:
        remarks.append("it is not known what it was trained on: give --seen DATASET, or no overlap can be found")
    if not teacher.label_names:
        able = ", ".join(name for name, method in METHODS.items() if not needs_shared_labels(method))
        probe = command_line("platform.pretrain", "DATASET", "--from", teacher.name, "--head-only")
        remarks.append(
            f"it has no outputs, and teaches by methods that compare none, if its maps suit them: {able}; "
            f"`{probe}` gives it some, for the other methods"
        )
    if doubt := unverifiable(teacher):
        remarks.append(f"WARNING: {doubt}")
    return remarks
