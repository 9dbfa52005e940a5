"""One side's run of an ablation, and the figures of it: both by the same names, each from its own clocks."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from tests.benchmarks.end_to_end.ground import Ground, Task, our_arguments, points, split_counts, their_settings
from tests.benchmarks.end_to_end.watching import Watched, watch
from tests.small_sweep import ROOT, query

FOLDER = Path(__file__).parent
PEER_PROGRAM = f"{FOLDER.name}.peer_stack"  # started beside the project, which is nowhere on its path
EPOCH = re.compile(r": epoch (\d+)/\d+")
ENDED = re.compile(r": (done, best|stopped early) ")
TUNED = ("learning_rate", "weight_decay", "beta")
PARTS = ("start", "pictures", "teacher", "student", "validation", "other")


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
    epochs_trained: int
    attention_epoch_s: float  # mean seconds of training in an epoch of attention transfer
    transfer_epoch_s: float  # the same without a teacher
    attention_epoch_cpu_s: float  # mean CPU-seconds of the trial's process, validation and saving in them
    transfer_epoch_cpu_s: float
    logging_s: float | None = None  # of the driver, while trials may run; None where it has no clock
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
    epochs = our_epochs(results, split_counts(ground)["train"], task.num_slots)
    if not task.is_searched:
        _check_points(results, task)
    return _figures(seen, epochs, task, _our_moments(seen, epochs), _our_preparing_s(results))


def _our_moments(seen: Watched, epochs: pd.DataFrame) -> dict[str, float]:
    """When, since the command, the first epoch began, and the last one ended."""
    reported = next(at for at, line in seen.lines if EPOCH.search(line))
    ended = [at for at, line in seen.lines if ENDED.search(line)]
    first = epochs.iloc[0]
    return {"first_epoch": reported - first["training"] - first["validation"], "last_trial": ended[-1]}


def our_epochs(results: Path, num_images: int, num_slots: int) -> pd.DataFrame:
    """A row per epoch with the seconds of its parts, in the order of their ends, from the record of the sweep."""
    rows = query(
        results,
        "select c.value, m.run_uuid, m.step, m.key, m.value, m.timestamp from metrics m "
        "join tags c on c.run_uuid = m.run_uuid and c.key = 'cell' "
        "where m.key in ('epoch_s', 'images_per_s', 'cost/teacher_s', 'cost/cpu_s')",
    )
    long = pd.DataFrame(rows, columns=["cell", "run", "epoch", "name", "value", "at"])
    epochs = long.pivot(index=["cell", "run", "epoch"], columns="name", values="value").reset_index()
    if "cost/teacher_s" not in epochs:
        epochs["cost/teacher_s"] = 0.0
    ends = long[long["name"] == "epoch_s"].set_index(["run", "epoch"])["at"]
    epochs = epochs.join(ends, on=["run", "epoch"]).sort_values("at", kind="stable", ignore_index=True)
    epochs["training"] = num_images / epochs["images_per_s"]
    for part, total in (("teacher", "cost/teacher_s"), ("cpu", "cost/cpu_s")):  # of the trial, up to the epoch's end
        epochs[part] = epochs[total].fillna(0.0) - epochs.groupby("run")[total].shift().fillna(0.0)
    epochs["rest"] = epochs["epoch_s"] - epochs["training"]
    # An epoch's rest is validation, saving and perhaps the test. That of a worker's first one has Python's imports in
    # it, too; as many epochs as there are slots are such ones.
    is_first = epochs.index.isin(epochs.index[epochs["epoch"] == 1][:num_slots])
    usual_s = epochs.loc[~is_first, "rest"].median()
    epochs["validation"] = epochs["rest"].mask(is_first, epochs["rest"].clip(upper=usual_s))
    epochs["student"] = epochs["training"] - epochs["teacher"]
    epochs["pictures"] = 0.0  # once, before the first trial
    return epochs


def _our_preparing_s(results: Path) -> float:
    """From the lock on the prepared images to their last byte."""
    (store,) = (results / "stores").glob("*.arrow")
    return store.stat().st_mtime - store.with_suffix(".lock").stat().st_mtime


def _check_points(results: Path, task: Task) -> None:
    """Both sides tried the same list."""
    rows = query(
        results,
        "select c.value, p.key, p.value, p.run_uuid from params p "
        "join tags c on c.run_uuid = p.run_uuid and c.key = 'cell' "
        "join tags h on h.run_uuid = p.run_uuid and h.key = 'phase' and h.value = 'search'",
    )
    tried: dict[str, dict[str, Any]] = {}
    for cell, name, value, run_id in rows:
        if name in TUNED and value not in ("", "None"):
            tried.setdefault(run_id, {"cell": cell})[name] = f"{float(value):.6g}"
    asked = [
        {"cell": point["cell"], **{name: f"{point[name]:.6g}" for name in TUNED if name in point}}
        for point in points(task)
    ]
    if sorted(map(str, map(_in_order, tried.values()))) != sorted(map(str, map(_in_order, asked))):
        raise RuntimeError(f"both sides must try the same configurations, but ours tried {list(tried.values())}")


def _in_order(point: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted(point.items())


def _theirs(task: Task, ground: Ground, folder: Path) -> Figures:
    settings = folder / "settings.json"
    settings.write_text(json.dumps(their_settings(task, ground, folder)))
    seen = watch([sys.executable, "-u", "-m", PEER_PROGRAM, str(settings)], FOLDER.parent, folder / "output.txt")
    rows = pd.read_json(folder / "timings.jsonl", lines=True).fillna(0.0)
    epochs = their_epochs(rows)
    last = rows["ended"].max() - seen.began
    first = epochs["began"].min() - seen.began
    figures = _figures(seen, epochs, task, {"first_epoch": first, "last_trial": last}, 0.0)
    return replace(figures, logging_s=json.loads((folder / "logging.json").read_text()))


def their_epochs(rows: pd.DataFrame) -> pd.DataFrame:
    """A row per epoch with the seconds of its parts; all decoding is in `pictures`, that for validation as well."""
    of_saving = rows.loc[rows["epoch"] == 0, "saving"].sum()
    by_cell = rows.assign(is_epoch=rows["epoch"] > 0).groupby("cell")
    epochs = rows[rows["epoch"] > 0].copy()
    pictures = epochs.filter(like="pictures_")
    epochs["pictures"] = pictures.sum(axis=1)
    epochs["cpu"] = epochs["cell"].map(by_cell["cpu"].sum() / by_cell["is_epoch"].sum())
    epochs["validation"] = (
        epochs["validation"] + epochs["test"] + of_saving / len(epochs)
        - pictures.drop(columns="pictures_train").sum(axis=1)
    )  # fmt: skip
    return epochs


def _figures(seen: Watched, epochs: pd.DataFrame, task: Task, moments: dict[str, float], prepare_s: float) -> Figures:
    is_guided = epochs["cell"].str.startswith("attention")
    parts = {
        "start": moments["first_epoch"] - prepare_s,
        "pictures": prepare_s + epochs["pictures"].sum() / task.num_slots,
        **{part: epochs[part].sum() / task.num_slots for part in ("teacher", "student", "validation")},
    }
    parts["other"] = moments["last_trial"] - sum(parts.values())
    return Figures(
        wall_s=seen.wall_s,
        last_trial_s=moments["last_trial"],
        first_epoch_s=moments["first_epoch"],
        cpu_s=seen.cpu_s,
        peak_mb=seen.peak_mb,
        epochs_trained=len(epochs),
        attention_epoch_s=epochs.loc[is_guided, "training"].mean(),
        transfer_epoch_s=epochs.loc[~is_guided, "training"].mean(),
        attention_epoch_cpu_s=epochs.loc[is_guided, "cpu"].mean(),
        transfer_epoch_cpu_s=epochs.loc[~is_guided, "cpu"].mean(),
        parts=parts,
    )
