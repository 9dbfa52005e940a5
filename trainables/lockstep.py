"""Several trainings in lockstep: each batch is seen once, its teacher is asked once, and every student learns from it.

Each member's numbers are those of its training alone, bit for bit on a CPU with one thread: the views and the
teacher's knowledge are the very tensors that it would have made, its weights, its optimizer and its method's memory are
its own, and so are the draws of its dropout.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from trainables.batches import micro_batches
from trainables.epoch import Epoch, Part, judged, set_learning_rate
from trainables.judging import NonFiniteLossError, UndefinedScoreError
from trainables.stuck_steps import watched
from trainables.training import EpochResult, Training

ENDINGS = (NonFiniteLossError, UndefinedScoreError)
Outcome = EpochResult | NonFiniteLossError | UndefinedScoreError


def train_together(trainings: Sequence[Training], epoch: int) -> list[Outcome]:
    """Puts every image of `epoch` through each student once, and scores each: a result, or why its training ends.

    Each result's ``images_per_s`` is that of its share of the time: an equal part.

    Args:
        trainings: have all been through the epochs before, and are equal in all that decides a batch, its views and
            its teacher's knowledge (`trainables.trial.TrialSpec.why_apart`), and in `micro_batch_size`.
    """
    started_s = time.perf_counter()
    losses, num_images = train_one_epoch_together(trainings, epoch)
    images_per_s = num_images / ((time.perf_counter() - started_s) / len(trainings))
    return [_judged(*each, epoch, images_per_s) for each in zip(trainings, losses, strict=True)]


def train_one_epoch_together(
    trainings: Sequence[Training], epoch: int
) -> tuple[list[dict[str, float] | NonFiniteLossError], int]:
    """The same without its scores: each student's mean losses, or why its training ends; and the number of images."""
    students = [_Student(training, epoch) for training in trainings]
    lead = trainings[0]
    for rows_B in watched(students[0].under_way.batches()):
        parts = [Part(lead, rows_b, epoch) for rows_b in micro_batches(rows_B, lead.micro_batch_size)]
        for student in students:
            with student.own_draws():
                student.under_way.step(rows_B, parts)
    return [_losses(student.under_way) for student in students], students[0].under_way.num_images


class _Student:
    """A student in its epoch, with torch's generators as it left them."""

    def __init__(self, training: Training, epoch: int) -> None:
        self._device = training.device
        set_learning_rate(training, epoch)
        self.under_way = Epoch(training, epoch)
        self._draws = self._generators()

    @contextmanager
    def own_draws(self) -> Iterator[None]:
        """Within it torch draws as if no other student did."""
        torch.set_rng_state(self._draws[0])
        if self._device.type == "cuda":
            torch.cuda.set_rng_state(self._draws[1], self._device)
        yield
        self._draws = self._generators()

    def _generators(self) -> list[Tensor]:
        of_gpu = [torch.cuda.get_rng_state(self._device)] if self._device.type == "cuda" else []
        return [torch.get_rng_state(), *of_gpu]


def _losses(under_way: Epoch) -> dict[str, float] | NonFiniteLossError:
    try:
        return under_way.losses()
    except NonFiniteLossError as error:
        return error


def _judged(
    training: Training, losses: dict[str, float] | NonFiniteLossError, epoch: int, images_per_s: float
) -> Outcome:
    if isinstance(losses, NonFiniteLossError):
        return losses
    try:
        return judged(training, epoch, losses, images_per_s)
    except ENDINGS as error:
        return error
