"""What a request asks for, before anything of its images is known: what all trials share, and the cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from platform.command_line.ablation_request import blamed
from platform.command_line.sweep_requests import SweepRequest
from platform.sources.images import dataset_of
from platform.sources.places import Places
from platform.sweeping.scoring import selection_metric
from platform.sweeping.unfreezing import fitted_to_depths
from search_spaces import space_of
from search_spaces.presets import PRESETS, Preset
from search_spaces.space import INIT, Space, columns_of
from trainables.cell import Cell
from trainables.config import TrialConfig
from trainables.data.catalogue import DATASETS
from trainables.data.dataset import Dataset


def cells(request: SweepRequest, places: Places) -> tuple[Cell, ...]:
    """The cells of the requested sweep, as far as they can be known without images and teachers.

    Raises:
        ValueError, FileNotFoundError: there is no such data set, or a value that the request gives breaks a rule.
    """
    dataset = dataset_of(request.dataset, places)
    _, (space, _) = asked(request, PRESETS[preset_name(request, dataset)], dataset)
    return space.cells


def asked(request: SweepRequest, preset: Preset, dataset: Dataset) -> tuple[TrialConfig, tuple[Space, list[str]]]:
    """What all trials share, and the cells, as `fitted_to_depths` returns them; an error about what an ablation's file
    says names its line."""
    with blamed(request.file):
        base = _base(request, preset, dataset)
        return base, fitted_to_depths(_space(request, preset, dataset, base), request.methods)


def preset_name(request: SweepRequest, dataset: Dataset) -> str:
    """The requested preset; else the paper's for a user's images, and the quick one for those that are drawn."""
    has_images = bool(request.data) or dataset.name not in DATASETS
    return request.preset or ("paper" if has_images else "quick")


def _base(request: SweepRequest, preset: Preset, dataset: Dataset) -> TrialConfig:
    """What all trials share."""
    metric = selection_metric(request.knobs.get("selection_metric"), dataset.selection_metric, dataset.task)
    values = {"selection_metric": metric, **preset.knobs, **request.knobs}
    return TrialConfig(dataset=dataset.name, method="transfer", num_folds=request.folds or 0, **values)


def _space(request: SweepRequest, preset: Preset, dataset: Dataset, base: TrialConfig) -> Space:
    """The requested cells, and the ranges within them."""
    columns = columns_of(request.methods, request.teacher_names, request.students, controls=request.controls)
    in_paper = tuple(dataset.fractions.values()) if preset is PRESETS["paper"] else ()
    usual_axes: dict[str, Sequence[Any]] = {
        "data_fraction": in_paper or (1.0,),
        "uncertainty": (TrialConfig.uncertainty,),
        "init": (INIT,),
    }
    space = replace(preset.fitted(space_of(dataset.name)), cells=columns)
    variations = request.variations
    if request.one_at_a_time:
        usual_axes |= request.axes
        space = space.crossed(usual_axes, base).one_at_a_time(variations, base)
    else:
        space = space.crossed(usual_axes | dict(request.axes) | variations, base)
    return space.narrowed(request.cells)
