"""The small sweep of phantoms that tests disturb and compare with an undisturbed one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from platform.sources.places import Places
from tests import forking
from trainables.models.architectures import build
from trainables.teachers import shelf

ROOT = Path(__file__).parents[1]
# The smallest student, whose checkpoints are small too, and a teacher of drawn weights: what is compared is whether
# numbers stay, and nothing has to be learnt.
IMAGE_SIZE_PX = 32
CELLS = ("transfer/none/densenet40/all", "attention/imagenet/densenet40/all")
NUM_TRIALS = len(CELLS) * (2 + 1)  # two of the search and one repeat each
FLAGS = (
    *("--image-size", str(IMAGE_SIZE_PX), "--phantom-size", "24", "--epochs", "3", "--trials", "2", "--repeats", "1"),
    *("--students", "densenet40", "--teacher-names", "imagenet", "--concurrent", "1", "--cpus-per-trial", "1"),
    *("--average-labels", "defined"),  # in twelve validation images no class is frequent
)
ARGUMENTS = ("retina", *FLAGS, "--cells", *CELLS)
COMMAND = (sys.executable, "-m", "platform.sweep", *ARGUMENTS)
TIMEOUT_S = 300


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's, without another cluster or server, and `more`."""
    others = {name: value for name, value in os.environ.items() if name not in ("RAY_ADDRESS", "MLFLOW_TRACKING_URI")}
    return {**others, **(more or {})}


def start(results: Path, *flags: str, more: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """The sweep with further flags and variables, in a process group of its own: to be ended with all its children."""
    draw_teacher(results)
    return subprocess.Popen(
        [*COMMAND, "--results", str(results), *flags],
        cwd=ROOT,
        env=environment(more),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def fork(results: Path, *flags: str) -> forking.Command:
    """The same sweep, without the seconds in which Python imports what it needs."""
    return forking.start("platform.sweep", *ARGUMENTS, "--results", str(results), *flags, environment=environment())


def draw_teacher(results: Path) -> None:
    """Puts the phantom teacher that the sweep asks for where it looks, unless it is there."""
    folder = Places.under(results).teachers(phantom=True, image_size_px=IMAGE_SIZE_PX)
    if (folder / "imagenet").exists():
        return
    torch.manual_seed(0)
    facts: dict[str, Any] = {"task": "multiclass", "label_names": ("one", "two"), "source": "random weights"}
    weights = build("densenet121", len(facts["label_names"])).state_dict()
    shelf.save(folder, weights, name="imagenet", architecture="densenet121", is_phantom=True, **facts)


def finish(process: subprocess.Popen[str] | forking.Command) -> str:
    """What a sweep prints that ends well.

    Raises:
        AssertionError: it does not; the message holds all that it printed.
    """
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, f"{out}\n{err}"
    return out
