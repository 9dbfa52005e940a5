"""What a sweep varies, declared: cells, the ranges within a cell, and the presets.

One file per data set, each range with its source; `space.py` says what a search space is, and `presets.py` how long and
how large a sweep is. Nothing here runs a search: `platform` does that, and `trainables` trains.
"""

from __future__ import annotations

import importlib
import pkgutil

from search_spaces.space import Space

_modules = [importlib.import_module(f"{__name__}.{it.name}") for it in pkgutil.iter_modules(__path__)]
SPACES: dict[str, Space] = {module.SPACE.dataset: module.SPACE for module in _modules if hasattr(module, "SPACE")}


def space_of(dataset: str) -> Space:
    """The search space of `dataset`: its own file's, or for one without a file the paper's cells and ranges."""
    return SPACES[dataset] if dataset in SPACES else Space(dataset=dataset)
