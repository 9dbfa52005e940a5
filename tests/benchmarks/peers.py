"""The public implementations, measured as ours are: `python -m tests.benchmarks.peers`; wants the extra `peers`.

torchdistill 1.1.5 (Matsubara 2023): what its attention transfer costs beside its own training without a teacher, which
is the ratio that `tests.benchmarks.step` prints for ours; batches lie ready in memory, and only the teacher's answer is
new to it. kornia: the same rotation, flip and normalisation, from the store's bytes, beside our `training_views`.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from kornia import augmentation
from torch import Tensor, nn
from torch.nn import functional
from torchdistill.core.forward_hook import ForwardHookManager  # type: ignore[import-untyped]
from torchdistill.losses.mid_level import ATLoss  # type: ignore[import-untyped]

from tests.benchmarks.step import CPU, make_store
from tests.benchmarks.targets import KORNIA, STUDENTS, torchdistill
from trainables.data.augment import training_views
from trainables.data.normalising import IMAGENET_MEAN, IMAGENET_STD
from trainables.data.store import Store
from trainables.models.architectures import build, known
from trainables.recipe_views import ViewRecipe

BATCH_SIZE = 32


def medians(ways: dict[str, Callable[[], object]], num_rounds: int) -> dict[str, float]:
    """Median seconds of each, in turn; the first round warms up and does not count."""
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(num_rounds + 1):
        for way, work in ways.items():
            started_s = time.perf_counter()
            work()
            times[way].append(time.perf_counter() - started_s)
    return {way: statistics.median(values[1:]) for way, values in times.items()}


def batches_of(store: Store) -> list[tuple[Tensor, Tensor]]:
    """The training views of an epoch and the labels, ready in memory."""
    batches = []
    for rows in np.split(store.rows("train"), range(BATCH_SIZE, store.num_images, BATCH_SIZE)):
        if len(rows):
            images = torch.from_numpy(store.gather(rows))
            views = training_views(images, rows, ViewRecipe(), seed=0, epoch=1)
            batches.append((views, torch.arange(len(rows)) % len(store.label_names)))
    return batches


def torchdistills_step(store: Store, architecture: str) -> dict[str, Callable[[], object]]:
    """An epoch without a teacher, and one of its attention transfer."""
    torch.manual_seed(0)
    teacher, tap_of_teacher = build("densenet121", 14).eval(), known("densenet121").taps["attention"].place
    tap = known(architecture).taps["attention"].place
    pair = {"teacher": {"io": "output", "path": tap_of_teacher}, "student": {"io": "output", "path": tap}}
    criterion, batches = ATLoss({"pair": pair}), batches_of(store)

    def student() -> tuple[nn.Module, torch.optim.Adam]:
        network = build(architecture, len(store.label_names)).to(memory_format=torch.channels_last).train()
        return network, torch.optim.Adam(network.parameters(), lr=1e-4)

    alone, guided = student(), student()
    of_teacher, of_student = ForwardHookManager(CPU), ForwardHookManager(CPU)
    of_teacher.add_hook(teacher, tap_of_teacher, requires_input=False)
    of_student.add_hook(guided[0], tap, requires_input=False)

    def plain() -> None:
        network, optimizer = alone
        for views, targets in batches:
            optimizer.zero_grad(set_to_none=True)
            functional.cross_entropy(network(views), targets).backward()
            optimizer.step()

    def transfer() -> None:
        network, optimizer = guided
        for views, targets in batches:
            optimizer.zero_grad(set_to_none=True)
            with torch.no_grad():
                teacher(views)
            ce = functional.cross_entropy(network(views), targets)
            (ce + criterion(of_student.pop_io_dict(), of_teacher.pop_io_dict())).backward()
            optimizer.step()

    return {"plain": plain, "transfer": transfer}


def views_of(store: Store) -> dict[str, Callable[[], object]]:
    """An epoch's views: kornia's and ours, from the same bytes."""
    batches = np.split(np.arange(store.num_images), range(BATCH_SIZE, store.num_images, BATCH_SIZE))
    steps = augmentation.AugmentationSequential(
        augmentation.RandomRotation(15.0, resample="nearest", p=1.0),
        augmentation.RandomHorizontalFlip(p=0.5),
        augmentation.Normalize(torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)),
    )

    def kornias() -> None:
        for rows in batches:
            planes = torch.from_numpy(store.gather(rows)).permute(0, 3, 1, 2).expand(-1, 3, -1, -1)
            steps(planes.to(torch.float32) / 255)

    def ours() -> None:
        for rows in batches:
            training_views(torch.from_numpy(store.gather(rows)), rows, ViewRecipe(), seed=0, epoch=1)

    return {"kornia": kornias, "ours": ours}


def main() -> None:
    """Prints one row per student, and one of views."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.peers", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--size", type=int, default=64, metavar="PX", help="of the step (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="default: %(default)s")
    typed = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        store = make_store(Path(name), typed.size)
        print("torchdistill, px | student | without a teacher, s an epoch | attention transfer / without")
        for student in STUDENTS:
            theirs_s = medians(torchdistills_step(store, student), typed.rounds)
            ratio = theirs_s["transfer"] / theirs_s["plain"]
            print(f"{typed.size} | {student} | {theirs_s['plain']:.2f} | {ratio:.3f}", flush=True)
            torchdistill(student, typed.size).judge(ratio, typed.rounds)
    with tempfile.TemporaryDirectory() as name:
        store = make_store(Path(name), 256)
        speed = {way: store.num_images / s for way, s in medians(views_of(store), typed.rounds).items()}
        print("\nviews of 256 px from the store | kornia, images/s | ours, images/s | ratio")
        print(f"retina | {speed['kornia']:.0f} | {speed['ours']:.0f} | {speed['ours'] / speed['kornia']:.1f}")
        KORNIA.judge(speed["ours"] / speed["kornia"], typed.rounds)


if __name__ == "__main__":
    main()
