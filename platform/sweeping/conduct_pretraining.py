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
import pandas as pd
import torch
from safetensors.torch import load_file

from analysis.reading import artifacts
from analysis.reading.mlflow_frames import metric_frame, run_frame
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
        alone(places.sweep(setup.name)),
        announced(request.notify_url, setup.name) as notice,
        must_answer(places.printable_tracking_uri),
    ):
        plan = carry_out(setup, open_ledger(setup, EXPERIMENT, places), request, places, storage)
        (record,) = plan.records.values()
        if record.status == "RUNNING":
            notice.text = f"{setup.name} is not finished; the same command resumes it"
            print("the training is not finished: run the same command again to resume it", file=sys.stderr)
            return EXIT_UNFINISHED
        if record.status == "FAILED":
            notice.text = f"{setup.name} failed"
            print("the training failed; the reason is printed above and recorded in MLflow", file=sys.stderr)
            return 1
        teacher = keep(setup, record, request.name or request.dataset, places)
        notice.text = f"{setup.name} is finished: the teacher {teacher.name} is at hand"
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
    stores, averaging, teachers = find_sources(request, listing, places, base, names)
    store = stores[base.image_size_px]
    for teacher in teachers.values():
        check_first_weights(base.student, teacher)
    settings = _settings(base, store, teachers)
    name = f"teacher-{request.name or request.dataset}-{hashlib.sha256(settings.encode()).hexdigest()[:6]}"
    return Setup(
        name=name,
        space=_one_point(base),
        stores=stores,
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
    """Keeps the best epoch's weights as a teacher, with its scores and the patients that it has seen.

    All of it is read from MLflow: the trial's own folder is gone once that has everything.

    Raises:
        FileNotFoundError: MLflow has no weights of it.
    """
    trained = run_frame(places.tracking_uri, EXPERIMENT, setup.name)
    run = trained[trained["tags.trial"] == record.spec.key].iloc[0]
    folder = artifacts.of_run(places.tracking_uri, run, "model")
    files = sorted(folder.glob("best-*.safetensors")) if folder else []
    if not files:
        raise FileNotFoundError(f"the training of {name} is finished, but its run {run['run_id']} has no weights left")
    best_epoch, num_epochs, scores = scores_of(places.tracking_uri, run, files[-1])
    store = setup.store
    images = f"{store.dataset} without {store.held_out}" if store.held_out else store.dataset
    seen_rows = np.concatenate([store.rows("train", setup.base.data_fraction), store.rows("validation")])
    return shelf.save(
        _folder(store, places),
        load_file(files[-1]),
        name=name,
        architecture=setup.base.student,
        task=store.task,
        label_names=store.label_names,
        source=f"{images}, {num_epochs} epochs from {setup.base.init} weights, best at {best_epoch}",
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


def scores_of(uri: str, run: pd.Series, weights: Path) -> tuple[int, int, dict[str, float]]:
    """The best epoch, the number of epochs, and the scores: validation at the best epoch, test after the last one."""
    names = [name.removeprefix("metrics.") for name in run.index if name.startswith(("metrics.val_", "metrics.test_"))]
    values = metric_frame(uri, [run["run_id"]], names)
    best_epoch, num_epochs = checkpoint.epoch_of(weights), int(values["step"].max())
    kept = values[values["step"] == values["metric"].str.startswith("val_").map({True: best_epoch, False: num_epochs})]
    return best_epoch, num_epochs, dict(sorted(zip(kept["metric"], kept["value"], strict=True)))


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
