"""The small sweep of phantoms that tests disturb and compare with an undisturbed one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests import forking

ROOT = Path(__file__).parents[1]
# The smallest networks: what is compared is whether numbers stay, and the phantom teacher is trained in seconds.
CELLS = ("transfer/none/resnet18/all", "attention/imagenet-resnet18/resnet18/all")
NUM_TRIALS = len(CELLS) * (2 + 1)  # two of the search and one repeat each
FLAGS = (
    *("--image-size", "32", "--phantom-size", "24", "--epochs", "3", "--trials", "2", "--repeats", "1"),
    *("--students", "resnet18", "--teacher-names", "imagenet-resnet18"),
    *("--concurrent", "1", "--average-labels", "defined"),  # in twelve validation images no class is frequent
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
    return subprocess.Popen(
        [*COMMAND, "--results", str(results), *flags],
        cwd=ROOT,
        env=environment(more),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def fork(results: Path) -> forking.Command:
    """The same sweep, without the seconds in which Python imports what it needs."""
    return forking.start("platform.sweep", *ARGUMENTS, "--results", str(results), environment=environment())


def finish(process: subprocess.Popen[str] | forking.Command) -> str:
    """What a sweep prints that ends well.

    Raises:
        AssertionError: it does not; the message holds all that it printed.
    """
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, f"{out}\n{err}"
    return out
