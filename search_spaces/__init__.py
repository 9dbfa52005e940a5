"""What a sweep varies, declared: cells, the ranges within a cell, and the presets.

One file per data set, each range with its source; `space.py` says what a search space is, and `presets.py` how long and
how large a sweep is. Nothing here runs a search: `platform` does that, and `trainables` trains.
"""

from __future__ import annotations

from search_spaces import chestxray8, chexpert, retina
from search_spaces.space import Space

SPACES = {space.dataset: space for space in (retina.SPACE, chexpert.SPACE, chestxray8.SPACE)}


def space_of(dataset: str, task: str) -> Space:
    """The search space of `dataset`: its own file's, or for a user's own data set the paper's cells and ranges."""
    if dataset in SPACES:
        return SPACES[dataset]
    return Space(dataset=dataset, selection_metric="f1_weighted" if task == "multiclass" else "auc")
