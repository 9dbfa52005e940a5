"""The teacher's side of a training: what it knows of a view, and how far the student is from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainables.models.architectures import known
from trainables.models.taps import VECTOR, Tap, Truncated
from trainables.teachers.cache import KnowledgeCache, in_batches
from trainables.teachers.compatible import check_fit
from trainables.teachers.shelf import Teacher
from trainables.timing import Stopwatch
from trainables.transfer import METHODS
from trainables.transfer.method import LOGITS


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
        beside: of another student of the same kind, with the same teacher and method: its networks and its cache serve
            for both.

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
        beside: Guide | None = None,
    ) -> None:
        if method not in METHODS:
            raise ValueError(f"the method must be one of transfer, {', '.join(METHODS)}, but got {method!r}")
        kind, teachers = METHODS[method], [teacher] if isinstance(teacher, Teacher) else list(teacher)
        shared = check_fit(method, task, label_names, teachers, student)
        self._student_taps, of_teacher = known(student).taps, known(teachers[0].architecture).taps
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
        self._cache: KnowledgeCache | None = beside._cache if beside else cache
        self._stopwatch: Stopwatch = beside._stopwatch if beside else Stopwatch(device)
        self._batch_size = batch_size
        self._num_asked = self._num_read = 0  # views since `take_work`
        columns = shared[1] if shared else [None] * len(teachers)
        self.members: list[_Member] = beside.members if beside else []
        for each, own in [] if beside else zip(teachers, columns, strict=True):
            self.members.append(_Member(each, kind.teacher_roles, own, device))

    @property
    def student_taps(self) -> tuple[str, ...]:
        """Where the student is tapped."""
        roles = [role for role in self.method.student_roles if role != LOGITS]
        return tuple(self._student_taps[role].place for role in roles)

    def parameters(self) -> list[nn.Parameter]:
        """Those of the method's own layers, which are trained with the student."""
        return list(self.method.parameters())

    def knowledge(self, views_BCHW: Tensor) -> Tensor:
        """What the teacher knows of each view, without gradient; for attention its unit planes [B, 32, H/32, W/32]."""
        with torch.no_grad(), self._stopwatch.running():
            answers = [self.method.knowledge(member.outputs(views_BCHW)) for member in self.members]
            return answers[0] if len(answers) == 1 else torch.stack(answers).mean(dim=0)

    def knowledge_of(self, views_BCHW: Tensor, rows_B: NDArray[np.int64], epoch: int) -> Tensor:
        """`knowledge` of the views of the images `rows_B` in `epoch`, from the cache where it holds them."""
        self._num_asked += len(rows_B)
        if self._cache is None:
            return in_batches(self.knowledge, views_BCHW, self._batch_size)
        num_read = self._cache.num_read
        knowledge = self._cache.knowledge(epoch, rows_B, views_BCHW, self.knowledge, self._batch_size)
        self._num_read += self._cache.num_read - num_read
        return knowledge

    def take_work(self) -> dict[str, float]:
        """What the teacher has done since the last call of this, for `trainables.meter`.

        ``cost_teacher_views`` were answered in ``cost_teacher_s``, and ``cost_cached_views`` read from the cache.
        """
        asked, read, self._num_asked, self._num_read = self._num_asked, self._num_read, 0, 0
        return {
            "cost_teacher_views": float(asked - read),
            "cost_cached_views": float(read),
            "cost_teacher_s": self._stopwatch.take_seconds(),
        }

    def begin_epoch(self, epoch: int) -> None:
        """To be called before the first batch of each epoch, counted from 1."""
        self.method.begin_epoch(epoch)

    def remember(self, knowledge: Tensor) -> None:
        """To be called after `loss` of the same views: a method with a queue compares later ones with them."""
        self.method.remember(knowledge)

    def loss(self, taps: Mapping[str, Tensor], logits_BL: Tensor, knowledge: Tensor) -> Tensor:
        """The method's loss, a scalar, from the student's activations and the teacher's knowledge of the same views."""
        by_role = {
            role: self._student_taps[role].read(taps[self._student_taps[role].place]).float()  # not in bfloat16
            for role in self.method.student_roles
            if role != LOGITS
        }
        if LOGITS in self.method.student_roles:
            by_role[LOGITS] = logits_BL if self._own_columns is None else logits_BL[:, self._own_columns]
        return self.method.loss(by_role, knowledge)


class _Member:
    """One frozen teacher, which gives its tensors by role."""

    def __init__(self, teacher: Teacher, roles: Sequence[str], columns: list[int] | None, device: torch.device) -> None:
        facts = known(teacher.architecture)
        logits = Tap(facts.output, len(teacher.label_names), VECTOR)
        self._taps = {role: logits if role == LOGITS else facts.taps[role] for role in roles}
        self._columns = columns
        places = [tap.place for tap in self._taps.values()]
        self.network = Truncated(teacher.network(), places).to(device).to(memory_format=torch.channels_last)

    def outputs(self, views_BCHW: Tensor) -> dict[str, Tensor]:
        """The tensors that the method wants, its logits in the order of the labels that all share."""
        taps = self.network(views_BCHW)
        by_role = {role: tap.read(taps[tap.place]) for role, tap in self._taps.items()}
        if self._columns is not None:
            by_role[LOGITS] = by_role[LOGITS][:, self._columns]
        return by_role
