"""What must be there before a sweep's first trial: data, teachers, first weights, and the sweep's name."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from analysis import table_1, table_2
from platform.ledger import TrialRecord
from platform.phantom_teachers import phantom_teacher
from platform.places import Places
from platform.plan import Plan
from platform.prepare import phantom_listing, store_of, summary
from platform.studies import make_studies
from search_spaces import SPACES
from search_spaces.presets import PRESETS
from search_spaces.space import Space
from trainables.config import NO_TEACHER, RECIPE_VERSION, TrialConfig, TrialSpec
from trainables.data.readers import read
from trainables.data.store import Store
from trainables.job import Job
from trainables.models.densenet import build, num_trainable, unfreeze
from trainables.teachers import imagenet, ledger
from trainables.teachers.ledger import Teacher

INIT = "imagenet"  # section V.A: teachers and students start from ImageNet's weights


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A sweep that is ready to run."""

    name: str
    space: Space
    store: Store
    teachers: dict[str, Teacher]  # by name; the first weights are among them
    base: TrialConfig  # what all trials share
    search: str
    num_trials: int
    num_repeats: int
    facts: dict[str, str]  # the parent run's tags
    folder: Path
    num_threads: int
    has_gpu: bool

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
            init_fingerprint=self._fingerprint(config.init),
        )

    def job(self, record: TrialRecord) -> Job:
        """What a worker needs for a trial."""
        return Job(
            spec=record.spec,
            selection_metric=self.space.selection_metric,
            store=str(self.store.path),
            teachers=str(self.teachers[INIT].folder.parent),
            folder=str(self.folder / "trials" / record.spec.key),
            num_threads=self.num_threads,
        )

    def tags(self, record: TrialRecord) -> dict[str, str]:
        """A trial's tags beyond its configuration."""
        config = record.spec.config
        teacher = self.teachers.get(config.teacher)
        return {
            "data": "phantom" if self.store.is_phantom else "real",
            "num_trainable": str(self._num_trainable[config.student, config.unfreeze]),
            "teacher_is_phantom": str(teacher is not None and teacher.is_phantom).lower(),
            "init_is_phantom": str(self.teachers[INIT].is_phantom).lower(),
            "init_fingerprint": record.spec.init_fingerprint,
            "selection_metric": self.space.selection_metric,
            "num_threads": str(self.num_threads),
        }

    def announcement(self, plan: Plan, places: Places) -> str:
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
                f"  MLflow:   {places.tracking_uri}",
            ]
        )

    @cached_property
    def _num_trainable(self) -> dict[tuple[str, str], int]:
        counts = {}
        for student, depth in {(cell.student, cell.unfreeze) for cell in self.space.cells}:
            network = build(student, len(self.store.label_names))
            unfreeze(network, depth)
            counts[student, depth] = num_trainable(network)
        return counts

    def _fingerprint(self, name: str) -> str:
        return self.teachers[name].fingerprint if name in self.teachers else name


def prepare_sweep(options: argparse.Namespace, places: Places) -> Setup:
    """Reads or draws the data, finds or makes the teachers; long steps show a progress bar.

    Raises:
        ValueError, FileNotFoundError, OSError: something that the sweep needs is absent or wrong; the message says what
        to do.
    """
    preset = PRESETS[options.preset or ("paper" if options.data else "quick")]
    space = preset.fitted(SPACES[options.dataset]).narrowed(options.cells, options.fractions)
    base = TrialConfig(
        dataset=options.dataset,
        method="transfer",
        max_epochs=options.epochs or preset.max_epochs,
        batch_size=preset.batch_size,
        image_size_px=options.image_size or preset.image_size_px,
        init=INIT,
        seed=options.seed,
    )
    listing = read(options.dataset, options.data) if options.data else None
    phantom_teachers = _teachers_are_phantom(options)
    names = [INIT, *sorted({cell.teacher for cell in space.cells} - {NO_TEACHER, INIT})]
    if not phantom_teachers:  # what is absent should be said before hours of decoding
        teachers = {name: _real_teacher(name, places, options.imagenet_weights) for name in names}
    if listing is None:
        listing = phantom_listing(options.dataset, places, options.phantom_size)
    store = store_of(listing, places, base.image_size_px, skip_unreadable=options.skip_unreadable)
    print(summary(listing, store), flush=True)
    if phantom_teachers:
        teachers = {name: phantom_teacher(name, places, base.image_size_px) for name in names}

    settings = _settings(options, base, space, store, teachers)
    name = options.name or _default_name(options, store, settings)
    return Setup(
        name=name,
        space=space,
        store=store,
        teachers=teachers,
        base=base,
        search=options.search,
        num_trials=options.trials or preset.num_trials,
        num_repeats=options.repeats or preset.num_repeats,
        facts={
            "dataset": options.dataset,
            "data": "phantom" if store.is_phantom else "real",
            "data_fingerprint": store.fingerprint,
            "split_fingerprint": store.split_fingerprint,
            "label_names": json.dumps(store.label_names),
            "table_1": json.dumps(table_1.facts(store)),
            "table_2": json.dumps(table_2.facts(store)),
            "recipe": str(RECIPE_VERSION),
            "settings": settings,
        },
        folder=places.sweep(name),
        num_threads=max(1, int(options.cpus_per_trial)),
        has_gpu=torch.cuda.is_available(),
    )


def _teachers_are_phantom(options: argparse.Namespace) -> bool:
    if options.data is None and options.teachers == "real":
        raise ValueError("phantom images need phantom teachers: give --data, or leave out --teachers real")
    return (options.teachers or ("real" if options.data else "phantom")) == "phantom"


def _real_teacher(name: str, places: Places, imagenet_weights: Path | None) -> Teacher:
    folder = places.teachers(phantom=False, image_size_px=0)
    try:
        return ledger.load(folder, name)
    except FileNotFoundError:
        if name == "imagenet":
            return imagenet.take(folder, imagenet_weights)
        raise FileNotFoundError(
            f"no teacher named {name!r} in {folder}; bring it in with "
            f"`python -m platform.teachers import FILE --name {name}`, "
            "leave its cells out with --cells, or try the phantom one: --teachers phantom"
        ) from None


def _settings(
    options: argparse.Namespace, base: TrialConfig, space: Space, store: Store, teachers: dict[str, Teacher]
) -> str:
    """What decides the sweep's numbers, but for how many cells, trials and repeats there are: those may grow."""
    return json.dumps(
        {
            "search": options.search,
            "epochs": base.max_epochs,
            "batch_size": base.batch_size,
            "image_size_px": base.image_size_px,
            "seed": base.seed,
            "learning_rate": [space.learning_rate.low, space.learning_rate.high],
            "data": store.fingerprint,
            "teachers": {name: teacher.fingerprint for name, teacher in teachers.items()},
        },
        sort_keys=True,
    )


def _default_name(options: argparse.Namespace, store: Store, settings: str) -> str:
    kind = "phantom" if store.is_phantom else "real"
    return f"{options.dataset}-{kind}-{hashlib.sha256(settings.encode()).hexdigest()[:6]}"
