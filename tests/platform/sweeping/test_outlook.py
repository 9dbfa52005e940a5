"""The plan that `--dry-run` prints, through the command, and where steps are timed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import platform.phantoms.sets
import platform.sweep
from platform.sweeping import outlook
from platform.sweeping.outlook import try_timing
from platform.sweeping.runner import Resources
from tests.platform.sweeping.forecast_setup import PACE, PLAIN
from trainables import pace
from trainables.data.blank import store_of_the_papers_size
from trainables.data.catalogue import DATASETS
from trainables.data.store import Store

SMALL = ("--image-size", "32", "--phantom-size", "14", "--average-labels", "defined", "--students", "densenet40")


@pytest.fixture
def plan(
    tmp_path: Path,
    draw_phantoms: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., list[str]]:
    """The lines of a plan whose steps are not timed; the results folder is `tmp_path`."""
    monkeypatch.setattr(platform.phantoms.sets, "PHANTOM_IMAGE_SIZE_PX", 32)
    monkeypatch.setattr(pace, "measure", lambda job, store=None, *, gpus=1.0: PACE)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    draw_phantoms(retina=14).rename(tmp_path / "phantoms")

    def lines(*flags: str) -> list[str]:
        assert platform.sweep.main([*flags, "--dry-run", "--results", str(tmp_path)]) == 0
        return capsys.readouterr().out.splitlines()

    return lines


def test_a_plan_opens_no_image_trains_no_teacher_and_begins_no_sweep(
    plan: Callable[..., list[str]], tmp_path: Path
) -> None:
    for picture in (tmp_path / "phantoms").rglob("*.jpeg"):
        picture.write_bytes(b"no picture")
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    lines = plan("retina", *SMALL)
    assert re.fullmatch(r"sweep retina-phantom-[0-9a-f]{4}: choose a name of your own with --name", lines[0])
    assert lines[1].endswith("32 px, none of them opened")
    assert "plan: 6 trials to search, 9 repeats to confirm, each of up to 2 epochs" in lines
    assert [line.split()[:3] for line in lines[-3:]] == [
        ["transfer/none/densenet40/all", "2", "3"],
        ["attention/imagenet/densenet40/all", "2", "3"],
        ["attention/mimic-cxr/densenet40/all", "2", "3"],
    ]
    assert {path for path in tmp_path.rglob("*") if path.is_file()} - before == {tmp_path / "salt"}


def test_the_papers_preset_counts_the_papers_images(plan: Callable[..., list[str]]) -> None:
    lines = plan("retina", "--preset", "paper", "--students", "densenet40")
    assert lines[0].startswith("Retina: as many images as in the paper's Table II (21,126 train, 7,000 validation")
    # 21,126 x 0.1 s, 7,000 x 0.05 s and a second for the checkpoint
    assert lines[-1].split(maxsplit=3)[3] == "41 min"


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (("mimic-cxr", "--preset", "paper"), "Table II does not count mimic-cxr: give --data DIR"),
        (("retina", "--preset", "paper", "--hold-out", "Mild"), "--hold-out needs the images' labels"),
    ],
)
def test_what_the_paper_does_not_count_is_refused(
    plan: Callable[..., list[str]], flags: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        plan(*flags)
    assert reason in capsys.readouterr().err


@pytest.mark.slow
def test_the_steps_are_really_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(platform.phantoms.sets, "PHANTOM_IMAGE_SIZE_PX", 32)
    flags = ["retina", *SMALL, "--cells", PLAIN, "--dry-run", "--results", str(tmp_path), "--epochs", "100"]
    assert platform.sweep.main(flags) == 0
    found = re.search(r"about (\S+) CPU-hours", capsys.readouterr().out)
    assert found and float(found[1]) > 0


JOB = SimpleNamespace(spec=SimpleNamespace(config=SimpleNamespace(image_size_px=32)))


@pytest.mark.slow
@pytest.mark.parametrize("has_gpu", [False, True])
def test_a_gpu_is_left_to_the_trials(has_gpu: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """There, the step runs in a process that ends, and the device gets all memory back."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(outlook, "paces_of", lambda setup, measure: measure(JOB))
    monkeypatch.setattr(pace, "measure", process_and_images)
    store = store_of_the_papers_size(DATASETS["retina"], 32)
    setup: Any = SimpleNamespace(base=SimpleNamespace(batch_size=4), stores={32: store}, has_gpu=has_gpu)
    timed: Any = try_timing(setup, Resources(gpus=1.0), on_cluster=False)
    assert timed[1:] == (4, 4, 1.0)
    assert (timed[0] != os.getpid()) == has_gpu


def process_and_images(job: SimpleNamespace, store: Store, *, gpus: float) -> tuple[int, int, int, float]:
    """In the place of `trainables.pace.measure`."""
    return os.getpid(), len(store.rows("train")), len(store.rows("validation")), gpus
