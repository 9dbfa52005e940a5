"""What a sweep varies: one search space a data set."""

from __future__ import annotations

from search_spaces import chestxray8, chexpert, retina
from search_spaces.space import Space

SPACES = {space.dataset: space for space in (retina.SPACE, chexpert.SPACE, chestxray8.SPACE)}


def space_of(dataset: str, task: str) -> Space:
    """The search space of `dataset`: its own file's, or for a user's own data set the paper's cells and ranges."""
    if dataset in SPACES:
        return SPACES[dataset]
    return Space(dataset=dataset, selection_metric="f1_weighted" if task == "multiclass" else "auc")
