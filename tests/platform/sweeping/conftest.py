"""Phantoms that several tests of a file copy into their results folder, drawn once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import platform.phantoms.sets
from platform.sources.places import Places

Draw = Callable[..., Path]


@pytest.fixture(scope="module")
def draw_phantoms(tmp_path_factory: pytest.TempPathFactory) -> Draw:
    """Draws phantom data sets of 32 px as a sweep would, by name and size; returns a results folder's `phantoms`."""

    def draw(**sizes: int) -> Path:
        places = Places.under(tmp_path_factory.mktemp("drawn"))
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(platform.phantoms.sets, "PHANTOM_IMAGE_SIZE_PX", 32)
            for dataset, size in sizes.items():
                platform.phantoms.sets.phantom_listing(dataset, places, size)
        return places.phantoms

    return draw
