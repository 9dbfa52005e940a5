"""What one GPU gives: `python -m tests.benchmarks.gpu`; without a GPU it says so, and `--cpu` tries the code alone.

DenseNet-121, 256 px, batch 32. Plain: eager PyTorch in float32 over batches that lie ready in the GPU's memory, without
augmentation. Ours: an epoch of the loop with `--precision bfloat16 --compile`, from the store's bytes, augmentation and
all; alone, and several processes at once, as trials that share a GPU. Views: ours against gathering and normalising.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from tests.benchmarks import targets
from tests.benchmarks.step import make_store
from trainables.config import TrialConfig
from trainables.data.augment import training_views
from trainables.data.normalising import normalise
from trainables.data.resident import Images
from trainables.data.store import Store
from trainables.loop import train_one_epoch
from trainables.models.architectures import build
from trainables.recipe_views import ViewRecipe
from trainables.training import Training

STUDENT, BATCH_SIZE = "densenet121", 32


def images_per_s(work: Callable[[], int], device: torch.device, num_rounds: int) -> float:
    """The median of `num_rounds`, after two that warm up; `work` returns how many images it took."""
    speeds = []
    for _ in range(num_rounds + 2):
        started_s = time.perf_counter()
        num_images = work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        speeds.append(num_images / (time.perf_counter() - started_s))
    return statistics.median(speeds[2:])


def plain(store: Store, device: torch.device) -> Callable[[], int]:
    """An epoch as one writes it without thought for speed."""
    torch.manual_seed(0)
    network = build(STUDENT, len(store.label_names)).to(device).train()
    adam = torch.optim.Adam(network.parameters(), lr=1e-4)
    classes = torch.zeros(BATCH_SIZE, dtype=torch.long, device=device)
    batches = [normalise(torch.from_numpy(store.gather(rows)).to(device)).contiguous() for rows in whole_batches(store)]

    def epoch() -> int:
        for views in batches:
            adam.zero_grad()
            functional.cross_entropy(network(views), classes).backward()
            adam.step()
        return len(batches) * BATCH_SIZE

    return epoch


def ours(store: Store, device: torch.device) -> Callable[[], int]:
    """An epoch of the loop as a trial runs it, with both flags."""
    config = TrialConfig(
        dataset="retina",
        method="transfer",
        student=STUDENT,
        image_size_px=store.image_size_px,
        batch_size=BATCH_SIZE,
        init="random",
        precision="bfloat16",
        compiled=True,
    )
    torch.manual_seed(0)
    student = build(STUDENT, len(store.label_names))
    training = Training(config=config, store=store, student=student, guide=None, device=device)
    return lambda: train_one_epoch(training, 1)[1]


def whole_batches(store: Store) -> list[np.ndarray]:
    """The rows of the training images, a batch each, without the rest."""
    rows = store.rows("train")
    return list(rows[: len(rows) // BATCH_SIZE * BATCH_SIZE].reshape(-1, BATCH_SIZE))


def together(path: Path, device: torch.device, num_students: int, num_rounds: int) -> float:
    """Images a second of so many processes in sum, while all of them train."""
    context = multiprocessing.get_context("spawn")
    barrier, speeds = context.Barrier(num_students), context.Queue()
    args = (path, device, num_rounds, barrier, speeds)
    processes = [context.Process(target=_one_of_several, args=args) for _ in range(num_students)]
    for process in processes:
        process.start()
    total = sum(speeds.get(timeout=900) for _ in processes)
    for process in processes:
        process.join()
    return float(total)


def _one_of_several(path: Path, device: torch.device, num_rounds: int, barrier: Any, speeds: Any) -> None:
    torch.set_num_threads(1)
    epoch = ours(Store.open(path), device)
    images_per_s(epoch, device, 1)
    barrier.wait(timeout=900)  # all are warm
    speeds.put(images_per_s(epoch, device, num_rounds))


def share_of_floor(store: Store, device: torch.device, num_rounds: int) -> float:
    """Augmented batches a second against gathered and normalised ones."""
    images, batches = Images(store, device), whole_batches(store)

    def augmented() -> int:
        for rows in batches:
            training_views(images.of(rows), rows, ViewRecipe(), seed=0, epoch=1)
        return len(batches) * BATCH_SIZE

    def floor() -> int:
        for rows in batches:
            normalise(images.of(rows)).contiguous()
        return len(batches) * BATCH_SIZE

    return images_per_s(augmented, device, num_rounds) / images_per_s(floor, device, num_rounds)


def main() -> None:
    """Prints the figures of a GPU; where there is none, it says so and ends with 2."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gpu", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=256, metavar="PX", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--students", type=int, nargs="+", default=[2, 4, 8], help="at once (default: %(default)s)")
    parser.add_argument("--cpu", action="store_true", help="where there is no GPU: does it run? No figure counts")
    typed = parser.parse_args()
    if not torch.cuda.is_available() and not typed.cpu:
        parser.error("there must be a GPU, but PyTorch sees none; --cpu tries the code alone")
    device = torch.device("cpu" if typed.cpu else "cuda")
    with tempfile.TemporaryDirectory() as name:
        store = make_store(Path(name), typed.size)
        before = images_per_s(plain(store, device), device, typed.rounds)
        alone = images_per_s(ours(store, device), device, typed.rounds)
        sums = {number: together(store.path, device, number, typed.rounds) for number in typed.students}
        share = share_of_floor(store, device, typed.rounds)
    print(f"eager float32: {before:.0f} images/s; ours alone: {alone:.0f}")
    for number, total in sums.items():
        print(f"{number} students at once: {total:.0f} images/s in sum")
    figures = (alone / before, max(sums.values()) / before, share)
    if typed.cpu:
        return
    for target, figure in zip(targets.GPU, figures, strict=True):
        target.judge(figure, typed.rounds)


if __name__ == "__main__":
    main()
