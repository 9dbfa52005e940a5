"""Conducts a teacher's training: a sweep of one trial, whose network is then kept under the teacher's name."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch

from analysis.reading.teacher_costs import EXPERIMENT, MADE
from platform.cluster.machines import join_cluster
from platform.command_line.endings import EXIT_UNFINISHED
from platform.command_line.notice import announced
from platform.command_line.training_requests import USUAL_ARCHITECTURE, PretrainRequest
from platform.sources.at_hand import find_sources, network_at_hand
from platform.sources.images import dataset_of, listing_of
from platform.sources.places import Places
from platform.sources.results_lock import in_use
from platform.sweeping.conduct_sweep import alone, carry_out, open_ledger
from platform.sweeping.fitting import check_first_weights
from platform.sweeping.scoring import averaging_tags, selection_metric
from platform.sweeping.setup import Setup, parent_tags
from platform.sweeping.trained_teacher import keep, summary
from platform.tracking.mlflow_answers import ask_server, must_answer
from search_spaces.space import SEARCHED, Space
from trainables.config import TrialConfig
from trainables.data.listing import Listing
from trainables.data.store import Store
from trainables.knob import Range
from trainables.models.architectures import known
from trainables.models.stages import ALL, no_depth
from trainables.teachers.imagenet import first_weights
from trainables.teachers.shelf import Teacher, eyes_of_first_weights


def conduct_pretraining(request: PretrainRequest) -> int:
    """Trains the teacher; 0 when it is finished.

    Raises:
        ValueError, LookupError, OSError: something that the training needs is absent or wrong.
    """
    places = Places.under(request.results)
    with in_use(places.results):
        return _conduct(request, places)


def _conduct(request: PretrainRequest, places: Places) -> int:
    ask_server(places.tracking_uri, places.printable_tracking_uri)
    storage = join_cluster(places, request.local, verbose=request.verbose)
    setup = prepare_pretraining(request, places)
    with (
        alone(places.sweep(setup.name)),
        announced(request.notify_url, setup.name) as notice,
        must_answer(places.printable_tracking_uri),
    ):
        ledger = open_ledger(setup, EXPERIMENT, places)
        plan = carry_out(setup, ledger, request, places, storage)
        (record,) = plan.records.values()
        if record.status == "RUNNING":
            notice.text = f"{setup.name} is not finished; the same command resumes it"
            print("the training is not finished: run the same command again to resume it", file=sys.stderr)
            return EXIT_UNFINISHED
        if record.status == "FAILED":
            notice.text = f"{setup.name} failed"
            print("the training failed; the reason is printed above and recorded in MLflow", file=sys.stderr)
            return 1
        teacher = keep(setup, record, request.teacher_name, places)
        ledger.set_tag(MADE, teacher.fingerprint)
        notice.text = f"{setup.name} is finished: the teacher {teacher.name} is at hand"
    print(summary(teacher))
    return 0


def prepare_pretraining(request: PretrainRequest, places: Places) -> Setup:
    """One cell with one point: plain transfer learning of the requested network.

    Raises:
        ValueError, FileNotFoundError, OSError: as `platform.sources.at_hand.find_sources` says; or the network is not
        that of the teacher that it is to begin as, or does not have the depth.
    """
    metric = str(request.values["selection_metric"])
    selection_metric(metric, metric, dataset_of(request.dataset, places).task)
    listing = listing_of(request.dataset, request.data, places, request.phantom_size)
    base = base_of(request, _architecture(request, listing, places))
    init = first_weights(base.init, base.student)
    names = [] if init == "random" else [init]
    stores, averaging, teachers = find_sources(request, listing, places, base, names)
    store = stores[base.image_size_px]
    for teacher in teachers.values():
        check_first_weights(base.student, teacher, eyes_of_first_weights(base.init, base.student, teacher))
    settings = _settings(base, store, teachers)
    name = f"teacher-{request.teacher_name}-{hashlib.sha256(settings.encode()).hexdigest()[:6]}"
    return Setup(
        name=name,
        space=_one_point(base),
        stores=stores,
        teachers=teachers,
        teachers_folder=teachers[init].folder.parent if names else _folder(store, places),
        base=base,
        averaging=averaging,
        search="grid",
        scheduler="none",
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


def base_of(request: PretrainRequest, architecture: str = USUAL_ARCHITECTURE) -> TrialConfig:
    """The training of that network: the recipe's values, unless the request has others."""
    return TrialConfig(
        dataset=request.dataset, method="transfer", student=architecture, phase="pretrain", **request.values
    )


def _architecture(request: PretrainRequest, listing: Listing, places: Places) -> str:
    """The network that is trained.

    Raises:
        ValueError: it is not the one of the teacher that is trained further, or does not have the depth.
    """
    architecture = request.architecture or USUAL_ARCHITECTURE
    if request.origin:
        size_px = int(request.values["image_size_px"])
        origin = network_at_hand(request.origin, request, listing, places, size_px)
        if request.architecture not in (None, origin.architecture):
            raise ValueError(
                f"--from gives the network, so --architecture must be {origin.architecture} or absent, but got "
                f"--architecture {request.architecture}: leave out one of the two"
            )
        architecture = origin.architecture
    depth = str(request.values.get("unfreeze", ALL))
    if depth not in known(architecture).depths:
        raise ValueError(no_depth(depth, {architecture: tuple(known(architecture).depths)}))
    return architecture


def _folder(store: Store, places: Places) -> Path:
    return places.teachers(phantom=store.is_phantom, image_size_px=store.image_size_px)
