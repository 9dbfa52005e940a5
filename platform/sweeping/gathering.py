"""Gathers what a sweep needs before its first trial: data, teachers, first weights, and the sweep's name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from platform.command_line.ablation_request import blamed
from platform.command_line.sweep_requests import SweepRequest
from platform.sources import copied_images
from platform.sources.at_hand import check_overlaps, find_sources, sources_of_the_papers_size
from platform.sources.images import dataset_of, listing_of
from platform.sources.places import Places
from platform.sweeping.fitting import check_redrawn, check_variations, fitted_to_data
from platform.sweeping.naming import decided_by, default_name, searched_by, settings_of, stopped_by
from platform.sweeping.plan import axis_value
from platform.sweeping.requested import base_and_cells, preset_of, redraws_of, teacher_names
from platform.sweeping.samplers import DEFAULT_SEARCHER
from platform.sweeping.scoring import averaging_tags
from platform.sweeping.setup import Setup, doubts, parent_tags
from platform.sweeping.unfreezing import absent
from platform.tracking.ablation_record import ablation_tags
from search_spaces.presets import PRESETS
from search_spaces.space import Space
from trainables.config import TrialConfig
from trainables.data.averaging import Averaging
from trainables.data.catalogue import DATASETS
from trainables.data.resplit import split_for
from trainables.data.store import Store
from trainables.teachers.shelf import Teacher


def prepare_sweep(request: SweepRequest, places: Places, *, stand_ins: Path | None = None) -> Setup:
    """Reads or draws the data, and finds or makes the teachers; long steps show their progress.

    Args:
        stand_ins: for a plan, which needs neither pixels nor trained phantoms: an empty folder for what stands in.

    Raises:
        ValueError, FileNotFoundError, OSError: something is absent or wrong; the message says what to do.
    """
    dataset = dataset_of(request.dataset, places)
    preset = PRESETS[named := preset_of(request, dataset)]
    base, (space, left_out) = base_and_cells(request, preset, dataset)
    name, (stores, averaging, teachers) = _sources(request, places, base, space, stand_ins)
    print("".join(f"{line}\n" for line in [*absent(request), *left_out]), end="", flush=True)
    store = stores[base.image_size_px]
    space = _fitted(request, space, base, store, teachers)
    num_repeats = request.repeats or (1 if base.num_folds else preset.num_repeats)
    check_redrawn(space, base, store, num_repeats if redraws_of(request).splits else 0)
    return Setup(
        name=name,
        preset=named,
        space=space,
        stores=stores,
        teachers=teachers,
        teachers_folder=next(iter(teachers.values())).folder.parent if teachers else places.results,
        base=base,
        averaging=averaging,
        num_trials=request.trials or preset.num_trials,
        **_how_searched(request),
        num_repeats=num_repeats,
        redraws=redraws_of(request),
        facts=_facts(request, places, base, space, (store, averaging, teachers)),
        folder=places.sweep(name),
        cpus_per_trial=1.0 if request.cpus_per_trial is None else request.cpus_per_trial,
        cache=_cache_folder(request, places),
        cache_bytes=int(request.cache_gb * 1e9),
        local=request.local,
        has_gpu=torch.cuda.is_available(),
    )


def _how_searched(request: SweepRequest) -> dict[str, Any]:
    """What of a `Setup` says by what its configurations are found, and which of them end early."""
    searcher = request.searcher or DEFAULT_SEARCHER
    return {"search": request.search, "searcher": searcher, "scheduler": request.scheduler}


def _facts(
    request: SweepRequest,
    places: Places,
    base: TrialConfig,
    space: Space,
    sources: tuple[Store, Averaging, dict[str, Teacher]],
) -> dict[str, str]:
    """The tags of the sweep's own run; refuses teachers that have seen test images, as `check_overlaps` says."""
    store, averaging, teachers = sources
    redraws = redraws_of(request)
    overlap = check_overlaps(
        list(teachers.values()),
        store,
        places,
        allowed=request.allow_overlap,
        any_is_tested=redraws.splits or base.num_folds > 0,
    )
    settings = settings_of(request.search, base, space, store, teachers) | decided_by(redraws, base)
    settings |= searched_by(request) | stopped_by(request)
    about = parent_tags(
        store,
        json.dumps(settings, sort_keys=True),
        overlap,
        doubts(teachers.values()),
        first_split=split_for(store, replace(base, fold=1)) if base.num_folds else None,
    )
    about |= copied_images.tags(store)
    return about | averaging_tags(averaging) | redraws.tags(base.num_folds) | ablation_tags(request)


def _sources(
    request: SweepRequest, places: Places, base: TrialConfig, space: Space, stand_ins: Path | None
) -> tuple[str, tuple[dict[int, Store], Averaging, dict[str, Teacher]]]:
    """The sweep's name, which is printed before anything long begins, and what it learns from."""
    names, dataset = teacher_names(space), dataset_of(request.dataset, places)
    sizes_px = sorted({axis_value(base, cell, "image_size_px") for cell in space.cells})
    if stand_ins and request.preset == "paper" and request.data is None and dataset.name in DATASETS:
        if request.hold_out:
            raise ValueError(
                "--hold-out needs the images' labels, which the paper's counts do not have: give --data DIR"
            )
        return f"{dataset.name}-paper", sources_of_the_papers_size(
            dataset, base, names, stand_ins, more_sizes_px=sizes_px
        )
    listing = listing_of(request.dataset, request.data, places, request.phantom_size)
    name = request.name or default_name(request, base, space, listing)
    print(f"sweep {name}" + ("" if request.name else ": choose a name of your own with --name"), flush=True)
    return name, find_sources(request, listing, places, base, names, more_sizes_px=sizes_px, stand_ins=stand_ins)


def _fitted(
    request: SweepRequest, space: Space, base: TrialConfig, store: Store, teachers: dict[str, Teacher]
) -> Space:
    """What of the cells fits images and teachers; errors as in `base_and_cells`."""
    with blamed(request.file):
        return check_variations(fitted_to_data(space, store, teachers), base, store)


def _cache_folder(request: SweepRequest, places: Places) -> Path:
    return (request.cache or (request.local / "cache" if request.local else places.cache)).absolute()
