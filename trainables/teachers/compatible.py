"""Whether a teacher can teach a student by a method: labels in common, taps that both have, planes and sizes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch

from trainables.models.architectures import known
from trainables.models.taps import measure
from trainables.models.undrawn import undrawn
from trainables.teachers.shelf import Teacher
from trainables.transfer import METHODS
from trainables.transfer.method import LOGITS, Method, needs_shared_labels


def check_fit(
    method: str,
    task: str,
    label_names: Sequence[str],
    teachers: Sequence[Teacher],
    student: str,
    *,
    image_size_px: int = 0,
) -> tuple[list[int], list[list[int]]] | None:
    """Where the labels that all have, by name, stand among the student's outputs, and among each teacher's.

    None where the method compares no outputs.

    Args:
        image_size_px: the side of the student's images; 0 where it is not known, and sizes are then not compared.

    Raises:
        ValueError: the method takes one teacher and there are several; a network lacks a tap that it wants; it compares
        plane by plane, and there are not as many, or position by position, and there are not as many; or it compares
        outputs, and there is no label in common, or the classes of one softmax are not those of the other.
    """
    kind = METHODS[method]
    if len(teachers) > 1 and not kind.averages:
        able = ", ".join(sorted(name for name, kind in METHODS.items() if kind.averages))
        names = "+".join(teacher.name for teacher in teachers)
        raise ValueError(f"{method} takes one teacher, but got {names}; those that take an ensemble are {able}")
    for teacher in teachers:
        _check_roles(kind, "teacher", teacher.architecture, kind.teacher_roles)
        _check_roles(kind, "student", student, kind.student_roles)
        _check_planes(kind, teacher, student)
        if image_size_px:
            _check_sizes(kind, teacher, student, image_size_px)
    return _columns(method, task, label_names, teachers) if needs_shared_labels(kind) else None


def _columns(
    method: str, task: str, label_names: Sequence[str], teachers: Sequence[Teacher]
) -> tuple[list[int], list[list[int]]]:
    here = shared_labels(task, label_names, teachers)
    if not here:
        wrong = next((teacher for teacher in teachers if not shared_labels(task, label_names, [teacher])), teachers[0])
        needed = "all classes" if task == "multiclass" else "labels"
        raise ValueError(
            f"{method} compares outputs, so teacher and student must have {needed} in common, but the teacher "
            f"{wrong.name} has {named(wrong.label_names)} and the student {named(label_names)}"
        )
    own = [list(label_names).index(name) for name in here]
    return own, [[teacher.label_names.index(name) for name in here] for teacher in teachers]


def shared_labels(task: str, label_names: Sequence[str], teachers: Sequence[Teacher]) -> list[str]:
    """The target's labels that every teacher has an output for, by name, in the target's order.

    There are none where the outputs are not of one kind, or the classes of one softmax are not those of the other.
    """
    for teacher in teachers:
        same_classes = task != "multiclass" or set(label_names) == set(teacher.label_names)
        if task != teacher.task or not same_classes:
            return []
    return [name for name in label_names if all(name in teacher.label_names for teacher in teachers)]


def named(labels: Sequence[str]) -> str:
    """The first of these labels, for a message."""
    return ", ".join(labels[:5]) + (", ..." if len(labels) > 5 else "") or "no outputs"


@cache
def sides(architecture: str, image_size_px: int) -> dict[str, int]:
    """How high the maps of a network are at its taps, by role, for images of that size that nothing resizes."""
    facts = known(architecture)
    maps = {role: tap for role, tap in facts.taps.items() if role != "embedding"}
    with undrawn():
        images = torch.zeros(1, 3, image_size_px, image_size_px)
        passed = measure(facts.make(1).eval(), {role: tap.place for role, tap in maps.items()}, images)
    return {role: maps[role].read(activations).shape[2] for role, activations in passed.items()}


def _check_roles(method: type[Method], whose: str, network: str, roles: Sequence[str]) -> None:
    taps = known(network, whose).taps
    if unknown := sorted({*roles} - {*taps, LOGITS}):
        raise ValueError(
            f"{method.name} wants the {', '.join(unknown)} tap of the {whose} {network}, which has {', '.join(taps)}"
        )


def _check_planes(method: type[Method], teacher: Teacher, student: str) -> None:
    for role in method.same_planes:
        own = known(student).taps[role].num_planes
        others = known(teacher.architecture, "teacher").taps[role].num_planes
        if own != others:
            able = ", ".join(sorted(name for name, kind in METHODS.items() if not kind.same_planes))
            raise ValueError(
                f"{method.name} compares plane by plane, so teacher and student must have equally many at the {role} "
                f"tap, but the teacher {teacher.name} ({teacher.architecture}) has {others} and {student} {own}; "
                f"methods without this rule: {able}"
            )


def _check_sizes(method: type[Method], teacher: Teacher, student: str, image_size_px: int) -> None:
    for role in method.same_size:
        own = sides(student, known(student).eyes.image_size_px or image_size_px)[role]
        others = sides(teacher.architecture, teacher.eyes.image_size_px or image_size_px)[role]
        if own != others:
            able = ", ".join(sorted(name for name, kind in METHODS.items() if not kind.same_size))
            raise ValueError(
                f"{method.name} compares position by position, so the planes of teacher and student must be of one "
                f"size at the {role} tap, but those of the teacher {teacher.name} ({teacher.architecture}) are "
                f"{others} x {others} and those of {student} {own} x {own}, for images of {image_size_px} px; methods "
                f"without this rule: {able}"
            )
