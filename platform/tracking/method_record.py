"""What a paper has to say of a sweep's methods, as tags of the sweep's own run: networks, teachers, methods, search.

Each tag is a JSON object. ``student_facts/NAME``, ``teacher_facts/NAME`` and ``method_facts/NAME`` describe one
network, teacher and method each, so that a sweep that grows only gets more of them; ``search_plan`` and ``split_rule``
describe the sweep. `analysis.methods` makes sentences of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from platform.sweeping.samplers import SAMPLERS, STARTUP_TRIALS
from platform.sweeping.schedulers import scheduler_of
from platform.sweeping.setup import Setup
from platform.tracking.ledger import Ledger
from search_spaces.space import Space
from trainables.cell import ITSELF, Cell
from trainables.models.architectures import undrawn
from trainables.teachers.overlap import sets_seen
from trainables.teachers.shelf import Teacher
from trainables.transfer import METHODS

MAX_TEXT = 600  # characters of a maker's words, so that no tag is longer than MLflow takes


def note_methods(ledger: Ledger, setup: Setup, split: str) -> None:
    """Sets the tags; of a teacher's training, which has no search, only those on networks and split.

    Args:
        split: how the images were split, as ``--split`` has it.
    """
    tags = {"split_rule": {"kind": split}}
    tags |= {f"teacher_facts/{name}": teacher_facts(teacher) for name, teacher in setup.teachers.items()}
    num_labels = len(setup.store.label_names)
    students = sorted({cell.student for cell in setup.space.cells if cell.method != ITSELF})
    tags |= {f"student_facts/{name}": student_facts(name, num_labels) for name in students}
    if setup.base.phase != "pretrain":
        tags |= {f"method_facts/{name}": facts for name, facts in method_facts(setup.space, setup.search).items()}
        tags["search_plan"] = search_plan(setup)
    ledger.set_tags({name: json.dumps(facts, ensure_ascii=False, sort_keys=True) for name, facts in tags.items()})


def student_facts(name: str, num_labels: int) -> dict[str, Any]:
    """How many parameters a student has, with as many outputs as there are labels."""
    return {"parameters": sum(each.numel() for each in undrawn(name, num_labels).parameters())}


def teacher_facts(teacher: Teacher) -> dict[str, Any]:
    """Where a teacher comes from, and what it has seen; patients are counted, and none is named."""
    return {
        "architecture": teacher.architecture,
        "outputs": len(teacher.label_names),
        "source": teacher.source[:MAX_TEXT],
        "licence": teacher.licence[:MAX_TEXT],
        "trained_on": teacher.trained_on[:MAX_TEXT],
        "seen": {name: len(patients) for name, patients in sets_seen(teacher.seen).items()},
        "fingerprint": teacher.fingerprint,
        "is_phantom": teacher.is_phantom,
    }


def method_facts(space: Space, search: str) -> dict[str, dict[str, Any]]:
    """Of each method of these cells, by its name: title, formula, reference, and what is tuned.

    ``tuned`` has, by the name of each knob, ``low``, ``high``, ``log`` and the values of the cells' first trials
    (``first``), or, in a grid, all of its ``values``.
    """
    cells: dict[str, list[Cell]] = {}
    for cell in space.cells:
        if cell.method != ITSELF:
            cells.setdefault(cell.method, []).append(cell)
    facts = {}
    for name, of_method in cells.items():
        told = {}
        if name in METHODS:
            method = METHODS[name]
            told = {"title": method.title, "formula": method.formula, "reference": method.reference}
        tuned = _points(space, of_method) if search == "grid" else _ranges(space, of_method)
        facts[name] = {**told, "tuned": tuned}
    return facts


def search_plan(setup: Setup) -> dict[str, Any]:
    """How a sweep searches: the sampler, its budget, and when a weak trial ends."""
    plan: dict[str, Any] = {"mode": setup.search}
    if setup.search == "grid":
        return plan
    scheduler = scheduler_of(setup.scheduler)
    return plan | {
        **sampler_facts(setup.searcher),
        "trials_per_cell": setup.num_trials,
        "scheduler": setup.scheduler,
        "scheduler_source": scheduler.source,
        **scheduler.facts(setup.max_epochs - setup.base.unlabelled_epochs),
    }


def sampler_facts(searcher: str) -> dict[str, Any]:
    """What suggested the configurations, the paper that describes it, and from how many trials on it learns."""
    sampler = SAMPLERS[searcher]
    facts = {"sampler": sampler.title, "sampler_source": sampler.source}
    return facts | ({"startup_trials": STARTUP_TRIALS} if sampler.learns else {})


def _ranges(space: Space, cells: Iterable[Cell]) -> dict[str, dict[str, Any]]:
    ranges: dict[str, dict[str, Any]] = {}
    for cell in cells:
        openings = space.openings(cell)
        for name, of in space.ranges(cell).items():
            known = ranges.setdefault(name, {"low": of.low, "high": of.high, "log": of.log, "first": []})
            known["first"] = sorted({*known["first"], *(opening[name] for opening in openings)})
    return ranges


def _points(space: Space, cells: Iterable[Cell]) -> dict[str, dict[str, Any]]:
    values: dict[str, set[float]] = {}
    for cell in cells:
        for point in space.grid_points(cell):
            for name, value in point.items():
                values.setdefault(name, set()).add(value)
    return {name: {"values": sorted(several)} for name, several in values.items()}
