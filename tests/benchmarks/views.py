"""Training batches from the store against torchvision's own way from files: `python -m tests.benchmarks.views`.

With TRANSFER_DATA set, the files are real photographs and X-rays; else phantoms of 1,024 px. One process, one thread.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision import transforms

from platform.phantoms.nih_writer import write_chestxray8
from platform.phantoms.writers import write_retina
from tests.benchmarks import targets
from trainables.data.augment import training_views
from trainables.data.catalogue import read
from trainables.data.listing import Listing
from trainables.data.normalising import IMAGENET_MEAN, IMAGENET_STD, normalise
from trainables.data.readers import chestxray8, retina
from trainables.data.store_making import prepare
from trainables.recipe_views import ViewRecipe

NUM_IMAGES = 96
BATCH_SIZE = 32
DATASETS = ("retina", "chestxray8")


def listing_of(dataset: str, folder: Path) -> Listing:
    """The first images of a real data set, or phantoms."""
    if data := os.environ.get("TRANSFER_DATA"):
        listing = read(dataset, Path(data))
    elif dataset == "retina":
        listing = retina.read(write_retina(folder / dataset, num_patients=NUM_IMAGES // 2, image_size_px=1024, seed=0))
    else:
        listing = chestxray8.read(write_chestxray8(folder / dataset, num_images=NUM_IMAGES, image_size_px=1024, seed=0))
    return replace(listing, rows=listing.rows.head(NUM_IMAGES).reset_index(drop=True))


def torchvisions_way(listing: Listing, image_size_px: int) -> Callable[[], object]:
    """Decode with PIL, resize, crop, rotate, flip, normalise: section V.A by torchvision's own transforms."""
    steps = transforms.Compose(
        [
            transforms.Resize(image_size_px),
            transforms.CenterCrop(image_size_px),
            transforms.RandomRotation(15),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD),
        ]
    )

    def load(path: str) -> torch.Tensor:
        with Image.open(listing.root / path) as image:
            return steps(image.convert("RGB"))

    paths = listing.rows["path"].tolist()
    return lambda: [
        torch.stack([load(path) for path in paths[i : i + BATCH_SIZE]]) for i in range(0, NUM_IMAGES, BATCH_SIZE)
    ]


def measure(dataset: str, image_size_px: int, num_rounds: int) -> dict[str, float]:
    """Images a second: torchvision, ours with either rotation, and the floor (gather and normalise)."""
    with tempfile.TemporaryDirectory() as name:
        listing = listing_of(dataset, Path(name))
        out = Path(name) / "s.arrow"
        store = prepare(listing, out, image_size_px=image_size_px, salt=b"bench", progress=False)
        batches = np.split(np.arange(NUM_IMAGES), NUM_IMAGES // BATCH_SIZE)

        def ours(interpolation: str = "nearest") -> None:
            for rows in batches:
                images = torch.from_numpy(store.gather(rows))
                recipe = ViewRecipe(interpolation=interpolation)
                training_views(images, rows, recipe, seed=0, epoch=1)

        def floor() -> None:
            for rows in batches:
                normalise(torch.from_numpy(store.gather(rows))).contiguous()

        ways = {"torchvision": torchvisions_way(listing, image_size_px), "ours": ours, "floor": floor}
        speeds = _speeds(ways, num_rounds)
        # Apart: what one way leaves of the heap decides how often the next one has to ask for pages.
        return speeds | _speeds({"bilinear": partial(ours, "bilinear")}, num_rounds)


def _speeds(ways: Mapping[str, Callable[..., object]], num_rounds: int) -> dict[str, float]:
    """Images a second: medians of rounds that take turns, after one to warm up."""
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(num_rounds + 1):
        for way, work in ways.items():
            started_s = time.perf_counter()
            work()
            times[way].append(time.perf_counter() - started_s)
    return {way: NUM_IMAGES / statistics.median(values[1:]) for way, values in times.items()}


def main() -> None:
    """Prints one row per data set."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.views", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--datasets", nargs="+", choices=DATASETS, default=list(DATASETS), help="default: all")
    parser.add_argument("--size", type=int, default=256, metavar="PX", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=15, help="default: %(default)s")
    typed = parser.parse_args()
    torch.set_num_threads(1)
    print(
        "data set | torchvision, images/s | ours | ratio | share of the floor | ours, bilinear | "
        "ratio to torchvision's nearest"
    )
    for dataset in typed.datasets:
        speed = measure(dataset, typed.size, typed.rounds)
        ratio, share = speed["ours"] / speed["torchvision"], speed["ours"] / speed["floor"]
        bilinear = speed["bilinear"] / speed["torchvision"]
        print(
            f"{dataset} | {speed['torchvision']:.0f} | {speed['ours']:.0f} | {ratio:.1f} | {share:.2f} | "
            f"{speed['bilinear']:.0f} | {bilinear:.1f}",
            flush=True,
        )
        for target, figure in zip(targets.views(dataset), (ratio, bilinear, share), strict=True):
            target.judge(figure, typed.rounds)


if __name__ == "__main__":
    main()
