"""Augmented batches on the card against batches that are gathered and normalised alone."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from tests.benchmarks.gpu.bench_setup import Setup, whole_batches
from tests.benchmarks.gpu.card_pieces import Reading
from trainables.data.augment import training_views
from trainables.data.normalising import normalise
from trainables.data.resident import Images
from trainables.recipe_views import ViewRecipe


def share_of_floor(setup: Setup) -> Iterator[Reading]:
    """Both speeds, and the share of the floor that augmenting leaves."""
    store = setup.store()
    images, batches = Images(store, torch.device(setup.device)), whole_batches(store, setup.batch_size)

    def augmented() -> int:
        for rows in batches:
            training_views(images.of(rows), rows, ViewRecipe(), seed=0, epoch=1)
        return len(batches) * setup.batch_size

    def floor() -> int:
        for rows in batches:
            normalise(images.of(rows)).contiguous()
        return len(batches) * setup.batch_size

    speed, fastest = setup.images_per_s(augmented), setup.images_per_s(floor)
    yield Reading("views, augmented", speed, "images/s", setup.rounds)
    yield Reading("views, gathered and normalised", fastest, "images/s", setup.rounds)
    yield Reading("views, share of the floor", speed / fastest, "share", setup.rounds)
