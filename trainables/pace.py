"""How fast this machine trains: a real step of a student, timed before the first epoch, from which a plan is made.

The step is the loop's own, on a few images and with the job's teachers; nothing of it is kept.
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from trainables import checkpoint
from trainables.data.store import Store
from trainables.job import MIN_MICRO_BATCH_SIZE, Job
from trainables.judging import evaluate
from trainables.loop import train_one_epoch
from trainables.timing import median_seconds
from trainables.training import EpochResult, Training, state_of

PIXELS_ON_CPU = 8 * 64 * 64  # of a timed batch: enough for a step of some tenths of a second


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What a kind of trial costs on this machine, in seconds and bytes."""

    train_s: float  # per training image, without the teacher
    teach_s: float  # per view that the teacher answers; 0 without a teacher
    evaluate_s: float  # per image that is scored
    save_s: float  # per epoch: the checkpoint
    start_s: float  # per trial: building the networks
    weights_bytes: int  # of the student
    knowledge_bytes: int  # per view, in the cache


def measure(job: Job, store: Store | None = None, *, gpus: float = 1.0) -> Pace:
    """Times a step of the job's student on `store`, or on the job's own.

    Without `gpus`, the process does not see a GPU from now on.

    On a CPU a few images are enough, since the time is in proportion to their number. A GPU gets a whole batch, or as
    much of it as there is room for.

    Raises:
        torch.OutOfMemoryError: not even two images fit.
    """
    if not gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    torch.set_num_threads(job.num_threads)
    store = store or job.opened_store()
    num_images = images_to_time(job, store)
    while True:
        try:
            return time_step(job, store, num_images)
        except torch.OutOfMemoryError:
            if num_images <= MIN_MICRO_BATCH_SIZE:
                raise
            num_images = max(MIN_MICRO_BATCH_SIZE, num_images // 2)
        torch.cuda.empty_cache()


def images_to_time(job: Job, store: Store) -> int:
    """How many images the timed step has."""
    batch_size = min(job.spec.config.batch_size, len(store.rows("train")))
    if torch.cuda.is_available():
        return batch_size
    return min(batch_size, max(MIN_MICRO_BATCH_SIZE, PIXELS_ON_CPU // store.image_size_px**2))


def few_images(store: Store, number: int) -> Store:
    """The first `number` images for training, and as many for validation, in memory."""
    rows = np.concatenate([store.rows(split)[:number] for split in ("train", "validation")])
    return store.only(np.sort(rows))


def time_step(job: Job, store: Store, num_images: int) -> Pace:
    """The pace of a step with `num_images` training images, and as many that are scored."""
    few = few_images(store, num_images)
    # Any score will do, on so few images; a network is not compiled for a single step; and no answer is kept.
    config = replace(
        job.spec.config,
        batch_size=num_images,
        compiled=False,
        average_labels="defined",
        data_fraction=1.0,
        unlabelled_epochs=0,
        split_draw=0,
        num_folds=0,
        fold=0,
        phase="search",
    )
    started_s = time.perf_counter()
    training = replace(job, spec=replace(job.spec, config=config), cache_bytes=0).training(few)
    start_s = time.perf_counter() - started_s
    num_train, num_scored = (len(few.rows(split)) for split in ("train", "validation"))
    step_s = median_seconds(lambda: train_one_epoch(training, 1))
    teach_s, knowledge_bytes = _teaching(training)
    evaluate_s = median_seconds(lambda: evaluate(training, "validation")) / num_scored
    save_s, weights_bytes = _saving(job, training)
    return Pace(
        train_s=max(step_s / num_train - teach_s, 0.0),
        teach_s=teach_s,
        evaluate_s=evaluate_s,
        save_s=save_s,
        start_s=start_s,
        weights_bytes=weights_bytes,
        knowledge_bytes=knowledge_bytes,
    )


def _teaching(training: Training) -> tuple[float, int]:
    """Seconds and bytes of the teacher's answer to one view; 0 and 0 without a teacher."""
    guide = training.guide
    if guide is None:
        return 0.0, 0
    views = training.views(training.rows, epoch=1)
    knowledge = guide.knowledge(views)
    bytes_per_value = 2  # the cache keeps half precision
    return median_seconds(lambda: guide.knowledge(views)) / len(training.rows), knowledge[0].numel() * bytes_per_value


def _saving(job: Job, training: Training) -> tuple[float, int]:
    """Seconds of one epoch's checkpoint where the job keeps its own, and the bytes of the student's weights."""
    weights = {name: tensor.detach().cpu() for name, tensor in training.student.state_dict().items()}
    training.history = [EpochResult(epoch=1, metrics={}, best_score=0.0, best_epoch=1, last=False)]
    near = next(folder for folder in Path(job.folder).parents if folder.is_dir())
    with tempfile.TemporaryDirectory(dir=near, prefix=".pace-") as name:
        started_s = time.perf_counter()
        checkpoint.save_best(Path(name), 1, weights)
        checkpoint.save_state(Path(name), 1, 1, state_of(training))
        seconds = time.perf_counter() - started_s
    return seconds, sum(tensor.numel() * tensor.element_size() for tensor in weights.values())
