"""The teacher's side of a training: what it knows of a view, and how far the student is from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainables.models.densenet import TAPS, Tap, build
from trainables.models.taps import Taps, Truncated
from trainables.teachers.cache import KnowledgeCache, in_batches
from trainables.teachers.ledger import Teacher
from trainables.transfer import METHODS
from trainables.transfer.method import needs_shared_labels

LOGITS = "logits"


class Guide:
    """A frozen teacher and a method of transfer, for one student.

    Args:
        method: a name in `trainables.transfer.METHODS`.
        student: the student's name, which says where it is tapped.
        teacher: where the knowledge comes from.
        device: where both networks are.
        task: the target's: "multiclass" or "multilabel".
        label_names: the target's, for methods that compare outputs.
        knobs: the method's own.
        seed: draws the first weights of the method's own layers.
        batch_size: how many views the teacher sees at once, always.
        cache: where its answers are kept; None computes them anew each time, with the same outcome.

    Raises:
        ValueError: there is no such method, a network lacks a tap that it wants, or the labels that it needs.
    """

    def __init__(
        self,
        method: str,
        student: str,
        teacher: Teacher,
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
        if teacher.architecture not in TAPS:
            raise ValueError(f"a teacher must be one of {', '.join(TAPS)}, but got {teacher.architecture!r}")
        kind = METHODS[method]
        self._student_taps, self._teacher_taps = TAPS[student], TAPS[teacher.architecture]
        for network_name, roles in ((student, kind.student_roles), (teacher.architecture, kind.teacher_roles)):
            if unknown := sorted({*roles} - {*TAPS[network_name], LOGITS}):
                raise ValueError(
                    f"{method} wants {', '.join(unknown)} of {network_name}, which has {', '.join(TAPS[network_name])}"
                )
        planes = {
            role: (tap.num_planes, self._teacher_taps[role].num_planes)
            for role, tap in self._student_taps.items()
            if role in self._teacher_taps
        }
        # Layers of the method's own are drawn from a generator of their own: the student's weights must not depend on
        # them.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.method = kind(task, planes, **(knobs or {})).to(device)
        self._shared: tuple[list[int], list[int]] | None = None
        if needs_shared_labels(kind):
            self._shared = shared_labels(method, task, label_names, teacher)
        self._batch_size, self._cache = batch_size, cache
        network = build(teacher.architecture, len(teacher.label_names))
        network.load_state_dict(teacher.state_dict())
        # The classifier is the last module of every network here, and its output the logits.
        modules = [self._module(self._teacher_taps, role) for role in kind.teacher_roles]
        self._network = Truncated(network, modules).to(device).to(memory_format=torch.channels_last)

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
        outputs = self._network(views_BCHW)
        by_role = {role: outputs[self._module(self._teacher_taps, role)] for role in self.method.teacher_roles}
        if self._shared is not None:
            by_role[LOGITS] = by_role[LOGITS][:, self._shared[1]]
        with torch.no_grad():
            return self.method.knowledge(by_role)

    def knowledge_of(self, views_BCHW: Tensor, rows_B: NDArray[np.int64], epoch: int) -> Tensor:
        """`knowledge` of the views of the images `rows_B` in `epoch`, from the cache where it holds them."""
        if self._cache is None:
            return in_batches(self.knowledge, views_BCHW, self._batch_size)
        return self._cache.knowledge(epoch, rows_B, views_BCHW, self.knowledge, self._batch_size)

    def loss(self, taps: Taps, logits_BL: Tensor, knowledge: Tensor) -> Tensor:
        """The method's loss, a scalar, from the student's activations and the teacher's knowledge of the same views."""
        by_role = {role: taps[self._student_taps[role].module] for role in self.method.student_roles if role != LOGITS}
        if LOGITS in self.method.student_roles:
            by_role[LOGITS] = logits_BL if self._shared is None else logits_BL[:, self._shared[0]]
        return self.method.loss(by_role, knowledge)

    @staticmethod
    def _module(taps: Mapping[str, Tap], role: str) -> str:
        return "classifier" if role == LOGITS else taps[role].module


def shared_labels(method: str, task: str, label_names: Sequence[str], teacher: Teacher) -> tuple[list[int], list[int]]:
    """Where the labels that both have, by name, stand among the student's outputs and among the teacher's.

    Raises:
        ValueError: they have none in common, or the classes of one softmax are not those of the other.
    """
    here = [name for name in label_names if name in teacher.label_names]
    if task != teacher.task or not here or (task == "multiclass" and set(label_names) != set(teacher.label_names)):
        needed = "all classes" if task == "multiclass" else "labels"
        raise ValueError(
            f"{method} compares outputs, so that teacher and student must have {needed} in common, but the teacher "
            f"{teacher.name} has {_named(teacher.label_names)} and the student {_named(label_names)}"
        )
    return [list(label_names).index(name) for name in here], [teacher.label_names.index(name) for name in here]


def _named(labels: Sequence[str]) -> str:
    return ", ".join(labels[:5]) + (", ..." if len(labels) > 5 else "")
