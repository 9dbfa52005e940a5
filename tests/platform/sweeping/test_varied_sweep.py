"""A sweep whose cells differ in any knob: its images, the record of each trial, and what is refused at the start."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import platform.phantoms.sets
from platform.command_line.sweep_requests import SweepRequest
from platform.sources.places import Places
from platform.sweeping.gathering import prepare_sweep
from platform.sweeping.records import TrialRecord
from platform.sweeping.setup import Setup
from tests.typed import typed
from trainables.models.architectures import build
from trainables.teachers import shelf

NUM_PATIENTS = 14
PLAIN = "transfer/none/densenet40/all"


@pytest.fixture
def places(draw_phantoms: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """A results folder with phantom photographs and first weights."""
    monkeypatch.setattr(platform.phantoms.sets, "PHANTOM_IMAGE_SIZE_PX", 32)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    results = Places.under(tmp_path / "results")
    shutil.copytree(draw_phantoms(retina=NUM_PATIENTS), results.phantoms)
    shelf.save(
        results.teachers(phantom=True, image_size_px=32), build("densenet121", 1).state_dict(), name="imagenet",
        source="drawn", is_phantom=True, architecture="densenet121", task="multilabel", label_names=("a",),
    )  # fmt: skip
    return results


def setup_of(places: Places, *flags: str) -> Setup:
    small = ["--image-size", "32", "--phantom-size", str(NUM_PATIENTS), "--average-labels", "defined"]
    return prepare_sweep(typed(SweepRequest, "retina", *small, "--cells", f"{PLAIN}*", *flags), places)


def first_trials(setup: Setup) -> dict[str, TrialRecord]:
    plan = setup.plan([])
    records = [plan.next() for _ in setup.space.cells]
    return {record.spec.cell.name: record for record in records if record is not None}


def test_each_image_size_has_its_images_and_one_split(places: Places) -> None:
    setup = setup_of(places, "--vary", "image_size_px=32,64", "--one-at-a-time")
    small, large = (first_trials(setup)[name] for name in (PLAIN, f"{PLAIN}@image_size_px=64"))
    assert setup.job(small).store != setup.job(large).store == str(setup.stores[64].path)
    assert small.spec.split_fingerprint == large.spec.split_fingerprint
    assert small.spec.data_fingerprint != large.spec.data_fingerprint
    assert large.spec.config.image_size_px == 64
    assert "sweep_setup" not in setup.tags(small)
    assert json.loads(setup.tags(large)["sweep_setup"]) == {
        "image_size_px": 32,
        "data_fingerprint": setup.store.fingerprint,
    }


def test_a_trial_is_recorded_with_the_sweeps_own_values_of_what_its_cell_changes(places: Places) -> None:
    setup = setup_of(places, "--vary", "rotation_deg=0", "learning_rate=0.001")
    record = first_trials(setup)[f"{PLAIN}@learning_rate=0.001,rotation_deg=0"]
    assert json.loads(setup.tags(record)["sweep_setup"]) == {"learning_rate": None, "rotation_deg": 15.0}
    assert (record.spec.config.learning_rate, record.spec.config.rotation_deg) == (0.001, 0.0)


def test_the_name_does_not_depend_on_what_cells_change(places: Places) -> None:
    assert setup_of(places).name == setup_of(places, "--vary", "rotation_deg=0,15").name


def test_the_announcement_says_what_is_varied(places: Places) -> None:
    setup = setup_of(places, "--vary", "rotation_deg=0,15,30", "learning_rate=0.001")
    lines = setup.announcement(setup.plan([]), places).splitlines()
    assert "  varied:   rotation_deg: 0, 30; else 15" in lines
    assert "  varied:   learning_rate: 0.001; else searched" in lines


def test_a_rule_that_leaves_too_few_labels_is_refused_at_the_start(places: Places) -> None:
    with pytest.raises(ValueError, match="at least half of the classes of retina must have three positives"):
        setup_of(places, "--vary", "average_labels=frequent")
