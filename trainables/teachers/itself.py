"""A control: the teacher's own score on the target, without any training.

Its outputs are scored as a student's are. They are matched by the label's name, as in distillation; for an
ensemble (``a+b``) the mean of the logits is scored, just as it is distilled. Each teacher must have an output for every
label of the target: a mean over fewer labels would stand in one row with means over all.

Shapes: B images, 3 planes of H x W pixels, L labels or classes of the target.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from trainables.cell import ITSELF
from trainables.teachers.compatible import named, shared_labels
from trainables.teachers.shelf import Teacher


class Itself(nn.Module):
    """From images [B, 3, H, W] to the logits of the target's labels, in the target's order [B, L].

    Raises:
        ValueError: as `check_outputs`.
    """

    def __init__(self, teachers: Sequence[Teacher], task: str, label_names: Sequence[str]) -> None:
        super().__init__()
        check_outputs(teachers, task, label_names)
        self._columns = [[teacher.label_names.index(name) for name in label_names] for teacher in teachers]
        self.members = nn.ModuleList()
        for teacher in teachers:
            self.members.append(teacher.network())

    def forward(self, views_BCHW: Tensor) -> Tensor:
        logits = [network(views_BCHW)[:, own] for network, own in zip(self.members, self._columns, strict=True)]
        return logits[0] if len(logits) == 1 else torch.stack(logits).mean(dim=0)


def check_outputs(teachers: Sequence[Teacher], task: str, label_names: Sequence[str]) -> None:
    """Refuses teachers that lack an output for one of the target's labels.

    Raises:
        ValueError: one of them does, or scores its labels in another way.
    """
    for teacher in teachers:
        shared = shared_labels(task, label_names, [teacher])
        if len(shared) == len(label_names):
            continue
        missing = [name for name in label_names if name not in shared]
        needed = "exactly the target's classes" if task == "multiclass" else "an output for every label of the target"
        why = f"{teacher.task} outputs for {named(teacher.label_names)}" if teacher.label_names else "no outputs"
        if shared:
            why = f"none for {named(missing)}"
        raise ValueError(f"{ITSELF} needs {needed}, but the teacher {teacher.name} has {why}")
