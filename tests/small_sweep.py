"""The small sweep of phantoms that tests disturb and compare with an undisturbed one."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import time
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
    *("--watts-per-core", "7.5"),
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


def query(results: Path, sql: str) -> list[tuple]:
    with sqlite3.connect(f"file:{results / 'mlflow.db'}?mode=ro", uri=True) as database:
        return database.execute(sql).fetchall()


def trials(results: Path) -> dict[str, str]:
    """Status of each trial, by its hash; a trial with two runs fails the test."""
    rows = query(
        results, "select t.value, r.status from runs r join tags t on t.run_uuid = r.run_uuid and t.key = 'trial'"
    )
    assert len({key for key, _ in rows}) == len(rows), "a trial has two runs"
    return dict(rows)


def numbers(results: Path) -> dict[tuple[str, str, int], float]:
    """Every metric of every trial at every epoch, but for the speed."""
    rows = query(
        results,
        "select t.value, m.key, m.step, m.value from metrics m "
        "join tags t on t.run_uuid = m.run_uuid and t.key = 'trial' "
        "where m.key not in ('images_per_s', 'epoch_s') and m.key not like 'cost/%'",
    )
    values = {(trial, name, step): value for trial, name, step, value in rows}
    assert len(values) == len(rows), "a metric has two values at one epoch"
    return values


def table(output: str) -> list[str]:
    return [line for line in output.splitlines() if re.match(r"(transfer|attention)/.* \d+\.\d\d", line)]


def wait_for(process: forking.Command, results: Path, num_finished: int, num_epochs: int) -> None:
    """Until so many trials are finished, and the running one has reported so many epochs."""
    deadline_s = time.monotonic() + 200
    while time.monotonic() < deadline_s:
        assert process.poll() is None, "the sweep ended before it was disturbed"
        try:
            ((done, epochs),) = query(
                results,
                "select (select count(*) from runs r join tags t on t.run_uuid = r.run_uuid and t.key = 'trial' "
                "where r.status = 'FINISHED'), (select count(*) from metrics m join runs r "
                "on r.run_uuid = m.run_uuid where m.key = 'score' and r.status = 'RUNNING')",
            )
        except sqlite3.OperationalError:  # the file is not made yet
            done = epochs = 0
        if done >= num_finished and epochs >= num_epochs:
            return
        time.sleep(0.02)
    raise AssertionError("the sweep did not come so far in 200 s")
