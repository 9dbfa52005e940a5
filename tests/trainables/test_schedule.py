"""Learning rates of each epoch, by hand."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest

from trainables.recipe_learning import LearningRecipe
from trainables.schedule import learning_rate


@pytest.mark.parametrize(
    ("knobs", "shares"),
    [
        ({"max_epochs": 5, "lr_halving_epochs": 2}, [1, 1, 1 / 2, 1 / 2, 1 / 4]),
        ({"max_epochs": 5, "lr_halving_epochs": 2, "warmup_epochs": 1}, [1 / 2, 1, 1, 1 / 2, 1 / 2]),
        ({"max_epochs": 4, "warmup_epochs": 3}, [1 / 4, 1 / 2, 3 / 4, 1]),
        ({"max_epochs": 4, "schedule": "cosine"}, [1, (1 + math.sqrt(1 / 2)) / 2, 1 / 2, (1 - math.sqrt(1 / 2)) / 2]),
        ({"max_epochs": 1, "schedule": "cosine"}, [1]),
        ({"max_epochs": 5, "schedule": "cosine", "warmup_epochs": 2}, [1 / 3, 2 / 3, 1, 3 / 4, 1 / 4]),
    ],
    ids=["halving", "halving after a warm-up", "warm-up", "cosine", "one epoch", "cosine after a warm-up"],
)
def test_the_rate_of_each_epoch(knobs: dict[str, Any], shares: list[float]) -> None:
    recipe = LearningRecipe(learning_rate=0.2, **knobs)
    rates = [learning_rate(recipe, epoch) for epoch in range(1, recipe.max_epochs + 1)]
    assert rates == pytest.approx([0.2 * share for share in shares])


def test_the_papers_rate_is_halved_after_every_16_epochs() -> None:
    recipe = LearningRecipe()
    assert [learning_rate(recipe, epoch) for epoch in (1, 16, 17, 128)] == [5e-5, 5e-5, 2.5e-5, 5e-5 / 2**7]


def test_a_cosine_falls_in_small_steps_and_ends_above_0() -> None:
    recipe = LearningRecipe(schedule="cosine")
    rates = [learning_rate(recipe, epoch) for epoch in range(1, 129)]
    falls = [before - after for before, after in itertools.pairwise(rates)]
    assert min(falls) > 0 and max(falls) < 0.02 * 5e-5 and 0 < rates[-1] < 1e-3 * 5e-5
