"""A training between two epochs: what stays fixed, what an epoch changes, and the state that a checkpoint keeps.

`trainables.loop` trains it, `trainables.judging` scores it.

Shapes: B images of a batch, L labels or classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainables.averaged_weights import AveragedWeights
from trainables.config import TrialConfig
from trainables.data.augment import training_views
from trainables.data.averaging import Averaging
from trainables.data.mixup import Mixture, mixture
from trainables.data.resident import Images
from trainables.data.resplit import averaging_of
from trainables.data.store import Store
from trainables.losses import LabelLoss, class_weights, mixed, shares
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
    costs: dict[str, float] = field(default_factory=dict, compare=False)  # until here, as `trainables.meter` has them


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
    label_loss: LabelLoss = field(init=False)
    averaged: AveragedWeights | None = field(init=False)  # of the student; None where nothing is averaged
    tapped: Callable[[Tensor], tuple[Tensor, dict[str, Tensor]]] = field(init=False)  # the student, with its taps
    compiled: Callable[[Tensor], tuple[Tensor, dict[str, Tensor]]] = field(init=False)  # the same, for whole batches
    optimizer: torch.optim.Optimizer = field(init=False)
    history: list[EpochResult] = field(default_factory=list)
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.averaging = averaging_of(self.store.prepared, self.config.average_labels, self.config.num_folds)
        self.images = Images(self.store, self.device)
        self.label_loss = LabelLoss(self.config, self.store.task, self._class_weights())
        self.student.to(self.device).to(memory_format=torch.channels_last)
        self.averaged = AveragedWeights(self.student, self.config.ema_decay) if self.config.ema_decay else None
        self.tapped = self.compiled = Tapped(self.student, self.guide.student_taps if self.guide else ())
        if self.config.compiled:
            mode = "reduce-overhead" if self.device.type == "cuda" else "default"  # the first is CUDA graphs
            self.compiled = torch.compile(self.tapped, dynamic=False, mode=mode)
        optimizer = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[self.config.optimizer]
        self.optimizer = optimizer(
            [
                *(parameter for parameter in self.student.parameters() if parameter.requires_grad),
                *(self.guide.parameters() if self.guide else []),
            ],
            lr=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
            fused=True,
        )

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """The training images whose labels are in use, in ascending order."""
        return self.store.rows("train", self.config.data_fraction)

    def rows_of(self, epoch: int) -> NDArray[np.int64]:
        """The images that `epoch` trains on, in ascending order: without labels, all of the training split."""
        return self.store.rows("train") if epoch <= self.config.num_unlabelled else self.rows

    @property
    def scored(self) -> nn.Module:
        """The network that is scored and kept: the student, or the average of its weights."""
        return self.student if self.averaged is None else self.averaged.network

    def autocast(self) -> torch.autocast:
        """What the student's layers compute in; its outputs are widened to float32 after it."""
        is_bfloat16 = self.config.precision == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=is_bfloat16)

    def views(self, rows_B: NDArray[np.int64], epoch: int) -> Tensor:
        """What student and teacher see of these images in `epoch`, float32 [B, 3, H, W]."""
        views = self._unmixed(rows_B, epoch)
        if not self.config.mixup_alpha:
            return views
        partners_B, shares_B = self._mixture(rows_B, epoch)
        return torch.lerp(self._unmixed(partners_B, epoch), views, self._on_device(shares_B)[:, None, None, None])

    def targets_of_views(self, rows_B: NDArray[np.int64], epoch: int) -> tuple[Tensor, Tensor | None]:
        """The `targets` of the `views`: where those are mixed, shares of classes [B, C], or targets between 0 and 1."""
        if not self.config.mixup_alpha:
            return self.targets(rows_B)
        partners_B, shares_B = self._mixture(rows_B, epoch)
        own, others = self._shared_targets(rows_B), self._shared_targets(partners_B)
        return mixed(own, others, self._on_device(shares_B))

    def targets(self, rows_B: NDArray[np.int64]) -> tuple[Tensor, Tensor | None]:
        """Classes [B], or targets [B, L] with the mask of the labels that count."""
        targets, mask = self.store.targets(rows_B, self.config.uncertainty)
        on_device = torch.from_numpy(targets).to(self.device)
        return on_device, None if mask is None else torch.from_numpy(mask).to(self.device)

    def _unmixed(self, rows_B: NDArray[np.int64], epoch: int) -> Tensor:
        return training_views(self.images.of(rows_B), rows_B, self.config, seed=self.config.seed, epoch=epoch)

    def _mixture(self, rows_B: NDArray[np.int64], epoch: int) -> Mixture:
        config = self.config
        return mixture(rows_B, self.rows_of(epoch), seed=config.seed, epoch=epoch, alpha=config.mixup_alpha)

    def _shared_targets(self, rows_B: NDArray[np.int64]) -> tuple[Tensor, Tensor | None]:
        targets, mask = self.targets(rows_B)
        is_multiclass = self.store.task == "multiclass"
        return shares(targets, len(self.store.label_names)) if is_multiclass else targets, mask

    def _class_weights(self) -> Tensor | None:
        """Of the training images whose labels are in use, for the loss that has weights."""
        if self.config.loss != "weighted":
            return None
        targets, mask = self.store.targets(self.rows, self.config.uncertainty)
        weights_L = class_weights(self.store.task, targets, mask, len(self.store.label_names))
        return self._on_device(weights_L)

    def _on_device(self, numbers: NDArray[np.floating]) -> Tensor:
        return torch.from_numpy(numbers.astype(np.float32)).to(self.device)


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
        **({"averaged": training.averaged.state_dict()} if training.averaged else {}),
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
        if training.averaged:
            training.averaged.load_state_dict(state["averaged"])
    training.micro_batch_size = state["micro_batch_size"]
    training.history = [EpochResult(**result) for result in state["history"]]
    training.best_weights = best_weights
