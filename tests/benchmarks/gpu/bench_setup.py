"""What all pieces train on: phantom photographs, as many copies of each as make an epoch long enough to be timed."""

from __future__ import annotations

import gc
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tests.benchmarks.gpu.card_pieces import Reading
from tests.benchmarks.step import make_store
from trainables.config import TrialConfig
from trainables.data import resident
from trainables.data.store import Store
from trainables.models.architectures import build
from trainables.teachers.guide import Guide
from trainables.training import Training

GIB = 2**30
IN_TRIAL = {"rad-dino": "vit_tiny_patch16_224"}  # what stands for a large teacher where the code alone is tried


@dataclass(frozen=True, kw_only=True)
class Setup:
    """How large everything is.

    Args:
        folder: for stores, teachers and caches; the pieces of one call share it.
        copies: of each of the 96 training images in the store that is trained on.
        warm_up: rounds that are not timed.
        rounds: that are timed after these.
        window_s: how long several trainings at once are counted.
    """

    folder: Path
    device: str = "cuda"
    student: str = "densenet121"
    image_size_px: int = 256
    batch_size: int = 32
    num_patients: int = 80
    copies: int = 16
    warm_up: int = 2
    rounds: int = 5
    window_s: float = 15.0

    @property
    def is_trial(self) -> bool:
        """Whether the code alone is tried, on a CPU."""
        return self.device == "cpu"

    def store(self, image_size_px: int = 0, copies: int = 0) -> Store:
        """The store with its copies, made at first use; every size has one."""
        size = image_size_px or self.image_size_px
        path = self.folder / f"{size}" / "retina.arrow"
        prepared = Store.open(path) if path.exists() else make_store(path.parent, size, self.num_patients)
        resident.held.clear()  # which knows a store by the fingerprint of its images, and not of their copies
        rows = np.concatenate([prepared.rows("train")] * (copies or self.copies) + [prepared.rows("validation")])
        return prepared.only(rows)

    def training(self, store: Store, guide: Guide | None = None, student: str = "", **knobs: Any) -> Training:
        """A training as a trial makes it, on `store`."""
        if knobs.get("compiled") and self.is_trial:  # Dynamo's tracing, without minutes in a C++ compiler
            torch.compiler.set_stance("force_eager")
        student = student or self.student
        facts = {"dataset": "retina", "init": "random", "selection_metric": "f1_weighted", "method": "transfer"}
        size = {"image_size_px": store.image_size_px, "batch_size": self.batch_size}
        config = TrialConfig(**{**facts, **size, "student": student, **knobs})
        network = drawn(student, store)
        return Training(config=config, store=store, student=network, guide=guide, device=torch.device(self.device))

    def wait(self) -> None:
        """Until the device has done all that was asked of it."""
        if not self.is_trial:
            torch.cuda.synchronize()

    def images_per_s(self, work: Callable[[], int]) -> float:
        """The median of all rounds but those that warm up; `work` returns how many images it took."""
        speeds = []
        for _ in range(self.warm_up + self.rounds):
            self.wait()
            started_s = time.perf_counter()
            num_images = work()
            self.wait()
            speeds.append(num_images / (time.perf_counter() - started_s))
        return statistics.median(speeds[self.warm_up :])

    def taken_of_card(self, what: str) -> Iterator[Reading]:
        """What is taken of the card, which nobody else uses meanwhile, and of this the tensors; nothing on a CPU."""
        if not self.is_trial:
            free, total = torch.cuda.mem_get_info()
            yield Reading(f"{what}: memory on the card", (total - free) / GIB, "GiB")
            yield Reading(f"{what}: tensors at their peak", torch.cuda.max_memory_allocated() / GIB, "GiB")

    def give_back(self) -> None:
        """What is no longer used of the card, so that the next training's memory is its own."""
        gc.collect()
        if not self.is_trial:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()


def taken_of_host(what: str) -> Reading:
    """The most memory that this process has had so far."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Reading(f"{what}: resident set", own / GIB, "GiB")


def drawn(student: str, store: Store) -> nn.Module:
    """A student with the same first weights each time."""
    torch.manual_seed(0)
    return build(student, len(store.label_names))


def whole_batches(store: Store, batch_size: int) -> list[NDArray[np.int64]]:
    """The rows of the training images, a batch each, without the rest."""
    rows = store.rows("train")
    return list(rows[: len(rows) // batch_size * batch_size].reshape(-1, batch_size))


def on_a_card(folder: Path) -> Setup:
    """What figures are measured with."""
    return Setup(folder=folder)


def on_a_cpu(folder: Path) -> Setup:
    """The smallest: does the code run? In one thread, which waits for no other where the cores are shared."""
    torch.set_num_threads(1)
    sizes: dict[str, Any] = {"image_size_px": 32, "batch_size": 4, "num_patients": 10, "copies": 1}
    return Setup(folder=folder, device="cpu", student="densenet40", warm_up=0, rounds=1, window_s=0.5, **sizes)
