"""What must be there before a sweep's first trial: data, teachers, first weights, and the sweep's name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from analysis import table_1, table_2
from platform.command_line.training_requests import SweepRequest
from platform.sources.at_hand import check_overlaps, find_sources
from platform.sources.images import dataset_of
from platform.sources.places import Places
from platform.sweeping.fitting import fitted_to_data
from platform.sweeping.plan import Plan
from platform.sweeping.records import TrialRecord
from platform.sweeping.scoring import averaging_lines, averaging_tags, selection_metric
from platform.sweeping.studies import make_studies
from search_spaces import space_of
from search_spaces.presets import PRESETS
from search_spaces.space import INIT, Space, columns_of
from trainables.cell import ITSELF, members
from trainables.config import TrialConfig
from trainables.data.averaging import Averaging
from trainables.data.store import Store
from trainables.job import Job
from trainables.knob import SETUP, knobs
from trainables.models.architectures import build
from trainables.models.densenet import num_trainable, unfreeze
from trainables.teachers.imagenet import first_weights
from trainables.teachers.overlap import unverifiable
from trainables.teachers.shelf import Teacher
from trainables.trial import RECIPE_VERSION, TrialSpec
from trainables.version import VERSION


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A sweep that is ready to run."""

    name: str
    space: Space
    store: Store
    teachers: dict[str, Teacher]  # by name; the first weights are among them
    teachers_folder: Path
    base: TrialConfig  # what all trials share
    averaging: Averaging
    search: str
    num_trials: int
    num_repeats: int
    facts: dict[str, str]  # the parent run's tags
    folder: Path
    cpus_per_trial: float
    cache: Path
    cache_bytes: int
    local: Path | None  # on each machine's own disk
    has_gpu: bool

    @property
    def num_threads(self) -> int:
        """Threads of a trial."""
        return max(1, int(self.cpus_per_trial))

    @property
    def max_epochs(self) -> int:
        """The length of a trial."""
        return self.base.max_epochs

    def plan(self, records: Iterable[TrialRecord]) -> Plan:
        """The plan, with all that the ledger knows."""
        studies = make_studies(self.space, self.search, self.num_trials, self.base.seed)
        return Plan(studies, self.base, self.spec, self.num_repeats, records)

    def spec(self, config: TrialConfig) -> TrialSpec:
        """A configuration with the fingerprints of what it runs on."""
        return TrialSpec(
            config=config,
            data_fingerprint=self.store.fingerprint,
            split_fingerprint=self.store.split_fingerprint,
            teacher_fingerprint=self._fingerprint(config.teacher),
            init_fingerprint=self._fingerprint(first_weights(config.init, config.student)),
        )

    def job(self, record: TrialRecord) -> Job:
        """What a worker needs for a trial."""
        return Job(
            spec=record.spec,
            store=str(self.store.path),
            teachers=str(self.teachers_folder),
            folder=str(self.folder / "trials" / record.spec.key),
            num_threads=self.num_threads,
            cache=str(self.cache),
            cache_bytes=self.cache_bytes,
            local=str(self.local or ""),
        )

    def tags(self, record: TrialRecord) -> dict[str, str]:
        """A trial's tags beyond its configuration."""
        config = record.spec.config
        init = self.teachers.get(first_weights(config.init, config.student))
        return {
            "data": "phantom" if self.store.is_phantom else "real",
            "version": VERSION,
            "num_trainable": str(self._num_trainable.get((config.student, config.unfreeze), 0)),
            "teacher_is_phantom": str(any(self.teachers[n].is_phantom for n in members(config.teacher))).lower(),
            "init_is_phantom": str(init is not None and init.is_phantom).lower(),
            "init_fingerprint": record.spec.init_fingerprint,
            "teacher_trained_on": _warnings(self.teachers[name] for name in members(config.teacher)),
            "selection_metric": config.selection_metric,
            **averaging_tags(self.averaging),
            "num_threads": str(self.num_threads),
            "held_out": self.store.held_out,
        }

    def announcement(self, plan: Plan, places: Places, storage: str = "") -> str:
        """What was found and what will run, in a few lines."""
        teachers = ", ".join(
            f"{teacher.name}{' (PHANTOM)' if teacher.is_phantom else ''} {teacher.fingerprint}"
            for teacher in self.teachers.values()
        )
        done = plan.num_trials - plan.num_open_trials
        return "\n".join(
            [
                f"sweep {self.name}: {len(self.space.cells)} cells, {self.search} search, "
                f"{plan.num_trials} trials in all" + (f", {done} of them done" if done else ""),
                f"  {self.max_epochs} epochs, {self.base.image_size_px} px, seed {self.base.seed}",
                f"  teachers: {teachers}",
                *(f"  {line}" for line in averaging_lines(self.store, self.averaging)),
                *([f"  held out: {self.store.held_out}, of all training"] if self.store.held_out else []),
                *(f"  WARNING:  {said}" for said in [_warnings(self.teachers.values())] if said),
                f"  MLflow:   {places.said_tracking_uri}",
                f"  results:  {places.results}" + (f" ({storage})" if storage else ""),
                f"  images:   {self.store.path}" + (f", copied to {self.local} of each machine" if self.local else ""),
            ]
        )

    @cached_property
    def _num_trainable(self) -> dict[tuple[str, str], int]:
        counts = {}
        for student, depth in {(cell.student, cell.unfreeze) for cell in self.space.cells if cell.method != ITSELF}:
            network = build(student, len(self.store.label_names))
            unfreeze(network, depth)
            counts[student, depth] = num_trainable(network)
        return counts

    def _fingerprint(self, name: str) -> str:
        """Of a teacher, of each of an ensemble, or the word that stands for none."""
        known = [self.teachers[each].fingerprint for each in members(name) if each in self.teachers]
        return "+".join(known) or name


def prepare_sweep(request: SweepRequest, places: Places) -> Setup:
    """Reads or draws the data, finds or makes the teachers; long steps show a progress bar.

    Raises:
        ValueError, FileNotFoundError, OSError: something that the sweep needs is absent or wrong; the message says what
        to do.
    """
    preset = PRESETS[request.preset or ("paper" if request.data else "quick")]
    dataset = dataset_of(request.dataset, places)
    space = preset.fitted(space_of(dataset.name))
    metric = selection_metric(request.knobs.get("selection_metric"), dataset.selection_metric, dataset.task)
    columns = columns_of(request.methods, request.teacher_names, request.students, controls=request.controls)
    in_paper = tuple(dataset.fractions.values()) if preset is PRESETS["paper"] else ()
    usual_axes: dict[str, Sequence[Any]] = {
        "data_fraction": in_paper or (1.0,),
        "uncertainty": (TrialConfig.uncertainty,),
        "init": (INIT,),
    }
    space = replace(space, cells=columns).crossed(usual_axes | dict(request.axes)).narrowed(request.cells)
    settings = {"selection_metric": metric, **preset.knobs, **request.knobs}
    base = TrialConfig(dataset=dataset.name, method="transfer", **settings)
    taught = [cell for cell in space.cells if cell.method != ITSELF]
    names = {name for cell in space.cells for name in members(cell.teacher)}
    names |= {first_weights(cell.init, cell.student) for cell in taught} - {"random"}
    store, averaging, teachers = find_sources(request, places, base, sorted(names))
    space = fitted_to_data(space, store, teachers)
    seen = check_overlaps(list(teachers.values()), store, places, allowed=request.allow_overlap)

    decisive = _settings(request.search, base, space, store, teachers)
    name = request.name or _default_name(store, decisive)
    return Setup(
        name=name,
        space=space,
        store=store,
        teachers=teachers,
        teachers_folder=next(iter(teachers.values())).folder.parent if teachers else places.results,
        base=base,
        averaging=averaging,
        search=request.search,
        num_trials=request.trials or preset.num_trials,
        num_repeats=request.repeats or preset.num_repeats,
        facts=parent_tags(store, decisive, seen, _warnings(teachers.values())) | averaging_tags(averaging),
        folder=places.sweep(name),
        cpus_per_trial=request.cpus_per_trial or 1.0,
        cache=(request.cache or (request.local / "cache" if request.local else places.cache)).absolute(),
        cache_bytes=int(request.cache_gb * 1e9),
        local=request.local,
        has_gpu=torch.cuda.is_available(),
    )


def parent_tags(store: Store, settings: str, teacher_overlap: str = "", teacher_trained_on: str = "") -> dict[str, str]:
    """What the sweep's own run in MLflow says of its data; the tables and the report read it there."""
    return {
        "dataset": store.dataset,
        "data": "phantom" if store.is_phantom else "real",
        "data_fingerprint": store.fingerprint,
        "split_fingerprint": store.split_fingerprint,
        "label_names": json.dumps(store.label_names, ensure_ascii=False),
        "held_out": store.held_out,
        "table_1": json.dumps(table_1.facts(store)),
        "table_2": json.dumps(table_2.facts(store)),
        "recipe": str(RECIPE_VERSION),
        "version": VERSION,
        "settings": settings,
        "teacher_overlap": teacher_overlap,
        "teacher_trained_on": teacher_trained_on,
    }


def _warnings(teachers: Iterable[Teacher]) -> str:
    """What has to be taken on trust of the teachers; "" where nothing."""
    return "; ".join(said for teacher in teachers if (said := unverifiable(teacher)))


def _settings(search: str, base: TrialConfig, space: Space, store: Store, teachers: dict[str, Teacher]) -> str:
    """What decides the sweep's numbers, but for how many cells, trials and repeats there are: those may grow."""
    return json.dumps(
        {
            **{each.name: getattr(base, each.name) for each in knobs(TrialConfig, SETUP)},
            "search": search,
            "seed": base.seed,
            "tuned": {name: [of.low, of.high] for name, of in space.tuned.items()},
            "data": store.fingerprint,
            "held_out": store.held_out,
            "teachers": {name: teacher.fingerprint for name, teacher in teachers.items()},
        },
        sort_keys=True,
    )


def _default_name(store: Store, settings: str) -> str:
    kind = ("phantom" if store.is_phantom else "real") + "-held-out" * bool(store.held_out)
    return f"{store.dataset}-{kind}-{hashlib.sha256(settings.encode()).hexdigest()[:6]}"
