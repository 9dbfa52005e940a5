"""Conducts a teacher's own training: a sweep of one trial, and then the teacher under its name."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np
import torch
from optuna.distributions import FloatDistribution
from safetensors.torch import load_file

from platform.arguments import EXIT_UNFINISHED
from platform.conduct import alone, carry_out
from platform.machines import join_cluster
from platform.places import Places
from platform.pretrain import Recipe
from platform.records import TrialRecord
from platform.scoring import averaging_tags, selection_metric
from platform.setup import Setup, local_folder, parent_tags
from platform.sources import find_sources, task_of
from platform.tracking import must_answer
from search_spaces.space import Space
from trainables import checkpoint
from trainables.cell import Cell
from trainables.config import NO_TEACHER, TrialConfig
from trainables.data.store import Store
from trainables.evaluate import metric_name
from trainables.models.architectures import known
from trainables.teachers import ledger
from trainables.teachers.imagenet import first_weights
from trainables.teachers.ledger import Teacher

EXPERIMENT = "teachers"


def conduct_pretraining(options: argparse.Namespace, recipe: Recipe) -> int:
    """Trains the teacher that `platform.pretrain.parser` describes; 0 when it is there.

    Raises:
        ValueError, LookupError, OSError: something that the training needs is absent or wrong.
    """
    places = Places.under(options.results)
    storage = join_cluster(places, local_folder(options), verbose=options.verbose)
    setup = prepare_pretraining(options, recipe, places)
    with alone(places.sweep(setup.name)), must_answer(places.said_tracking_uri):
        plan = carry_out(setup, EXPERIMENT, options, places, storage)
        (record,) = plan.records.values()
        if record.status == "RUNNING":
            print("the training is not finished: the same command goes on with it", file=sys.stderr)
            return EXIT_UNFINISHED
        if record.status == "FAILED":
            print("the training failed; the reason stands above and in MLflow", file=sys.stderr)
            return 1
        teacher = keep(setup, record, options.name or options.dataset, places)
    print(summary(teacher))
    return 0


def prepare_pretraining(options: argparse.Namespace, recipe: Recipe, places: Places) -> Setup:
    """One cell with one point: plain transfer learning of the network that is asked for.

    Raises:
        ValueError, FileNotFoundError, OSError: as `platform.sources.find_sources` says.
    """
    init = first_weights(options.init, options.architecture)
    names = [] if init == "random" else [init]
    metric = selection_metric(options.selection_metric, "auc", task_of(options.dataset, places))
    store, averaging, teachers = find_sources(options, places, recipe.image_size_px, names, metric)
    if names and teachers[init].architecture != known(options.architecture).first_weights:
        raise ValueError(
            f"the first weights of {options.architecture} must be those of a "
            f"{known(options.architecture).first_weights}, but {init} is a {teachers[init].architecture}"
        )
    varied = {"uncertainty": options.uncertainty, "init": options.init}  # a plan takes them from the cell
    space = Space(
        dataset=options.dataset,
        selection_metric=metric,
        cells=(Cell(method="transfer", teacher=NO_TEACHER, student=options.architecture, **varied),),
        learning_rate=FloatDistribution(recipe.learning_rate, recipe.learning_rate),
        grid={"learning_rate": (recipe.learning_rate,), "weight_decay": (0.0,), "beta": ()},
    )
    base = TrialConfig(
        dataset=options.dataset,
        method="transfer",
        student=options.architecture,
        max_epochs=recipe.num_epochs,
        batch_size=recipe.batch_size,
        image_size_px=recipe.image_size_px,
        learning_rate=recipe.learning_rate,
        uncertainty=options.uncertainty,
        init=options.init,
        average_labels=options.average_labels,
        selection_metric=metric,
        seed=options.seed,
        phase="pretrain",
    )
    settings = json.dumps(
        {
            "config": base.__dict__,
            "data": store.fingerprint,
            "split": store.split_fingerprint,
            "init": {name: teacher.fingerprint for name, teacher in teachers.items()},
        },
        sort_keys=True,
    )
    name = f"teacher-{options.name or options.dataset}-{hashlib.sha256(settings.encode()).hexdigest()[:6]}"
    return Setup(
        name=name,
        space=space,
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
        local=local_folder(options),
        cpus_per_trial=options.cpus_per_trial or float(os.cpu_count() or 1),
        has_gpu=torch.cuda.is_available(),
    )


def keep(setup: Setup, record: TrialRecord, name: str, places: Places) -> Teacher:
    """Puts the best epoch's weights among the teachers, with its own scores and the patients that it has seen."""
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
    of = f"{store.dataset} without {store.held_out}" if store.held_out else store.dataset
    seen_rows = np.concatenate([store.rows("train"), store.rows("validation")])
    return ledger.save(
        _folder(store, places),
        load_file(checkpoint.best_path(folder, last["best_epoch"])),
        name=name,
        architecture=setup.base.student,
        task=store.task,
        label_names=store.label_names,
        source=f"{of}, {last['epoch']} epochs from {setup.base.init} weights, best at {last['best_epoch']}",
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
    """The teacher's own scores, a label a line."""
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
