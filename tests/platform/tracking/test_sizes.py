"""What the record of a sweep's growth says of its size: splits drawn anew and components are growth, too."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from platform.sweeping.redraws import Redraws
from platform.tracking.growth import sizes_of
from search_spaces.retina import SPACE


def sizes(num_repeats: int, *sources: str, components: bool = False) -> dict[str, Any]:
    plan: Any = SimpleNamespace(studies={"a": SimpleNamespace(num_trials=4), "b": SimpleNamespace(num_trials=2)})
    redraws = Redraws(sources=sources, components=components)
    setup: Any = SimpleNamespace(space=SPACE, num_repeats=num_repeats, redraws=redraws, facts={})
    return sizes_of(setup, plan)


def test_the_papers_repeats_need_no_word() -> None:
    usual = sizes(3, "seed")
    assert {name: usual[name] for name in usual if name != "cells_sha256"} == {"cells": 7, "trials": 6, "repeats": 3}


def test_another_source_and_its_components_change_the_size() -> None:
    both = sizes(3, "seed", "split")
    assert (both["repeats"], both["drawn"]) == (3, "seed+split")
    assert sizes(3, "seed", "split", components=True) == {**both, "repeats": 9}
