"""Frozen embeddings of all networks behind a data set's cells: students, before and after training, and teachers.

Shapes: N images, D dimensions of the embedding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from analysis.probes import networks
from analysis.probes.networks import AFTER, BEFORE, Network
from analysis.reading import artifacts
from analysis.reading.trials import Runs
from trainables.cell import Cell, members
from trainables.data.store import Store
from trainables.models.taps import Taps
from trainables.steps import steps
from trainables.teachers.imagenet import first_weights
from trainables.teachers.shelf import Teacher


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A row of the tables: a cell with all its repeats, a student before training, or a teacher."""

    name: str
    kind: str  # `AFTER`, `BEFORE` or `networks.TEACHER`
    baseline: str  # the cell of plain transfer of the same student; "" for a teacher
    teachers: tuple[Teacher, ...]  # that it is, or has learned from, its first weights' among them
    repeats: tuple[NDArray[np.float32], ...]  # [N, D] each


@dataclass(frozen=True, kw_only=True)
class Subjects:
    """What can be compared on the same images, and what cannot, with the reason."""

    subjects: tuple[Subject, ...]
    left_out: tuple[str, ...]


@torch.no_grad()
def embed(network: Network, store: Store, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """The embedding [N, D] of the images of `rows`: what the last linear layer sees."""
    tap = network.tap("embedding")
    parts = [np.empty((0, 0), np.float32)]
    for images_BHWC in networks.batches(store, rows):
        with Taps(network.module, [tap.place]) as taps:
            network.module(networks.views(images_BHWC))
        parts.append(tap.read(taps[tap.place]).numpy())
    return np.concatenate(parts[1:] or parts)


def _ranks(column: pd.Series) -> pd.Series:
    """What a column of runs is sorted by: cells with their numbers as numbers, and the rest as it is."""
    return column.map(lambda name: Cell.parse(name).sort_key) if column.name == "tags.cell" else column


def of_runs(
    runs: Runs,
    results: Path,
    label_names: Sequence[str],
    store: Store,
    rows: NDArray[np.int64],
    *,
    progress: bool = True,
) -> Subjects:
    """Every confirming repeat of every cell that `networks.on_shown_images` has, each student before its training, and
    each teacher, on `rows` of `store`.

    Args:
        label_names: what the students were trained on.

    Raises:
        LookupError: no cell has its weights.
    """
    teachers = {teacher.name: teacher for teacher in artifacts.teachers_of(runs, results)}
    students = networks.on_shown_images(runs).sort_values(["tags.cell", "params.seed"], key=_ranks)
    repeats: dict[tuple[str, str], list[NDArray[np.float32]]] = {}
    facts, left_out = dict[tuple[str, str], pd.Series](), _of_another_size(runs, students)
    for run in _with_progress(students, shown=progress):
        at_hand = networks.of_run(runs, run, list(teachers.values()), label_names)
        if AFTER not in at_hand:
            left_out.append(f"{run['tags.cell']}, seed {int(run['params.seed'])}: its weights are missing")
            continue
        _add(repeats, (AFTER, str(run["tags.cell"])), embed(at_hand[AFTER], store, rows))
        facts[AFTER, str(run["tags.cell"])] = run
        first = f"{run['params.student']} from {run['params.init']}, before training"
        if BEFORE in at_hand and (BEFORE, first) not in facts:
            facts[BEFORE, first] = run
        if BEFORE in at_hand and facts[BEFORE, first]["tags.cell"] == run["tags.cell"]:
            _add(repeats, (BEFORE, first), embed(at_hand[BEFORE], store, rows))
    if not repeats:
        raise LookupError(f"no cell of {runs.dataset} has its weights: {'; '.join(left_out) or 'none was confirmed'}")
    subjects = [_student(*key, facts[key], teachers, embeddings) for key, embeddings in repeats.items()]
    subjects.sort(key=lambda subject: (subject.kind != AFTER, subject.name))
    subjects += _teachers(runs.confirm, teachers, store, rows, left_out)
    return Subjects(subjects=tuple(subjects), left_out=tuple(left_out))


def _of_another_size(runs: Runs, students: pd.DataFrame) -> list[str]:
    cells = sorted(set(runs.trained["tags.cell"]) - set(students["tags.cell"]))
    return [f"{cell}: it was trained on images of another size" for cell in cells]


def _with_progress(students: pd.DataFrame, *, shown: bool) -> Iterator[pd.Series]:
    """Each run, counted once what was done with it has ended."""
    with steps("embeddings", len(students), "run", shown=shown) as advance:
        for _, run in students.iterrows():
            yield run
            advance()


def _add(repeats: dict, key: tuple[str, str], embeddings_ND: NDArray[np.float32]) -> None:
    """Adds a repeat; before training, equal repeats count once, since seeds that only draw the head change nothing."""
    known = repeats.setdefault(key, [])
    if key[0] != BEFORE or not any(np.array_equal(embeddings_ND, other) for other in known):
        known.append(embeddings_ND)


def _student(
    kind: str, name: str, run: pd.Series, teachers: dict[str, Teacher], repeats: list[NDArray[np.float32]]
) -> Subject:
    taught_by = members(str(run["params.teacher"])) if kind == AFTER else ()
    names = dict.fromkeys((*taught_by, first_weights(str(run["params.init"]), str(run["params.student"]))))
    return Subject(
        name=name,
        kind=kind,
        baseline=Cell.parse(str(run["tags.cell"])).baseline().name,
        teachers=tuple(teachers[name] for name in names if name in teachers),
        repeats=tuple(repeats),
    )


def _teachers(
    confirm: pd.DataFrame,
    teachers: dict[str, Teacher],
    store: Store,
    rows: NDArray[np.int64],
    left_out: list[str],
) -> list[Subject]:
    subjects = []
    for name in sorted({member for teacher in confirm["params.teacher"].dropna() for member in members(str(teacher))}):
        if name not in teachers:
            left_out.append(f"teacher {name}: its weights are missing")
            continue
        teacher = teachers[name]
        repeats = (embed(networks.of_teacher(teacher), store, rows),)
        subjects.append(
            Subject(name=f"teacher {name}", kind=networks.TEACHER, baseline="", teachers=(teacher,), repeats=repeats)
        )
    return subjects
