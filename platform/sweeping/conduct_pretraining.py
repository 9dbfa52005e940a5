"""Conducts a teacher's training: a sweep of one trial, whose network is then kept under the teacher's name."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from platform.cluster.machines import join_cluster
from platform.command_line.endings import EXIT_UNFINISHED
from platform.command_line.notice import announced
from platform.command_line.training_requests import PretrainRequest
from platform.sources.at_hand import find_sources
from platform.sources.images import dataset_of, listing_of
from platform.sources.places import Places
from platform.sweeping.conduct_sweep import alone, carry_out, open_ledger
from platform.sweeping.fitting import check_first_weights
from platform.sweeping.records import TrialRecord
from platform.sweeping.scoring import averaging_tags, selection_metric
from platform.sweeping.setup import Setup, parent_tags
from platform.tracking.tracker import must_answer
from search_spaces.space import SEARCHED, Space
from trainables import checkpoint
from trainables.config import TrialConfig
from trainables.data.store import Store
from trainables.knob import Range
from trainables.metrics import metric_name
from trainables.teachers import shelf
from trainables.teachers.imagenet import first_weights
from trainables.teachers.shelf import Teacher

EXPERIMENT = "teachers"


def conduct_pretraining(request: PretrainRequest) -> int:
    """Trains the teacher; 0 when it is finished.

    Raises:
        ValueError, LookupError, OSError: something that the training needs is absent or wrong.
    """
    places = Places.under(request.results)
    storage = join_cluster(places, request.local, verbose=request.verbose)
    setup = prepare_pretraining(request, places)
    with (
        announced(request.notify_url, setup.name),
        alone(places.sweep(setup.name)),
        must_answer(places.printable_tracking_uri),
    ):
        plan = carry_out(setup, open_ledger(setup, EXPERIMENT, places), request, places, storage)
        (record,) = plan.records.values()
        if record.status == "RUNNING":
            print("the training is not finished: run the same command again to resume it", file=sys.stderr)
            return EXIT_UNFINISHED
        if record.status == "FAILED":
            print("the training failed; the reason is printed above and recorded in MLflow", file=sys.stderr)
            return 1
        teacher = keep(setup, record, request.name or request.dataset, places)
    print(summary(teacher))
    return 0


def prepare_pretraining(request: PretrainRequest, places: Places) -> Setup:
    """One cell with one point: plain transfer learning of the requested network.

    Raises:
        ValueError, FileNotFoundError, OSError: as `platform.sources.at_hand.find_sources` says.
    """
    base = base_of(request)
    selection_metric(base.selection_metric, base.selection_metric, dataset_of(request.dataset, places).task)
    init = first_weights(base.init, base.student)
    names = [] if init == "random" else [init]
    listing = listing_of(request.dataset, request.data, places, request.phantom_size)
    store, averaging, teachers = find_sources(request, listing, places, base, names)
    for teacher in teachers.values():
        check_first_weights(base.student, teacher)
    settings = _settings(base, store, teachers)
    name = f"teacher-{request.name or request.dataset}-{hashlib.sha256(settings.encode()).hexdigest()[:6]}"
    return Setup(
        name=name,
        space=_one_point(base),
        store=store,
        teachers=teachers,
        teachers_folder=teachers[init].folder.parent if names else _folder(store, places),
        base=base,
        averaging=averaging,
        search="grid",
        num_trials=1,
        num_repeats=0,
        facts=parent_tags(store, settings) | averaging_tags(averaging),
        folder=places.sweep(name),
        cache=places.cache,
        cache_bytes=0,
        local=request.local,
        cpus_per_trial=float(os.cpu_count() or 1) if request.cpus_per_trial is None else request.cpus_per_trial,
        has_gpu=torch.cuda.is_available(),
    )


def _one_point(base: TrialConfig) -> Space:
    """A search space with nothing to search: the one cell, and one value for each range."""
    values = {name: getattr(base, name) for name in SEARCHED}
    tuned = {name: Range(low=value, high=value, first=value) for name, value in values.items()}
    return Space(dataset=base.dataset, cells=(base.cell,), tuned=tuned)


def _settings(base: TrialConfig, store: Store, teachers: Mapping[str, Teacher]) -> str:
    """What decides the teacher, in canonical JSON."""
    return json.dumps(
        {
            "config": asdict(base),
            "data": store.fingerprint,
            "split": store.split_fingerprint,
            "init": {name: teacher.fingerprint for name, teacher in teachers.items()},
        },
        sort_keys=True,
    )


def base_of(request: PretrainRequest) -> TrialConfig:
    """The training: the recipe's values, unless the request has others."""
    recipe = request.RECIPE if request.data else request.PHANTOM_RECIPE
    return TrialConfig(
        dataset=request.dataset,
        method="transfer",
        student=request.architecture,
        phase="pretrain",
        **{**recipe, **request.knobs},
    )


def keep(setup: Setup, record: TrialRecord, name: str, places: Places) -> Teacher:
    """Keeps the best epoch's weights as a teacher, with its scores and the patients that it has seen."""
    folder = Path(setup.job(record).folder)
    saved = checkpoint.load_state(folder)
    if saved is None:
        raise FileNotFoundError(f"the training of {name} is finished, but its checkpoints are gone from {folder}")
    history = saved[0]["history"]
    last = history[-1]
    best = history[last["best_epoch"] - 1]
    scores = {key: value for key, value in best["metrics"].items() if key.startswith("val_")}
    scores |= {key: value for key, value in last["metrics"].items() if key.startswith("test_")}
    store = setup.store
    images = f"{store.dataset} without {store.held_out}" if store.held_out else store.dataset
    seen_rows = np.concatenate([store.rows("train", setup.base.data_fraction), store.rows("validation")])
    return shelf.save(
        _folder(store, places),
        load_file(checkpoint.best_path(folder, last["best_epoch"])),
        name=name,
        architecture=setup.base.student,
        task=store.task,
        label_names=store.label_names,
        source=f"{images}, {last['epoch']} epochs from {setup.base.init} weights, best at {last['best_epoch']}",
        is_phantom=store.is_phantom or any(teacher.is_phantom for teacher in setup.teachers.values()),
        scores=scores,
        seen={
            "dataset": store.dataset,
            "data": "phantom" if store.is_phantom else "real",
            "split": "train and validation",
            "data_fingerprint": store.fingerprint,
            "split_fingerprint": store.split_fingerprint,
            "salt": places.salt_fingerprint(),
            "patients": sorted(set(store.patient[seen_rows].tolist())),
        },
    )


def summary(teacher: Teacher) -> str:
    """The teacher's own scores, one line per label."""
    lines = [f"teacher {teacher.name}{' (PHANTOM)' if teacher.is_phantom else ''}, fingerprint {teacher.fingerprint}"]
    lines.append(f"  {'AUC':30} validation    test")
    for label in ("", *teacher.label_names):
        key = f"auc_{metric_name(label)}" if label else "auc"
        val, test = (teacher.scores.get(f"{split}_{key}") for split in ("val", "test"))
        if (val, test) != (None, None):
            lines.append(f"  {label or 'mean':30} {_number(val):>10} {_number(test):>7}")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _folder(store: Store, places: Places) -> Path:
    return places.teachers(phantom=store.is_phantom, image_size_px=store.image_size_px)
