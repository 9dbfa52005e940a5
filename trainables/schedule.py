"""The learning rate of an epoch: the paper's halving, or half a cosine, either of them after a warm-up.

All steps of an epoch have one rate, as in the paper: it is a function of the epoch's number alone, so that a resumed
training needs no state for it, and the rate that the record shows for an epoch is the one that was used. At the paper's
128 epochs the rungs of the cosine are less than 2% of the first rate.
"""

from __future__ import annotations

import math

from trainables.recipe_learning import LearningRecipe


def learning_rate(recipe: LearningRecipe, epoch: int) -> float:
    """The rate of `epoch`, counted from 1.

    Of W epochs of warm-up, epoch e has e / (W + 1) of the recipe's rate r (Goyal et al. 2017). Then, with t = 0 in the
    first epoch after it and T epochs from there to the last:

        halving:  r 2^-floor(t / N)                  (Akbarian et al. 2020, section V.A: N = 16)
        cosine:   r (1 + cos(pi t / T)) / 2          (Loshchilov and Hutter 2017, Eq. 5, without restarts)

    so that even the last epoch of a cosine trains.
    """
    if epoch <= recipe.warmup_epochs:
        return recipe.learning_rate * epoch / (recipe.warmup_epochs + 1)
    num_before = epoch - 1 - recipe.warmup_epochs
    if recipe.schedule == "cosine":
        share = num_before / (recipe.max_epochs - recipe.warmup_epochs)
        return recipe.learning_rate * (1 + math.cos(math.pi * share)) / 2
    return recipe.learning_rate * 0.5 ** (num_before // recipe.lr_halving_epochs)
