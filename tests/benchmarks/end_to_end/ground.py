"""What both sides are given: the same photographs, split, teachers and configurations."""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from platform.phantoms.writers import write_retina
from platform.sources.images import listing_of, store_of
from platform.sources.places import Places
from platform.sweeping.studies import make_studies
from search_spaces import space_of
from search_spaces.presets import PRESETS
from search_spaces.space import Space
from trainables.cell import Cell
from trainables.models.architectures import build
from trainables.teachers import shelf

STUDENT = "densenet40"
TEACHERS = {"imagenet": 2, "mimic-cxr": 14}  # with so many outputs: the paper's two, of drawn weights
# The three columns of Table V that have this student.
CELLS = (
    f"transfer/none/{STUDENT}/all",
    *(f"attention/{teacher}/{STUDENT}/all" for teacher in TEACHERS),
)
FIXED_SEARCHER = "random"  # whose suggestions are known before any trial has a score
PHANTOM_SIZE_PX = 1024
SALT_FILE = "salt"
SEED = 0


@dataclass(frozen=True, kw_only=True)
class Task:
    """One ablation, as both sides are asked for it."""

    px: int
    num_epochs: int
    num_trials: int  # of each cell's search
    num_repeats: int = 1  # of each cell's best configuration, which are tested
    num_slots: int = 2  # trials at once, each with one CPU and one thread
    batch_size: int = 32
    num_workers: int = 0  # of the peers' DataLoaders: more would share the cores of the trials
    is_drafted: bool = False  # whether the peers' JPEG decoder reduces the photographs, as torchvision's does not
    is_searched: bool = False  # whether each side searches by itself, or both try one list of configurations

    @property
    def num_trainings(self) -> int:
        """Of both phases."""
        return len(CELLS) * (self.num_trials + self.num_repeats)


@dataclass(frozen=True)
class Ground:
    """The folder of what both sides are given."""

    folder: Path
    data: Path  # holds the data set's own folder

    @property
    def table(self) -> Path:
        """The photographs, for the peers: path, label, split."""
        return self.folder / "photographs.csv"

    @property
    def teachers(self) -> Path:
        return self.folder / "teachers"

    @property
    def salt(self) -> Path:
        """Of the hashes of patients, which a new results folder would draw anew."""
        return self.folder / SALT_FILE


def lay_out(folder: Path, data: Path | None, num_patients: int) -> Ground:
    """Makes what is not there yet; nothing of it counts for either side.

    Args:
        data: holds the real photographs; None for phantoms of `num_patients` patients, two for each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if data is None:
        data = folder / f"phantoms-{num_patients}"
        write_retina(data / "retina", num_patients=num_patients, image_size_px=PHANTOM_SIZE_PX, seed=SEED)
    ground = Ground(folder, data.resolve())
    _write_table(ground)
    for name, num_outputs in TEACHERS.items():
        if not (ground.teachers / name).exists():
            torch.manual_seed(SEED)
            facts: dict[str, Any] = {"task": "multilabel", "label_names": tuple(map(str, range(num_outputs)))}
            facts |= {"architecture": "densenet121", "is_phantom": True, "source": "random weights"}
            weights = build("densenet121", num_outputs).state_dict()
            shelf.save(ground.teachers, weights, name=name, **facts)
    return ground


def _write_table(ground: Ground) -> None:
    places = Places.under(ground.folder)
    listing = listing_of("retina", ground.data, places)
    store = store_of(listing, places, 32, decode=False)
    with ground.table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "split"))
        for path, labels, split in zip(listing.rows["path"], store.labels, store.split, strict=True):
            writer.writerow((listing.root / path, labels[0], split))


def split_counts(ground: Ground) -> dict[str, int]:
    """How many photographs each split has."""
    with ground.table.open(newline="") as file:
        splits = [row["split"] for row in csv.DictReader(file)]
    return {split: splits.count(split) for split in sorted(set(splits))}


def space() -> Space:
    """The cells and ranges of the ablation."""
    return PRESETS["quick"].fitted(space_of("retina")).narrowed(CELLS)


def points(task: Task) -> list[dict[str, Any]]:
    """The configurations that a random search of ours tries, whatever their scores, cell by cell."""
    studies = make_studies(space(), "optuna", task.num_trials, SEED, searcher=FIXED_SEARCHER)
    return [_point(study.cells[0], study.ask()[1]) for study in studies for _ in range(task.num_trials)]


def searched(task: Task) -> list[dict[str, Any]]:
    """Each cell with its ranges and its budget, for the peers' own search."""
    of = space()
    return [
        {
            "point": _point(cell, {}),
            "ranges": {name: (each.low, each.high) for name, each in of.ranges(cell).items()},
            "num_trials": task.num_trials,
        }
        for cell in of.cells
    ]


def _point(cell: Cell, knobs: dict[str, float]) -> dict[str, Any]:
    return {"cell": cell.name, "teacher": cell.teacher, "seed": SEED, "phase": "search", **knobs}


def our_arguments(task: Task, ground: Ground, results: Path) -> list[str]:
    """The command's options for our side, whose results folder gets the teachers and the salt first."""
    place = Places.under(results).teachers(phantom=True, image_size_px=task.px)
    shutil.copytree(ground.teachers, place)
    shutil.copy(ground.salt, results / SALT_FILE)
    options: dict[str, Any] = {
        "--data": ground.data,
        "--teachers": "phantom",
        "--preset": "quick",
        "--image-size": task.px,
        "--epochs": task.num_epochs,
        "--batch-size": task.batch_size,
        "--trials": task.num_trials,
        "--repeats": task.num_repeats,
        "--students": STUDENT,
        "--scheduler": "asha",
        "--searcher": "tpe" if task.is_searched else FIXED_SEARCHER,
        "--average-labels": "defined",  # a few of a hundred validation photographs show the rarest grades
        "--concurrent": task.num_slots,
        "--cpus-per-trial": 1,
        "--results": results,
        "--seed": SEED,
    }
    words = [str(word) for option in options.items() for word in option]
    return ["retina", *words, "--teacher-names", *TEACHERS, "--cells", *CELLS]


def their_settings(task: Task, ground: Ground, out: Path) -> dict[str, Any]:
    """What `peer_stack.py` reads."""
    settings = {
        "table": str(ground.table),
        "teachers": str(ground.teachers),
        "out": str(out),
        "size": task.px,
        "epochs": task.num_epochs,
        "batch_size": task.batch_size,
        "classes": 5,
        "concurrent": task.num_slots,
        "workers": task.num_workers,
        "draft": task.is_drafted,
        "seed": SEED,
    }
    given = {"points": [], "searched": searched(task)} if task.is_searched else {"points": points(task)}
    return {"settings": settings, "repeats": task.num_repeats, **given}
