"""The training loop: yields one `EpochResult` per epoch, and knows neither Ray nor MLflow.

Every epoch sets the learning rate, trains on all images once, scores the student on the validation set, and compares
that score with the best so far (`trainables.judging`). The first epochs may have no labels: then the student learns
from its teacher alone, ``L = loss / beta``, on every image of the training split, whatever fraction of it has labels.

The order of the images and every view are functions of (seed, epoch, image), and a student's dropout is drawn from
(seed, epoch), so an interrupted training resumes as if it had never stopped: bit for bit on a CPU with the same number
of threads. The order may have a seed of its own.

Shapes: B images of a batch.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainables.batches import batches, micro_batches
from trainables.judging import check_finite, judge, validate
from trainables.schedule import learning_rate
from trainables.stuck_steps import watched
from trainables.training import EpochResult, Training
from trainables.transfer.objective import total_loss


def train(training: Training) -> Iterator[EpochResult]:
    """Trains to the last epoch; a resumed training first repeats the results that it had reported.

    Raises:
        NonFiniteLossError: the loss of an epoch is not finite, in training or in validation.
        UndefinedScoreError: the selection metric is not defined on the validation set.
    """
    config = training.config
    yield from list(training.history)
    for epoch in range(len(training.history) + 1, config.max_epochs + 1):
        started_s = time.perf_counter()
        rate = _set_learning_rate(training, epoch)
        losses, num_images = train_one_epoch(training, epoch)
        seconds = time.perf_counter() - started_s

        metrics = {f"train_{name}": value for name, value in losses.items()}
        metrics |= {"images_per_s": num_images / seconds, "learning_rate": rate}

        result = judge(training, epoch, metrics | validate(training))
        training.history.append(result)
        yield result


def untrained(training: Training) -> EpochResult:
    """The only result of a network that is scored as it is; raises what `train` raises."""
    return replace(judge(training, 1, validate(training)), last=True)


def train_one_epoch(training: Training, epoch: int) -> tuple[dict[str, float], int]:
    """Puts every image of the epoch through the student once; its mean losses, and the number of images.

    An epoch without labels has no "ce".

    Raises:
        NonFiniteLossError: the mean loss is not finite.
    """
    config = training.config
    training.student.train()
    # EfficientNet and ConvNeXt drop activations and layers, drawn from torch's generator: seeded by epoch, so that an
    # interrupted training resumes as the undisturbed one. The paper's networks draw nothing.
    torch.manual_seed(int(np.random.default_rng((config.seed, epoch)).integers(2**63)))
    if training.guide:
        training.guide.begin_epoch(epoch)
    sums = torch.zeros(3, device=training.device)  # summed on the device, so that no step waits for it
    rows = training.rows_of(epoch)
    for rows_B in watched(batches(rows, config.batch_size, config.seed_of_order, epoch)):
        training.optimizer.zero_grad(set_to_none=True)
        for part_b in micro_batches(rows_B, training.micro_batch_size):
            losses = _losses(training, part_b, epoch)
            (losses[0] * (len(part_b) / len(rows_B))).backward()
            sums += torch.stack(losses).detach() * len(part_b)
        training.optimizer.step()
        if training.averaged is not None:
            training.averaged.follow(training.student)

    loss_mean, ce_mean, transfer_mean = (sums / len(rows)).tolist()
    check_finite(config, f"training loss of epoch {epoch}", loss_mean)
    of_labels = {"ce": ce_mean} if epoch > config.num_unlabelled else {}
    return {"loss": loss_mean, **of_labels, "transfer": transfer_mean}, len(rows)


def _set_learning_rate(training: Training, epoch: int) -> float:
    rate = learning_rate(training.config, epoch)
    for group in training.optimizer.param_groups:
        group["lr"] = rate
    return rate


def _losses(training: Training, rows_B: NDArray[np.int64], epoch: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of this epoch's views of these images: the total loss (Eq. 2), the loss on the labels and the method's loss.

    Without labels the total is the method's share of Eq. 2 alone, whatever weight the method gives it later; no label
    is read, and the loss on them is 0.
    """
    config, guide = training.config, training.guide
    views = training.views(rows_B, epoch)
    # Only whole batches have the compiled size: a smaller last batch, or a part of one, would be compiled anew.
    student = training.compiled if len(rows_B) == config.batch_size else training.tapped
    with training.autocast():
        logits, taps = student(views)
    logits = logits.float()
    if guide is None or config.beta is None:
        ce = training.label_loss(logits, *training.targets_of_views(rows_B, epoch))
        return ce, ce, torch.zeros_like(ce)
    knowledge = guide.knowledge_of(views, rows_B, epoch)
    transfer = guide.loss(taps, logits, knowledge)
    guide.remember(knowledge)
    if epoch <= config.num_unlabelled:
        return transfer / config.beta, torch.zeros_like(transfer), transfer
    ce = training.label_loss(logits, *training.targets_of_views(rows_B, epoch))
    of_ce, of_transfer = guide.method.weights((epoch - 1) / config.max_epochs)
    return total_loss(of_ce * ce, of_transfer * transfer, config.beta, config.method), ce, transfer
