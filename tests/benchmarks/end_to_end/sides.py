"""One side's run of an ablation, and the figures of it: both by the same names, each from its own clocks."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from tests.benchmarks.end_to_end.ground import Ground, Task, our_arguments, points, split_counts, their_settings
from tests.benchmarks.end_to_end.watching import Watched, watch
from tests.small_sweep import ROOT, query

PEER_SCRIPT = Path(__file__).with_name("peer_stack.py")
PEER_WORKERS = 0  # of a DataLoader: see BENCHMARKS.md
PREPARED = re.compile(r"^retina: \d+ ")  # the summary of the images, printed when they are prepared
STARTED = re.compile(r": lr .*, wd ")
EPOCH = re.compile(r": epoch (\d+)/\d+")
ENDED = re.compile(r": (done, best|stopped early) ")
PARTS = ("start", "setup", "pictures", "teacher", "student", "validation", "other")


@dataclass(kw_only=True)
class Figures:
    """What a run took. `parts` are seconds of the wall clock, and add up to `last_trial_s`: what is done in the slots
    at the same time counts by its share of them.
    """

    wall_s: float
    last_trial_s: float  # to the end of the last trial
    first_epoch_s: float  # to the beginning of the first epoch
    cpu_s: float
    peak_mb: float
    num_epochs: int
    attention_epoch_s: float  # mean seconds of training in an epoch of attention transfer
    transfer_epoch_s: float  # the same without a teacher
    parts: dict[str, float] = field(default_factory=dict)


def run(side: str, task: Task, ground: Ground, folder: Path) -> Figures:
    """Runs one side in a new folder, which is removed when all went well.

    Raises:
        RuntimeError: the command failed, or trained something else than it was asked to.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    runs: dict[str, Callable[[Task, Ground, Path], Figures]] = {"ours": _ours, "theirs": _theirs}
    figures = runs[side](task, ground, folder)
    shutil.rmtree(folder)
    return figures


def _ours(task: Task, ground: Ground, folder: Path) -> Figures:
    results = folder / "results"
    arguments = our_arguments(task, ground, results)
    command = [sys.executable, "-u", "-m", "platform.sweep", *arguments]
    seen = watch(command, ROOT, folder / "output.txt")
    epochs = _our_epochs(results, split_counts(ground)["train"])
    if not task.is_searched:
        _check_points(results, task)
    return _figures(seen, epochs, task, _our_moments(seen, epochs))


def _our_moments(seen: Watched, epochs: pd.DataFrame) -> dict[str, float]:
    """When, since the command, the first trial was given to a worker, the first epoch began, and the last one ended."""
    given = next(at for at, line in seen.lines if STARTED.search(line))
    reported = next(at for at, line in seen.lines if EPOCH.search(line))
    ended = [at for at, line in seen.lines if ENDED.search(line)]
    first = epochs[epochs["epoch"] == 1].iloc[0]
    return {
        "given": given,
        "first_epoch": reported - first["training"] - first["validation"],
        "last_trial": ended[-1],
    }


def _our_epochs(results: Path, num_images: int) -> pd.DataFrame:
    """A row per epoch, in the order of their ends: seconds of its parts, from the record of the sweep."""
    rows = query(
        results,
        "select t.value, m.step, m.key, m.value, m.timestamp from metrics m "
        "join tags t on t.run_uuid = m.run_uuid and t.key = 'trial'",
    )
    tags = dict(
        query(
            results,
            "select k.value, c.value from tags k join tags c on c.run_uuid = k.run_uuid and c.key = 'cell' "
            "where k.key = 'trial'",
        )
    )
    long = pd.DataFrame(rows, columns=["trial", "epoch", "name", "value", "at"])
    raise NotImplementedError(long["name"].unique(), tags)
