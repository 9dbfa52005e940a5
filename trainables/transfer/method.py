"""The interface of a way to transfer knowledge. A method is one file in this folder, which the package collects.

A method says which teacher tensors it needs, what of them it keeps (its *knowledge*, a small tensor per view, which is
cached), which student tensors, its loss, and its own knobs. The loop, the cache and the search spaces know only that.

Tensors are named by role: "shallow", "middle", "attention" and "final" are maps [B, C, h, w] and "embedding" is a
vector [B, K] at the networks' declared taps (`trainables.models.network_facts`), and "logits" are the outputs. Student
and teacher may have maps of other sizes, and other numbers of planes. A method that asks for the logits of teacher and
student gets those of the labels that both have; one that asks for the logits of only one of them gets all of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from trainables.beta import BETA_MAX, BETA_MIN
from trainables.knob import Range

METHODS: dict[str, type[Method]] = {}
LOGITS = "logits"  # the role of the outputs; any other is a tap's


class Method(nn.Module):
    """A loss between what a student and a frozen teacher make of the same views; ``L = CE + loss / beta`` (Eq. 2).

    A module, so that a method may have layers of its own, which are trained and saved with the student.
    """

    name: ClassVar[str]
    title: ClassVar[str]  # what people call it, in tables and figures; without one, its name
    reference: ClassVar[str]
    formula: ClassVar[str]
    teacher_roles: ClassVar[tuple[str, ...]]
    student_roles: ClassVar[tuple[str, ...]]
    knobs: ClassVar[Mapping[str, Range]] = {}
    beta: ClassVar[Range] = Range(low=BETA_MIN, high=BETA_MAX, first=100.0, log=True)  # the first is ours
    same_planes: ClassVar[tuple[str, ...]] = ()  # roles where student and teacher must have as many planes
    same_size: ClassVar[tuple[str, ...]] = ()  # roles where their planes must be of one height and width
    averages: ClassVar[bool] = False  # whether the mean of several teachers' knowledge is knowledge: an ensemble's

    def __init_subclass__(cls) -> None:
        """Lists the class under its name.

        Raises:
            ValueError: another class has that name: a copied file must not take its original's place silently.
            TypeError: the class does not say all that a method says.
        """
        super().__init_subclass__()
        if "name" not in cls.__dict__:
            return
        missing = [
            what for what in ("reference", "formula", "teacher_roles", "student_roles") if not hasattr(cls, what)
        ]
        if missing:
            raise TypeError(f"a method must say its {', '.join(missing)}, but {cls.__qualname__} ({cls.name}) does not")
        other = METHODS.get(cls.name, cls)
        if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ValueError(
                f"each method must have a name of its own, but {cls.__module__} has {cls.name!r}, as {other.__module__}"
            )
        METHODS[cls.name] = cls
        if "title" not in cls.__dict__:  # not its parent's: two methods would then be called the same
            cls.title = cls.name[:1].upper() + cls.name[1:]

    def __init__(self, task: str, planes: Mapping[str, tuple[int, int]], **knobs: float) -> None:
        """What a method may need to know.

        Args:
            task: "multiclass" or "multilabel": whether logits go through a softmax or through a sigmoid each.
            planes: by role, the number of planes in the student and in the teacher.
            knobs: values of the method's own knobs; those not given have their first value.

        Raises:
            ValueError: a knob is unknown, or outside its range.
        """
        super().__init__()
        self.task = task
        for name, value in knobs.items():
            if name not in self.knobs:
                raise ValueError(f"{self.name} has the knobs {', '.join(self.knobs) or 'none'}, but got {name!r}")
            knob = self.knobs[name]
            if not knob.low <= value <= knob.high:
                raise ValueError(f"{knob.low:g} <= {name} <= {knob.high:g} must hold, but got {name}={value}")
        self.knob = {name: knobs.get(name, knob.first) for name, knob in self.knobs.items()}

    def knowledge(self, teacher: Mapping[str, Tensor]) -> Tensor:
        """What is kept of the teacher's tensors (by role, without gradient): [B, ...], one row per view.

        It must not depend on the knobs, nor on the other views of the batch: trials with other knobs read it too.
        """
        raise NotImplementedError

    def weights(self, share: float) -> tuple[float, float]:
        """Of the cross-entropy and of the method's loss, when `share` of the epochs (from 0 to below 1) is over."""
        return 1.0, 1.0

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        """A scalar, from the student's tensors (by role) and the knowledge of the same views.

        It changes nothing: what a method remembers of a batch, it remembers in `remember`.
        """
        raise NotImplementedError

    def begin_epoch(self, epoch: int) -> None:
        """Called before the first batch of each epoch, counted from 1: what `remember` kept must be forgotten here.

        Checkpoints are made between epochs and hold the method's parameters and buffers. Nothing else may outlast an
        epoch, or a resumed training would not be the undisturbed one.
        """

    def remember(self, knowledge: Tensor) -> None:
        """Called after `loss`, with the knowledge of the same views: of a batch, or of one of its parts."""


def needs_shared_labels(method: type[Method]) -> bool:
    """Whether the method compares outputs, so that teacher and student must have labels in common."""
    return LOGITS in method.student_roles and LOGITS in method.teacher_roles
