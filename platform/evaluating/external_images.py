"""The other hospital's images: which they are, which labels they share with the students, and who has seen them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.scores.classes import matched
from platform.command_line.external_request import ALL, ExternalRequest
from platform.evaluating.students import Students, prepared
from trainables.data.catalogue import share_patients
from trainables.data.store import Store
from trainables.teachers.overlap import overlap, unverifiable
from trainables.teachers.shelf import Teacher


@dataclass(frozen=True, kw_only=True)
class OtherHospital:
    """The images that are opened, and what both sides call their labels."""

    store: Store
    rows: NDArray[np.int64]
    labels: dict[str, str]  # the students' label -> the target's
    remarks: tuple[str, ...]  # which patients may have been seen in training, where that is allowed or unknown


def hospital_of(
    students: Students, home: Store | None, task: str, teachers: Sequence[Teacher], request: ExternalRequest
) -> OtherHospital:
    """The images of --target.

    Args:
        home: the students' own images; None where they are gone.
        task: the students'.
        teachers: that taught them, or gave them their first weights.

    Raises:
        ValueError: the target is the students' own set, is phantom where they are real or the other way round, has no
            label in common with them, or holds patients who were seen in training.
    """
    if share_patients(students.runs.dataset, request.target):
        raise ValueError(
            f"the target must be another hospital's, but {request.target} has the patients of "
            f"{students.runs.dataset}, which the students were trained on"
        )
    store = prepared(request.target, students, request)
    labels = shared_labels(students.label_names, task, store, dict(request.same))
    rows = np.arange(store.num_images) if request.part == ALL else store.rows("test")
    seen = [text for text in [_trained_on(home, store, rows), *_taught(teachers, students, store, request)] if text]
    if seen and not request.allow_overlap:
        raise ValueError(
            f"nobody may have seen the other hospital's patients in training, but {'; '.join(seen)}; --allow-overlap "
            "runs anyway, and the report says so"
        )
    doubts = [text for teacher in teachers if (text := unverifiable(teacher))]
    return OtherHospital(store=store, rows=rows, labels=labels, remarks=(*seen, *doubts))


def shared_labels(own_names: Sequence[str], task: str, store: Store, declared: dict[str, str]) -> dict[str, str]:
    """The labels that both have: the students' -> the target's.

    Raises:
        ValueError: there is none; or, where a class excludes the others, some are not shared.
    """
    labels = matched(own_names, store.label_names, declared)
    own, other = ", ".join(own_names), ", ".join(store.label_names)
    if task != store.task:
        raise ValueError(f"the target must be {task}, as the students are, but {store.dataset} is {store.task}")
    if not labels:
        raise ValueError(
            f"the target must share a label with the students, but {store.dataset} has {other}, and they know {own}; "
            "say which are the same with --same TARGETLABEL=LABEL"
        )
    if store.task == "multiclass" and not len(labels) == len(own_names) == len(store.label_names):
        raise ValueError(
            f"the target must have exactly the students' classes, since one excludes the others, but {store.dataset} "
            f"has {other}, and they know {own}; say which are the same with --same TARGETLABEL=LABEL"
        )
    return labels


def relabelled(store: Store, labels: dict[str, str]) -> Store:
    """The same images with these labels alone, in this order and under their new names: new -> the store's own."""
    places = [store.label_names.index(name) for name in labels.values()]
    other = copy.copy(store)
    other.label_names = tuple(labels)
    if store.task == "multiclass":  # the store has the number of the class
        other.labels = np.argsort(places)[store.labels].astype(store.labels.dtype)
    else:
        other.labels = store.labels[:, places]
    return other


def _trained_on(home: Store | None, store: Store, rows: NDArray[np.int64]) -> str:
    """Which of the target's patients have the id of one that the students were trained or selected on."""
    if home is None:
        return ""
    used = home.patient[home.split != "test"]
    known = np.unique(store.patient[rows])
    num_shared = int(np.isin(known, used).sum())
    if not num_shared:
        return ""
    return (
        f"{num_shared} of {len(known)} patients of {store.dataset} have an id that stands among those the students "
        "were trained or selected on (if the two hospitals number their patients apart, that is a coincidence)"
    )


def _taught(teachers: Sequence[Teacher], students: Students, store: Store, request: ExternalRequest) -> list[str]:
    salt = students.places.salt_fingerprint()
    return [overlap(teacher, store, salt, any_is_tested=request.part == ALL) for teacher in teachers]
