"""The training loop: yields one `EpochResult` per epoch, and knows neither Ray nor MLflow.

Every epoch sets the learning rate, trains on all images once (`trainables.epoch`), scores the student on the validation
set, and compares that score with the best so far (`trainables.judging`). The first epochs may have no labels: then the
student learns from its teacher alone, ``L = loss / beta``, on every image of the training split, whatever fraction of
it has labels.

The order of the images and every view are functions of (seed, epoch, image), and a student's dropout is drawn from
(seed, epoch), so an interrupted training resumes as if it had never stopped: bit for bit on a CPU with the same number
of threads. The order may have a seed of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from trainables.batches import micro_batches
from trainables.epoch import Epoch, Part, judged, set_learning_rate
from trainables.judging import judge, validate
from trainables.stuck_steps import watched
from trainables.training import EpochResult, Training


def train(training: Training) -> Iterator[EpochResult]:
    """Trains to the last epoch; a resumed training first repeats the results that it had reported.

    Raises:
        NonFiniteLossError: the loss of an epoch is not finite, in training or in validation.
        UndefinedScoreError: the selection metric is not defined on the validation set.
    """
    yield from list(training.history)
    for epoch in range(len(training.history) + 1, training.config.max_epochs + 1):
        started_s = time.perf_counter()
        set_learning_rate(training, epoch)
        losses, num_images = train_one_epoch(training, epoch)
        yield judged(training, epoch, losses, num_images / (time.perf_counter() - started_s))


def untrained(training: Training) -> EpochResult:
    """The only result of a network that is scored as it is; raises what `train` raises."""
    return replace(judge(training, 1, validate(training)), last=True)


def train_one_epoch(training: Training, epoch: int) -> tuple[dict[str, float], int]:
    """Puts every image of the epoch through the student once; its mean losses, and the number of images.

    An epoch without labels has no "ce".

    Raises:
        NonFiniteLossError: the mean loss is not finite.
    """
    under_way = Epoch(training, epoch)
    for rows_B in watched(under_way.batches()):
        rows_of_parts = micro_batches(rows_B, training.micro_batch_size)
        under_way.step(rows_B, (Part(training, rows_b, epoch) for rows_b in rows_of_parts))
    return under_way.losses(), under_way.num_images
