"""What attention transfer costs beside transfer learning, by the loop's own code: `python -m tests.benchmarks.step`.

An epoch of 96 phantom photographs, a batch of 32, is trained in turn without a teacher, with the teacher's knowledge in
the cache, and with a cold cache that the epoch fills; the teacher alone answers the same views. Medians over rounds.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from platform.phantoms.writers import write_retina
from tests.benchmarks.targets import STUDENTS, steps
from trainables.batches import batches
from trainables.config import TrialConfig
from trainables.data.augment import training_views
from trainables.data.readers import retina
from trainables.data.store import Store
from trainables.data.store_making import prepare
from trainables.loop import train_one_epoch
from trainables.models.architectures import build
from trainables.recipe_views import ViewRecipe
from trainables.teachers import shelf
from trainables.teachers.cache import KnowledgeCache, in_batches
from trainables.teachers.guide import Guide
from trainables.teachers.shelf import Teacher
from trainables.training import Training

NUM_PATIENTS = 80  # 160 photographs, 96 of them for training
CPU = torch.device("cpu")


def make_store(folder: Path, image_size_px: int, num_patients: int = NUM_PATIENTS) -> Store:
    """Phantom photographs at the working size."""
    root = write_retina(
        folder / "retina", num_patients=num_patients, image_size_px=image_size_px, seed=0, progress=False
    )
    out = folder / "retina.arrow"
    return prepare(retina.read(root), out, image_size_px=image_size_px, salt=b"bench", progress=False)


def make_teacher(folder: Path, architecture: str = "densenet121") -> Teacher:
    """A teacher of random weights: its cost is that of any other."""
    torch.manual_seed(0)
    weights = build(architecture, 14).state_dict()
    facts: dict[str, Any] = {"task": "multilabel", "label_names": tuple(map(str, range(14))), "source": "drawn"}
    return shelf.save(folder, weights, name="bench", architecture=architecture, is_phantom=True, **facts)


def make_training(store: Store, student: str, guide: Guide | None) -> Training:
    """A training as a trial makes it."""
    guided: dict[str, Any] = {"method": "transfer"}
    if guide:
        guided = {"method": "attention", "teacher": "bench", "beta": 10.0}
    guided |= {"dataset": "retina", "init": "random", "selection_metric": "f1_weighted"}
    config = TrialConfig(student=student, image_size_px=store.image_size_px, **guided)
    torch.manual_seed(0)
    network = build(student, len(store.label_names))
    return Training(config=config, store=store, student=network, guide=guide, device=CPU)


def measure(image_size_px: int, student: str, num_rounds: int) -> dict[str, float]:
    """Median seconds of an epoch: transfer, cached, cold, and of the teacher alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store, teacher = make_store(folder, image_size_px), make_teacher(folder / "teachers")
        cache = KnowledgeCache(folder / "cache", {"bench": 1}, store.num_images, 1 << 34)
        guide = Guide("attention", student, teacher, CPU, cache=cache)
        plain, guided = make_training(store, student, None), make_training(store, student, guide)
        rows = store.rows("train")

        def teach() -> None:
            for rows_B in batches(rows, 32, 0, 1):
                images = torch.from_numpy(store.gather(rows_B))
                views = training_views(images, rows_B, ViewRecipe(), seed=0, epoch=1)
                in_batches(guide.knowledge, views, 32)

        def augment() -> None:
            for rows_B in batches(rows, 32, 0, 1):
                images = torch.from_numpy(store.gather(rows_B))
                training_views(images, rows_B, ViewRecipe(), seed=0, epoch=1)

        train_one_epoch(guided, 1)  # fills epoch 1, and warms everything up
        train_one_epoch(plain, 1)
        times: dict[str, list[float]] = {"transfer": [], "cached": [], "cold": [], "teacher": []}
        for number in range(num_rounds):
            times["transfer"].append(_seconds(lambda: train_one_epoch(plain, 1)))
            times["cached"].append(_seconds(lambda: train_one_epoch(guided, 1)))
            times["cold"].append(_seconds(partial(train_one_epoch, guided, number + 2)))
            times["teacher"].append(_seconds(teach) - _seconds(augment))
    return {what: statistics.median(values) for what, values in times.items()}


def _seconds(work: Callable[[], object]) -> float:
    started_s = time.perf_counter()
    work()
    return time.perf_counter() - started_s


def main() -> None:
    """Prints a row per size and student."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.step", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128], metavar="PX", help="default: %(default)s")
    parser.add_argument("--students", nargs="+", choices=STUDENTS, default=list(STUDENTS), help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=7, help="default: %(default)s")
    typed = parser.parse_args()
    torch.set_num_threads(1)
    print("px | student | transfer, s | cached / transfer | cold / (transfer + teacher)")
    for size in typed.sizes:
        for student in typed.students:
            times = measure(size, student, typed.rounds)
            cached = times["cached"] / times["transfer"]
            cold = times["cold"] / (times["transfer"] + times["teacher"])
            print(f"{size} | {student} | {times['transfer']:.2f} | {cached:.3f} | {cold:.3f}", flush=True)
            for target, ratio in zip(steps(student, size), (cached, cold), strict=True):
                target.judge(ratio, typed.rounds)


if __name__ == "__main__":
    main()
