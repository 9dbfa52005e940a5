"""First weights that are drawn to match a teacher's: that teacher is fetched, and its fingerprint recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import torch

import platform.phantoms.sets
from platform.command_line.sweep_requests import SweepRequest
from platform.sources.places import Places
from platform.sweeping.gathering import prepare_sweep
from platform.sweeping.setup import Setup
from tests.typed import typed
from trainables import titles
from trainables.teachers import shelf
from trainables.trial import TrialSpec

NUM_PATIENTS = 14


@pytest.fixture
def setup(draw_phantoms: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setup:
    monkeypatch.setattr(platform.phantoms.sets, "PHANTOM_IMAGE_SIZE_PX", 32)
    places = Places.under(tmp_path / "results")
    copytree(draw_phantoms(retina=NUM_PATIENTS), places.phantoms)
    folder = places.teachers(phantom=True, image_size_px=32)
    for value, name in enumerate(("imagenet", "mimic-cxr")):
        facts: dict[str, Any] = {"architecture": "densenet121", "task": "multilabel", "label_names": ("a",)}
        shelf.save(folder, {"w": torch.full((1,), float(value))}, name=name, source="", is_phantom=True, **facts)
    flags = ["--image-size", "32", "--phantom-size", str(NUM_PATIENTS), "--average-labels", "defined"]
    flags += ["--students", "densenet40", "--cells", "transfer/*"]
    flags += ["--init", "imagenet", "matched-imagenet", "matched-mimic-cxr", "random"]
    return prepare_sweep(typed(SweepRequest, "retina", *flags), places)


def specs(setup: Setup) -> dict[str, TrialSpec]:
    plan, by_init = setup.plan([]), dict[str, TrialSpec]()
    while record := plan.next():
        by_init.setdefault(record.spec.config.init, record.spec)
    return by_init


def test_each_kind_of_first_weights_is_a_cell_and_names_what_it_matches(setup: Setup) -> None:
    column = "transfer/none/densenet40/all"
    names = [f"{column}@from-{init}" for init in ("matched-imagenet", "matched-mimic-cxr", "random")]
    assert [cell.name for cell in setup.space.cells] == [column, *names]
    assert titles.cell(setup.space.cells[2]).endswith("from random weights scaled as MIMIC-CXR weights")


def test_the_fingerprint_is_that_of_the_weights_that_are_matched(setup: Setup) -> None:
    assert sorted(setup.teachers) == ["imagenet", "mimic-cxr"]
    by_init = specs(setup)
    prints = {init: spec.init_fingerprint for init, spec in by_init.items()}
    imagenet, mimic = (setup.teachers[name].fingerprint for name in ("imagenet", "mimic-cxr"))
    assert prints == {
        "imagenet": imagenet,
        "matched-imagenet": imagenet,
        "matched-mimic-cxr": mimic,
        "random": "random",
    }
    assert len({spec.key for spec in by_init.values()}) == 4
