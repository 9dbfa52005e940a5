"""From `--scheduler` to where a sweep is recorded and told: its name, its settings, its plan, its page, its trials."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import platform.phantoms.sets
from platform.command_line.ablation_keys import keys
from platform.command_line.parsing import words_of
from platform.command_line.sweep_requests import SweepRequest
from platform.sources.places import Places
from platform.sweeping.gathering import prepare_sweep
from platform.sweeping.schedulers import DEFAULT_SCHEDULER, SCHEDULERS
from platform.sweeping.search import KEY
from platform.sweeping.setup import Setup
from platform.sweeping.trial_events import TrialEvents
from platform.tracking.method_record import search_plan
from platform.tracking.sweep_page import description
from tests.platform.sweeping.scheduled import WEAK, make_plan
from tests.typed import typed


@pytest.fixture(scope="module")
def drawn(draw_phantoms: Callable[..., Path]) -> Path:
    return draw_phantoms(retina=14)


@pytest.fixture
def places(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    monkeypatch.setattr(platform.phantoms.sets, "PHANTOM_IMAGE_SIZE_PX", 32)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copytree(drawn, Places.under(tmp_path / "results").phantoms)
    return Places.under(tmp_path / "results")


@pytest.fixture
def setup_of(places: Places, tmp_path: Path) -> Callable[..., Setup]:
    small = ("--cells", WEAK, "--image-size", "32", "--phantom-size", "14", "--average-labels", "defined")

    def make(*words: str) -> Setup:
        request = typed(SweepRequest, "retina", *small, "--epochs", "64", *words)
        return prepare_sweep(request, places, stand_ins=tmp_path)

    return make


def settings(setup: Setup) -> Any:
    return json.loads(setup.facts["settings"])


@pytest.mark.parametrize("name", SCHEDULERS)
def test_it_is_recorded_and_told(setup_of: Callable[..., Setup], places: Places, name: str) -> None:
    setup = setup_of("--scheduler", name)
    plan = setup.plan([])
    assert settings(setup)["scheduler"] == setup.scheduler == name
    assert f"\n  early stopping: {name}\n" in setup.announcement(plan, places)
    assert f"weak ones ended early by the scheduler `{name}`" in description(setup, state="")
    facts = search_plan(setup)
    assert (facts["scheduler"], facts["scheduler_source"]) == (name, SCHEDULERS[name].source)
    assert facts.get("grace_epochs") == {"none": None, "early-discard": 32}.get(name, 4)


def test_another_one_makes_another_sweep_and_the_usual_one_needs_no_flag(setup_of: Callable[..., Setup]) -> None:
    names = {name: setup_of("--scheduler", name).name for name in SCHEDULERS}
    assert len(set(names.values())) == len(SCHEDULERS)
    assert names[DEFAULT_SCHEDULER] == setup_of().name


def test_a_grid_has_none(setup_of: Callable[..., Setup], places: Places) -> None:
    grid = setup_of("--search", "grid")
    assert "scheduler" not in settings(grid) and search_plan(grid) == {"mode": "grid"}
    assert "early stopping" not in grid.announcement(grid.plan([]), places)
    assert "scheduler" not in description(grid, state="")
    assert setup_of("--search", "grid", "--scheduler", "none").name == grid.name
    with pytest.raises(
        ValueError, match="trains each of its points to the end, but got --search grid with --scheduler"
    ):
        setup_of("--search", "grid", "--scheduler", "pasha")


def test_the_flag_is_a_key_of_an_ablations_file_and_is_typed_again_as_it_was() -> None:
    assert keys()["scheduler"].choices == tuple(SCHEDULERS)
    asked = typed(SweepRequest, "retina", "--scheduler", "hyperband")
    assert words_of(asked) == ["retina", "--scheduler", "hyperband"]


@pytest.mark.parametrize("name", ["asha", "median"])
def test_a_trial_that_is_stopped_says_by_what(name: str) -> None:
    plan = make_plan(cells=[WEAK])
    record, outcomes = plan.next(), []
    tracker = SimpleNamespace(
        log=lambda *_: None, progress=lambda *_: None, close=lambda record, files, outcome: outcomes.append(outcome)
    )
    progress = SimpleNamespace(note=lambda *_: None, epoch=lambda *_: None, end=lambda *_: None)
    events = TrialEvents(plan, tracker, progress, lambda key: Path(key), name)  # type: ignore[arg-type]
    result = {"epoch": 1, "best_score": 0.5, "metrics": {}, "time_this_iter_s": 1.0, "done": True}
    events.on_trial_result(0, [], SimpleNamespace(config={KEY: record.spec.key}), result)  # type: ignore[arg-type]
    assert record.stopped == outcomes[0]["stopped"] == name
