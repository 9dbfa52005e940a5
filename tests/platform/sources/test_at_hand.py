"""What a sweep learns from: teachers that have seen the test patients, and labels that cannot be uncertain."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import platform.phantoms.sets
from platform.command_line.sweep_requests import SweepRequest
from platform.command_line.training_requests import PretrainRequest
from platform.sources.at_hand import _without
from platform.sources.images import register
from platform.sources.places import Places
from platform.sweeping.gathering import prepare_sweep
from tests.typed import typed
from trainables.teachers import shelf

NUM_IMAGES = 32
TINY = [
    "--image-size",
    "32",
    "--phantom-size",
    str(NUM_IMAGES),
    "--cells",
    "*/densenet40/*",
    "--teacher-names",
    "mimic-cxr",
]
TINY += ["--average-labels", "defined"]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Places with small phantoms and two phantom teachers; `mimic-cxr` was trained on the phantom NIH images.

    The teachers' weights are for the fingerprint alone.
    """
    results = Places.under(tmp_path_factory.mktemp("results"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(platform.phantoms.sets, "PHANTOM_IMAGE_SIZE_PX", 32)
        for value, (name, dataset) in enumerate((("imagenet", "generic"), ("mimic-cxr", "chestxray8"))):
            shelf.save(
                results.teachers(phantom=True, image_size_px=32),
                {"w": torch.full((1,), float(value))},
                name=name,
                architecture="densenet121",
                task="multiclass",
                label_names=("a", "b"),
                source="drawn",
                is_phantom=True,
                seen={"dataset": dataset, "data": "phantom"},
            )
        yield results


def prepare(places: Any, *flags: str) -> Any:
    options = typed(SweepRequest, *flags, *TINY, "--results", str(places.results))
    return prepare_sweep(options, places)


def test_a_teacher_that_may_have_seen_the_test_patients_is_refused_or_flagged(places: Any) -> None:
    overlap = "the teacher mimic-cxr was trained on chestxray8, which may hold the test patients of chestxray8"
    with pytest.raises(ValueError, match=f"{overlap}.*--allow-overlap runs anyway"):
        prepare(places, "chestxray8")
    assert prepare(places, "chestxray8", "--allow-overlap").facts["teacher_overlap"] == overlap


def test_another_data_set_is_no_overlap_and_its_uncertain_labels_may_be_cells(places: Any) -> None:
    setup = prepare(places, "chexpert", "--uncertainty", "zeros", "ones")
    assert setup.facts["teacher_overlap"] == ""
    assert [cell.name for cell in setup.space.cells] == [
        "transfer/none/densenet40/all",
        "attention/mimic-cxr/densenet40/all",
        "transfer/none/densenet40/all@ones",
        "attention/mimic-cxr/densenet40/all@ones",
    ]


def test_a_policy_on_uncertain_labels_needs_some(places: Any) -> None:
    with pytest.raises(ValueError, match="chestxray8 has none: leave out --uncertainty ignore"):
        prepare(places, "chestxray8", "--uncertainty", "ignore", "--allow-overlap")


def test_missing_teachers_are_all_named_with_every_way_out_as_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    results = Places.under(tmp_path / "results")
    lines = [f"{number}.png,p{number},{number % 2}" for number in range(30)]
    (tmp_path / "my.csv").write_text("\n".join(["image,patient,label", *lines]) + "\n")
    register(tmp_path / "my.csv", results)
    flags = ["my", "--results", str(results.results), "--epochs", "3", "--fractions", "0.5", "1", "--no-flip"]
    request = typed(SweepRequest, *flags)
    with pytest.raises(FileNotFoundError) as caught:
        prepare_sweep(request, results)
    message = str(caught.value)
    assert "no ImageNet weights of densenet121" in message and "--imagenet-weights FILE" in message
    assert "no teacher named 'mimic-cxr'" in message
    commands = [shlex.split(line.partition("platform.sweep")[2]) for line in message.splitlines() if "sweep my" in line]
    asked = [typed(SweepRequest, *words) for words in commands]
    assert asked == [
        replace(request, cells=("transfer/*",), axes={"init": ("random",), **request.axes}),
        replace(request, teachers="phantom"),
    ]


def test_a_pre_training_without_weights_may_begin_from_random_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    request = typed(PretrainRequest, "retina", "--data", str(tmp_path), "--batch-size", "4")
    lines = _without(request)
    assert [line.partition("pretrain")[2] for line in lines if "platform" in line] == [
        f" retina --data {tmp_path} --batch-size 4 {more}" for more in ("--init random", "--teachers phantom")
    ]
