"""An epoch of one training, step by step: `trainables.loop` takes it alone, `trainables.lockstep` beside others.

Shapes: B images of a batch, b of a part of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainables.batches import batches
from trainables.judging import check_finite, judge, validate
from trainables.schedule import learning_rate
from trainables.training import EpochResult, Training
from trainables.transfer.objective import total_loss


class Part:
    """A part of a batch in an epoch, made at first use, and once for all students that learn from it.

    Args:
        training: whose views, targets and teacher these are; those of all who learn from the part are the same.
        rows_b: the images.
        epoch: from 1.
    """

    def __init__(self, training: Training, rows_b: NDArray[np.int64], epoch: int) -> None:
        self._training, self.rows_b, self._epoch = training, rows_b, epoch

    def __len__(self) -> int:
        return len(self.rows_b)

    @cached_property
    def views(self) -> Tensor:
        """What student and teacher see, float32 [b, 3, H, W]."""
        return self._training.views(self.rows_b, self._epoch)

    @cached_property
    def targets(self) -> tuple[Tensor, Tensor | None]:
        """As `Training.targets_of_views`."""
        return self._training.targets_of_views(self.rows_b, self._epoch)

    @cached_property
    def knowledge(self) -> Tensor:
        """What the teacher knows of the views."""
        guide = self._training.guide
        assert guide is not None
        return guide.knowledge_of(self.views, self.rows_b, self._epoch)


class Epoch:
    """An epoch under way; begins with its making, which seeds torch's generators with it.

    Args:
        training: whose epoch it is.
        epoch: from 1.
    """

    def __init__(self, training: Training, epoch: int) -> None:
        self._training, self._epoch = training, epoch
        self._rows = training.rows_of(epoch)
        self._sums = torch.zeros(3, device=training.device)  # on the device, so that no step waits for it
        training.student.train()
        # EfficientNet and ConvNeXt drop activations and layers, drawn from torch's generator: seeded by epoch, so that
        # an interrupted training resumes as the undisturbed one. The paper's networks draw nothing.
        torch.manual_seed(int(np.random.default_rng((training.config.seed, epoch)).integers(2**63)))
        if training.guide:
            training.guide.begin_epoch(epoch)

    @property
    def num_images(self) -> int:
        """How many images the epoch has."""
        return len(self._rows)

    def batches(self) -> Iterator[NDArray[np.int64]]:
        """The images of each step, [B]."""
        config = self._training.config
        return batches(self._rows, config.batch_size, config.seed_of_order, self._epoch)

    def step(self, rows_B: NDArray[np.int64], parts: Iterable[Part]) -> None:
        """A step of the optimizer on the images of a batch, which `parts` have between them."""
        training = self._training
        training.optimizer.zero_grad(set_to_none=True)
        for part in parts:
            losses = _losses(training, part, self._epoch)
            (losses[0] * (len(part) / len(rows_B))).backward()
            self._sums += torch.stack(losses).detach() * len(part)
        training.optimizer.step()
        if training.averaged is not None:
            training.averaged.follow(training.student)

    def losses(self) -> dict[str, float]:
        """The mean losses over all images, after the last step; an epoch without labels has no "ce".

        Raises:
            NonFiniteLossError: the mean loss is not finite.
        """
        config = self._training.config
        loss_mean, ce_mean, transfer_mean = (self._sums / len(self._rows)).tolist()
        check_finite(config, f"training loss of epoch {self._epoch}", loss_mean)
        of_labels = {"ce": ce_mean} if self._epoch > config.num_unlabelled else {}
        return {"loss": loss_mean, **of_labels, "transfer": transfer_mean}


def set_learning_rate(training: Training, epoch: int) -> None:
    """Sets the rate of `epoch`."""
    for group in training.optimizer.param_groups:
        group["lr"] = learning_rate(training.config, epoch)


def judged(training: Training, epoch: int, losses: dict[str, float], images_per_s: float) -> EpochResult:
    """Scores a training that has been through `epoch`, and adds the result to its history.

    Raises:
        NonFiniteLossError: the loss on the validation set is not finite.
        UndefinedScoreError: the selection metric is not defined there.
    """
    metrics = {f"train_{name}": value for name, value in losses.items()}
    metrics |= {"images_per_s": images_per_s, "learning_rate": learning_rate(training.config, epoch)}
    result = judge(training, epoch, metrics | validate(training))
    training.history.append(result)
    return result


def _losses(training: Training, part: Part, epoch: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of this part's views: the total loss (Eq. 2), the loss on the labels and the method's loss.

    Without labels the total is the method's share of Eq. 2 alone, whatever weight the method gives it later; no label
    is read, and the loss on them is 0.
    """
    config, guide, views = training.config, training.guide, part.views
    # Only whole batches have the compiled size: a smaller last batch, or a part of one, would be compiled anew.
    student = training.compiled if len(part) == config.batch_size else training.tapped
    with training.autocast():
        logits, taps = student(views)
    logits = logits.float()
    if guide is None or config.beta is None:
        ce = training.label_loss(logits, *part.targets)
        return ce, ce, torch.zeros_like(ce)
    transfer = guide.loss(taps, logits, part.knowledge)
    guide.remember(part.knowledge)
    if epoch <= config.num_unlabelled:
        return transfer / config.beta, torch.zeros_like(transfer), transfer
    ce = training.label_loss(logits, *part.targets)
    of_ce, of_transfer = guide.method.weights((epoch - 1) / config.max_epochs)
    return total_loss(of_ce * ce, of_transfer * transfer, config.beta, config.method), ce, transfer
