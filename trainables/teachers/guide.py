"""The teacher's side of a training: what it knows of a view, and how far the student is from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainables.models.architectures import ARCHITECTURES, TAPS, known, restored
from trainables.models.taps import Truncated
from trainables.teachers.cache import KnowledgeCache, in_batches
from trainables.teachers.shelf import Teacher
from trainables.transfer import METHODS
from trainables.transfer.method import needs_shared_labels

LOGITS = "logits"


class Guide:
    """A frozen teacher and a method of transfer, for one student.

    Args:
        method: a name in `trainables.transfer.METHODS`.
        student: the student's name, which says where it is tapped.
        teacher: where the knowledge comes from; several are an ensemble, whose mean it is.
        device: where both networks are.
        task: the target's: "multiclass" or "multilabel".
        label_names: the target's, for methods that compare outputs.
        knobs: the method's own.
        seed: draws the first weights of the method's own layers.
        batch_size: how many views the teacher sees at once, always.
        cache: where its answers are kept; None computes them again each time, with the same outcome.

    Raises:
        ValueError: there is no such method, a network lacks a tap that it wants, or the labels that it needs.
    """

    def __init__(
        self,
        method: str,
        student: str,
        teacher: Teacher | Sequence[Teacher],
        device: torch.device,
        *,
        task: str = "multilabel",
        label_names: Sequence[str] = (),
        knobs: Mapping[str, float] | None = None,
        seed: int = 0,
        batch_size: int = 32,
        cache: KnowledgeCache | None = None,
    ) -> None:
        if method not in METHODS:
            raise ValueError(f"the method must be one of transfer, {', '.join(METHODS)}, but got {method!r}")
        kind, teachers = METHODS[method], [teacher] if isinstance(teacher, Teacher) else list(teacher)
        for each in teachers:
            known(each.architecture, "teacher")
            _check_roles(method, each.architecture, kind.teacher_roles)
        _check_roles(method, student, kind.student_roles)
        shared = check_fit(method, task, label_names, teachers, student)
        self._student_taps, of_teacher = TAPS[student], TAPS[teachers[0].architecture]
        planes = {
            role: (tap.num_planes, of_teacher[role].num_planes)
            for role, tap in self._student_taps.items()
            if role in of_teacher
        }
        # Layers of the method's own are drawn from a generator of their own: the student's weights must not depend on
        # them.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.method = kind(task, planes, **(knobs or {})).to(device)
        self._own_columns = shared[0] if shared else None
        self._batch_size, self._cache = batch_size, cache
        columns = shared[1] if shared else [None] * len(teachers)
        self.members = [
            _Member(each, kind.teacher_roles, own, device) for each, own in zip(teachers, columns, strict=True)
        ]

    @property
    def student_taps(self) -> tuple[str, ...]:
        """Where the student is tapped."""
        roles = [role for role in self.method.student_roles if role != LOGITS]
        return tuple(self._student_taps[role].module for role in roles)

    def parameters(self) -> list[nn.Parameter]:
        """Those of the method's own layers, which are trained with the student."""
        return list(self.method.parameters())

    def knowledge(self, views_BCHW: Tensor) -> Tensor:
        """What the teacher knows of each view, without gradient; for attention its unit planes [B, 32, H/32, W/32]."""
        with torch.no_grad():
            answers = [self.method.knowledge(member.outputs(views_BCHW)) for member in self.members]
            return answers[0] if len(answers) == 1 else torch.stack(answers).mean(dim=0)

    def knowledge_of(self, views_BCHW: Tensor, rows_B: NDArray[np.int64], epoch: int) -> Tensor:
        """`knowledge` of the views of the images `rows_B` in `epoch`, from the cache where it holds them."""
        if self._cache is None:
            return in_batches(self.knowledge, views_BCHW, self._batch_size)
        return self._cache.knowledge(epoch, rows_B, views_BCHW, self.knowledge, self._batch_size)

    def begin_epoch(self, epoch: int) -> None:
        """To be called before the first batch of each epoch, counted from 1."""
        self.method.begin_epoch(epoch)

    def remember(self, knowledge: Tensor) -> None:
        """To be called after `loss` of the same views: a method with a queue compares later ones with them."""
        self.method.remember(knowledge)

    def loss(self, taps: Mapping[str, Tensor], logits_BL: Tensor, knowledge: Tensor) -> Tensor:
        """The method's loss, a scalar, from the student's activations and the teacher's knowledge of the same views."""
        by_role = {
            role: taps[self._student_taps[role].module].float()  # where the student's layers compute in bfloat16
            for role in self.method.student_roles
            if role != LOGITS
        }
        if LOGITS in self.method.student_roles:
            by_role[LOGITS] = logits_BL if self._own_columns is None else logits_BL[:, self._own_columns]
        return self.method.loss(by_role, knowledge)


class _Member:
    """One frozen teacher, which gives its tensors by role."""

    def __init__(self, teacher: Teacher, roles: Sequence[str], columns: list[int] | None, device: torch.device) -> None:
        taps = TAPS[teacher.architecture]
        output = ARCHITECTURES[teacher.architecture].output
        self._modules = {role: output if role == LOGITS else taps[role].module for role in roles}
        self._columns = columns
        network = restored(teacher.architecture, len(teacher.label_names), teacher.state_dict())
        self.network = Truncated(network, self._modules.values()).to(device).to(memory_format=torch.channels_last)

    def outputs(self, views_BCHW: Tensor) -> dict[str, Tensor]:
        """The tensors that the method wants, its logits in the order of the labels that all share."""
        taps = self.network(views_BCHW)
        by_role = {role: taps[module] for role, module in self._modules.items()}
        if self._columns is not None:
            by_role[LOGITS] = by_role[LOGITS][:, self._columns]
        return by_role


def check_fit(
    method: str, task: str, label_names: Sequence[str], teachers: Sequence[Teacher], student: str
) -> tuple[list[int], list[list[int]]] | None:
    """Where the labels that all have, by name, stand among the student's outputs, and among each teacher's.

    None where the method compares no outputs.

    Raises:
        ValueError: the method takes one teacher and there are several; or it compares plane by plane, and there are not
        as many; or it compares outputs, and there is no label in common, or the classes of one softmax are not those of
        the other.
    """
    if len(teachers) > 1 and not METHODS[method].averages:
        able = ", ".join(sorted(name for name, kind in METHODS.items() if kind.averages))
        names = "+".join(teacher.name for teacher in teachers)
        raise ValueError(f"{method} takes one teacher, but got {names}; those that take an ensemble are {able}")
    for teacher in teachers:
        _check_planes(method, teacher, student)
    if not needs_shared_labels(METHODS[method]):
        return None
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

    None where the outputs are not of one kind, or the classes of one softmax are not those of the other.
    """
    for teacher in teachers:
        same_classes = task != "multiclass" or set(label_names) == set(teacher.label_names)
        if task != teacher.task or not same_classes:
            return []
    return [name for name in label_names if all(name in teacher.label_names for teacher in teachers)]


def _check_planes(method: str, teacher: Teacher, student: str) -> None:
    """All taps of one role have the same size in every network here; the planes may be more or fewer."""
    known(teacher.architecture, "teacher")
    known(student)
    for role in METHODS[method].same_planes:
        own, others = TAPS[student][role].num_planes, TAPS[teacher.architecture][role].num_planes
        if own != others:
            able = ", ".join(sorted(name for name, kind in METHODS.items() if not kind.same_planes))
            raise ValueError(
                f"{method} compares plane by plane, so teacher and student must have equally many at the {role} tap, "
                f"but the teacher {teacher.name} ({teacher.architecture}) has {others} and {student} {own}; "
                f"methods without this rule: {able}"
            )


def _check_roles(method: str, network: str, roles: Sequence[str]) -> None:
    if unknown := sorted({*roles} - {*TAPS[network], LOGITS}):
        raise ValueError(f"{method} wants {', '.join(unknown)} of {network}, which has {', '.join(TAPS[network])}")


def named(labels: Sequence[str]) -> str:
    """The first of these labels, for a message."""
    return ", ".join(labels[:5]) + (", ..." if len(labels) > 5 else "")
