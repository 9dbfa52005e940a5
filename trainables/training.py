"""A training between two epochs: what stays fixed, what an epoch changes, and the state that a checkpoint keeps.

`trainables.loop` trains it, `trainables.judging` scores it.

Shapes: B images of a batch, L labels or classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainables.config import TrialConfig
from trainables.data.averaging import Averaging
from trainables.data.resident import Images
from trainables.data.resplit import averaging_of
from trainables.data.store import Store
from trainables.models.taps import Tapped
from trainables.teachers.guide import Guide


@dataclass(frozen=True, kw_only=True)
class EpochResult:
    """The outcome of an epoch. `metrics` holds fractions (AUC, F1, ...), losses, images per second, learning rate."""

    epoch: int  # from 1
    metrics: dict[str, float]
    best_score: float  # the best validation score up to this epoch
    best_epoch: int
    last: bool  # whether this is the trial's last epoch


@dataclass(kw_only=True)
class Training:
    """A student in training, with all that its epochs need."""

    config: TrialConfig
    store: Store
    student: nn.Module
    guide: Guide | None  # the teacher's side of the method; None for plain transfer learning
    device: torch.device
    micro_batch_size: int | None = None  # how many images go through the student at once; None: the whole batch
    averaging: Averaging = field(init=False)
    images: Images = field(init=False)
    tapped: Callable[[Tensor], tuple[Tensor, dict[str, Tensor]]] = field(init=False)  # the student, with its taps
    compiled: Callable[[Tensor], tuple[Tensor, dict[str, Tensor]]] = field(init=False)  # the same, for whole batches
    optimizer: torch.optim.Optimizer = field(init=False)
    history: list[EpochResult] = field(default_factory=list)
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.averaging = averaging_of(self.store.prepared, self.config.average_labels, self.config.num_folds)
        self.images = Images(self.store, self.device)
        self.student.to(self.device).to(memory_format=torch.channels_last)
        self.tapped = self.compiled = Tapped(self.student, self.guide.student_taps if self.guide else ())
        if self.config.compiled:
            mode = "reduce-overhead" if self.device.type == "cuda" else "default"  # the first is CUDA graphs
            self.compiled = torch.compile(self.tapped, dynamic=False, mode=mode)
        self.optimizer = torch.optim.Adam(
            [
                *(parameter for parameter in self.student.parameters() if parameter.requires_grad),
                *(self.guide.parameters() if self.guide else []),
            ],
            lr=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
            fused=True,
        )

    def autocast(self) -> torch.autocast:
        """What the student's layers compute in; its outputs are widened to float32 after it."""
        is_bfloat16 = self.config.precision == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=is_bfloat16)

    def targets(self, rows_B: NDArray[np.int64]) -> tuple[Tensor, Tensor | None]:
        """Classes [B], or targets [B, L] with the mask of the labels that count."""
        targets, mask = self.store.targets(rows_B, self.config.uncertainty)
        on_device = torch.from_numpy(targets).to(self.device)
        return on_device, None if mask is None else torch.from_numpy(mask).to(self.device)


def state_of(training: Training) -> dict[str, Any]:
    """All that an epoch changes, except for the best student, which is kept in a file of its own.

    After the last epoch nothing is trained any more, and only the results remain.
    """
    history = [vars(result) for result in training.history]
    if history and history[-1]["last"]:
        return {"micro_batch_size": training.micro_batch_size, "history": history}
    return {
        "student": training.student.state_dict(),
        "optimizer": training.optimizer.state_dict(),
        "method": training.guide.method.state_dict() if training.guide else {},
        "micro_batch_size": training.micro_batch_size,
        "history": history,
    }


def resume(training: Training, state: dict[str, Any], best_weights: dict[str, Tensor]) -> None:
    """Puts a training back to where `state_of` saw it."""
    if "student" in state:
        training.student.load_state_dict(state["student"])
        training.optimizer.load_state_dict(state["optimizer"])
        if training.guide:
            training.guide.method.load_state_dict(state["method"])
    training.micro_batch_size = state["micro_batch_size"]
    training.history = [EpochResult(**result) for result in state["history"]]
    training.best_weights = best_weights
