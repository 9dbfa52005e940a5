"""What data sets, methods, networks and teachers are called, known without the seconds that importing them takes.

Commands ask this before they import pandas, torch or Ray, so that a misspelt name is refused at once.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import Any

from platform.command_line.ablation_request import blamed
from platform.command_line.sweep_requests import SweepRequest
from platform.command_line.training_requests import PretrainRequest
from platform.sources.places import Places
from trainables import declared
from trainables.cell import ITSELF, NO_TEACHER, members
from trainables.config import TrialConfig
from trainables.data import readers
from trainables.init_names import RANDOM, check_init, source_of
from trainables.knob import SETUP, knobs
from trainables.models import stages
from trainables.pasting import command_line

NO_METHOD = "transfer"  # what a cell without a teacher is called: no method of its own, and always in a sweep


def check_dataset(name: str, places: Places, data: Path | None = None) -> None:
    """Refuses what no data set is called, and a published one that is not under `data`.

    Raises:
        ValueError: there is no data set of that name; the message has the nearest one.
        FileNotFoundError: it is not where it should be.
    """
    published = readers.names()
    own = sorted(path.stem for path in places.own_dataset(name).parent.glob("*.json"))
    if name in published and data is not None:
        importlib.import_module(f"{readers.__name__}.{readers.module_of(name)}").DATASET.folder_under(data)
    if name in published or name in own:
        return
    raise ValueError(
        f"the data set must be one of {', '.join(published)} or a user's own ({', '.join(own) or 'none yet'}), "
        f"but got {name!r}{_nearest(name, [*published, *own])}; {command_line('platform.prepare', 'FILE.csv')} adds one"
    )


def check_sweep(request: SweepRequest, places: Places) -> None:
    """Refuses what no data set, method, network or teacher is called; raises what `check_dataset` does."""
    with blamed(request.file, "dataset"):
        check_dataset(request.dataset, places, request.data)
    check_names(request)
    with blamed(request.file):
        check_recipes(request)
    with blamed(request.file, "teacher-names"):
        _check_teachers({part for name in request.teacher_names for part in members(name)}, places)
    with blamed(request.file, "init"):
        inits = [str(value) for value in (*request.axes.get("init", ()), *request.variations.get("init", ()))]
        for init in inits:
            check_init(init)
        _check_teachers({source_of(init) for init in inits} - {RANDOM}, places)


def check_recipes(request: SweepRequest) -> None:
    """Refuses knobs that do not go together, where that can be said before the preset's are known.

    Raises:
        ValueError: the knobs that are typed, or a combination of those that are varied, contradict one another.
    """
    base = TrialConfig(dataset=request.dataset, method=NO_METHOD, **request.knobs)
    shared = {knob.name for knob in knobs(TrialConfig, SETUP)}
    varied = {name: values for name, values in request.variations.items() if name in shared}
    changes: Iterable[dict[str, Any]] = (dict(zip(varied, values, strict=True)) for values in product(*varied.values()))
    if request.one_at_a_time:
        changes = ({name: value} for name, values in varied.items() for value in values)
    for change in changes:
        replace(base, **change)


def check_names(request: SweepRequest) -> None:
    """Refuses what no method or network is called, and a depth that none of the students has.

    Raises:
        ValueError: there is none of that name; the message has the nearest one, or the students' depths.
    """
    with blamed(request.file, "methods"):
        for method in request.methods:
            if method == NO_METHOD:
                raise ValueError(f"{NO_METHOD!r} is in every sweep, as the baseline: leave it out of --methods")
            _check("method", method, declared.methods())
    with blamed(request.file, "students"):
        for student in request.students:
            check_network("student", student)
    with blamed(request.file, "unfreeze"):
        check_depths(request.students, request.depths)


def check_depths(networks: Sequence[str], depths: Sequence[str]) -> None:
    """Refuses a depth to which none of the networks can be unfrozen.

    Raises:
        ValueError: there is no such depth; the message has those that there are.
    """
    by_network = {name: own for name in networks if (own := declared.depths(name))}
    if len(by_network) < len(set(networks)):
        return  # the depths of timm's networks are known once they are made: `search_spaces.depths` refuses
    for depth in depths:
        if not any(depth in own for own in by_network.values()):
            nearest = _nearest(depth, [name for own in by_network.values() for name in own])
            raise ValueError(stages.no_depth(depth, by_network) + nearest)


def check_pretraining(request: PretrainRequest, places: Places) -> None:
    """Refuses what no data set, network or teacher is called; raises what `check_dataset` does."""
    check_dataset(request.dataset, places, request.data)
    check_network("teacher", request.architecture)
    check_depths([request.architecture], [str(request.knobs.get("unfreeze", stages.ALL))])
    _check_teachers({source_of(str(request.knobs.get("init", RANDOM)))} - {RANDOM}, places)


def check_network(role: str, name: str) -> None:
    """Refuses what no network is called; `role` says whose it was to be.

    Raises:
        ValueError: there is none of that name; the message has the nearest one.
    """
    if not declared.is_network(name):
        nearest = _nearest(name, [*declared.architectures(), *declared.timm_networks()])
        raise ValueError(
            f"the {role} must be one of {', '.join(declared.architectures())}, or a network of timm's, but got "
            f"{name!r}{nearest}"
        )


def _check_teachers(names: Iterable[str], places: Places) -> None:
    """Refuses a teacher that is neither at hand nor one that a data set or a network gives its name."""
    networks = [f"imagenet-{name}" for name in (*declared.architectures(), *declared.timm_networks())]
    at_hand = {path.parent.name for path in (places.results / "teachers").glob("*/[!.]*/teacher.json")}
    own = {path.stem for path in places.own_dataset("any").parent.glob("*.json")}
    short = sorted({"imagenet", "random-weights", *readers.names(), *own, *at_hand})
    for name in sorted(set(names) - {NO_TEACHER, ITSELF}):
        if name not in short and name not in networks:
            pretrain = command_line("platform.pretrain", "DATASET", "--name", name)
            importing = command_line("platform.teachers", "import", "FILE", "--name", name)
            raise ValueError(
                f"a teacher must be one of {', '.join(short)}, or imagenet-NAME with the name of a network, but got "
                f"{name!r}{_nearest(name, [*short, *networks])}; `{pretrain}` trains one, `{importing}` imports one"
            )


def _check(what: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise ValueError(f"the {what} must be one of {', '.join(known)}, but got {name!r}{_nearest(name, known)}")


def _nearest(name: str, known: Sequence[str]) -> str:
    nearest = get_close_matches(name, known, n=1)
    return f" (did you mean {nearest[0]}?)" if nearest else ""
