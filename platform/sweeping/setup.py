"""A sweep that is ready to run: what its trials share, and what each of them gets."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from analysis.reading import cohort
from analysis.tables import data_sets, split_sizes
from platform.sources.places import Places
from platform.sweeping.plan import Plan
from platform.sweeping.records import TrialRecord, trial_folder
from platform.sweeping.redraws import Redraws, lines
from platform.sweeping.samplers import DEFAULT_SEARCHER, in_words
from platform.sweeping.scoring import averaging_lines, averaging_tags
from platform.sweeping.studies import make_studies
from platform.sweeping.trial_splits import TrialSplits
from platform.sweeping.unfreezing import depth_warnings
from search_spaces.space import Space
from trainables.cell import ITSELF, as_text, members
from trainables.config import TrialConfig
from trainables.data.averaging import Averaging
from trainables.data.resplit import averaging_of
from trainables.data.store import Store
from trainables.job import Job
from trainables.knob import TUNED, knobs
from trainables.models.architectures import undrawn
from trainables.models.freezing import num_trainable, unfreeze
from trainables.teachers.imagenet import first_weights
from trainables.teachers.overlap import unverifiable
from trainables.teachers.shelf import Teacher
from trainables.trial import RECIPE_VERSION, TrialSpec
from trainables.version import VERSION


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A sweep that is ready to run."""

    name: str
    preset: str = ""  # of a sweep
    space: Space
    stores: dict[int, Store]  # by the size of the images in pixels; the sweep's own first, then those of varied sizes
    teachers: dict[str, Teacher]  # by name; the first weights are among them
    teachers_folder: Path
    base: TrialConfig  # what all trials share
    averaging: Averaging
    search: str
    searcher: str = DEFAULT_SEARCHER  # what suggests configurations, but in a grid
    scheduler: str  # by which weak trials of the search end early; in a grid none do
    num_trials: int
    num_repeats: int
    redraws: Redraws = field(default_factory=Redraws)
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
    def store(self) -> Store:
        """The prepared images of the sweep's own size."""
        return self.stores[self.base.image_size_px]

    def store_of(self, config: TrialConfig) -> Store:
        """The prepared images of a trial."""
        return self.stores[config.image_size_px]

    @property
    def max_epochs(self) -> int:
        """The length of a trial."""
        return self.base.max_epochs

    def plan(self, records: Iterable[TrialRecord]) -> Plan:
        """The plan, with the trials that the ledger already has."""
        of_all = (self.space, self.search, self.num_trials, self.base.seed, self.base.num_folds)
        studies = make_studies(*of_all, searcher=self.searcher)
        return Plan(studies, self.base, self.spec, self.num_repeats, records, redraws=self.redraws)

    def spec(self, config: TrialConfig) -> TrialSpec:
        """A configuration with the fingerprints of what it runs on."""
        return TrialSpec(
            config=config,
            data_fingerprint=self.store_of(config).fingerprint,
            split_fingerprint=self.splits.of(config).split_fingerprint,
            teacher_fingerprint=self._fingerprint(config.teacher),
            init_fingerprint=self._fingerprint(first_weights(config.init, config.student)),
        )

    @cached_property
    def splits(self) -> TrialSplits:
        """Which images train, validate and test each trial."""
        num_draws = self.num_repeats if self.redraws.splits else 0
        return TrialSplits(stores=self.stores, base=self.base, num_draws=num_draws)

    @property
    def redraw_lines(self) -> list[str]:
        """What differs from the paper's repeats, in words; [] where nothing does."""
        return lines(self.redraws, self.base.num_folds, self.num_repeats)

    def job(self, record: TrialRecord) -> Job:
        """What a worker needs for a trial."""
        return Job(
            spec=record.spec,
            store=str(self.store_of(record.spec.config).path),
            teachers=str(self.teachers_folder),
            folder=str(trial_folder(self.folder, record.spec.key)),
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
            "teacher_trained_on": doubts(self.teachers[name] for name in members(config.teacher)),
            "selection_metric": config.selection_metric,
            **averaging_tags(self._averaging_of(config)),
            **self._own_values(record.spec),
            "num_threads": str(self.num_threads),
            "held_out": self.store.held_out,
        }

    def announcement(self, plan: Plan, places: Places, storage: str = "") -> str:
        """What the sweep learns from and what it will run, in a few lines."""
        teachers = ", ".join(
            f"{teacher.name}{' (PHANTOM)' if teacher.is_phantom else ''} {teacher.fingerprint}"
            for teacher in self.teachers.values()
        )
        done = plan.num_trials - plan.num_open_trials
        return "\n".join(
            [
                f"sweep {self.name}: {len(self.space.cells)} cells, {in_words(self.search, self.searcher)}, "
                f"{plan.num_trials} trials in all" + (f", {done} of them done" if done else ""),
                f"  {self.max_epochs} epochs, {self.base.image_size_px} px, seed {self.base.seed}"
                + (f" (preset {self.preset})" if self.preset else ""),
                *([f"  early stopping: {self.scheduler}"] if self.search != "grid" else []),
                *self._variations(),
                f"  selected by {self.base.selection_metric} on the validation set: the scores below",
                f"  teachers: {teachers}",
                *(f"  {line}" for line in averaging_lines(self.store, self.averaging, self.base.num_folds)),
                *([f"  held out of all training: {self.store.held_out}"] if self.store.held_out else []),
                *(
                    f"  WARNING:  {text}"
                    for text in [doubts(self.teachers.values()), *depth_warnings(self.space)]
                    if text
                ),
                f"  MLflow:   {places.printable_tracking_uri}",
                f"  results:  {places.results}" + (f" ({storage})" if storage else ""),
                f"  images:   {self.store.path}" + (f", copied to {self.local} on each machine" if self.local else ""),
            ]
        )

    def _averaging_of(self, config: TrialConfig) -> Averaging:
        if config.average_labels == self.base.average_labels:
            return self.averaging
        return averaging_of(self.store, config.average_labels, config.num_folds)

    def _own_values(self, spec: TrialSpec) -> dict[str, str]:
        """The tag `sweep_setup`: the sweep's own values of what the trial changes; none if it changes nothing.

        Trials may share a table if their sweeps' values are equal, whatever their cells change.
        """
        own: dict[str, Any] = dict(spec.varied_from)
        if spec.data_fingerprint != self.store.fingerprint:
            own["data_fingerprint"] = self.store.fingerprint
        if spec.split_fingerprint != self.store.split_fingerprint:
            own["split_fingerprint"] = self.store.split_fingerprint
        return {"sweep_setup": json.dumps(own, sort_keys=True)} if own else {}

    def _variations(self) -> list[str]:
        """A line for each knob that cells vary: its values, and what the other cells have."""
        texts: dict[str, dict[str, None]] = {}
        for cell in self.space.cells:
            for (name, _), text in zip(cell.varied, cell.variations, strict=True):
                texts.setdefault(name, {})[text.partition("=")[2]] = None
        tuned = {knob.name for knob in knobs(TrialConfig, TUNED)}
        own = {name: "searched" if name in tuned else as_text(getattr(self.base, name)) for name in texts}
        return [f"  varied:   {name}: {', '.join(values)}; else {own[name]}" for name, values in texts.items()]

    @cached_property
    def _num_trainable(self) -> dict[tuple[str, str], int]:
        counts = {}
        for student, depth in {(cell.student, cell.unfreeze) for cell in self.space.cells if cell.method != ITSELF}:
            network = undrawn(student, len(self.store.label_names))
            unfreeze(network, student, depth)
            counts[student, depth] = num_trainable(network)
        return counts

    def _fingerprint(self, name: str) -> str:
        """A teacher's fingerprint, those of an ensemble's members, or the word that stands for no teacher."""
        fingerprints = [self.teachers[member].fingerprint for member in members(name) if member in self.teachers]
        return "+".join(fingerprints) or name


def parent_tags(
    store: Store,
    settings: str,
    teacher_overlap: str = "",
    teacher_trained_on: str = "",
    *,
    first_split: Store | None = None,
) -> dict[str, str]:
    """The tags of the sweep's own run in MLflow that describe its data; tables and report read them there.

    Args:
        first_split: the images as the first fold splits them; None where there is no cross-validation.
    """
    return {
        "dataset": store.dataset,
        "data": "phantom" if store.is_phantom else "real",
        "data_fingerprint": store.fingerprint,
        "split_fingerprint": store.split_fingerprint,
        "label_names": json.dumps(store.label_names, ensure_ascii=False),
        "held_out": store.held_out,
        "table_1": json.dumps(data_sets.facts(store)),
        "table_2": json.dumps(split_sizes.facts(first_split or store)),
        **cohort.tags(first_split or store),
        "recipe": str(RECIPE_VERSION),
        "version": VERSION,
        "settings": settings,
        "teacher_overlap": teacher_overlap,
        "teacher_trained_on": teacher_trained_on,
    }


def doubts(teachers: Iterable[Teacher]) -> str:
    """What has to be taken on trust about the teachers; "" where nothing."""
    return "; ".join(text for teacher in teachers if (text := unverifiable(teacher)))
