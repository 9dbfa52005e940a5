"""What a request asks for, before any image is opened: preset, what all trials share, cells and their teachers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from platform.command_line.ablation_request import blamed
from platform.command_line.sweep_requests import SweepRequest
from platform.sweeping.redraws import Redraws
from platform.sweeping.scoring import selection_metric
from platform.sweeping.unfreezing import fitted_to_depths
from search_spaces import space_of
from search_spaces.presets import PRESETS, Preset
from search_spaces.space import INIT, Space, columns_of
from trainables.cell import ITSELF, Cell, members
from trainables.config import TrialConfig
from trainables.data.catalogue import DATASETS
from trainables.data.dataset import Dataset
from trainables.teachers.imagenet import first_weights


def preset_of(request: SweepRequest, dataset: Dataset) -> str:
    """The requested preset; else the paper's for a user's images, and the quick one for those that are drawn."""
    has_images = bool(request.data) or dataset.name not in DATASETS
    return request.preset or ("paper" if has_images else "quick")


def redraws_of(request: SweepRequest) -> Redraws:
    return Redraws(sources=request.vary_in_repeats, components=request.variance_components)


def cells_of(request: SweepRequest, dataset: Dataset) -> tuple[Cell, ...]:
    """Every cell that is asked for; images and teachers may turn out not to serve some of them."""
    _, (space, _) = base_and_cells(request, PRESETS[preset_of(request, dataset)], dataset)
    return space.cells


def base_and_cells(
    request: SweepRequest, preset: Preset, dataset: Dataset
) -> tuple[TrialConfig, tuple[Space, list[str]]]:
    """What all trials share, and the cells, as `fitted_to_depths` returns them; an error about what an ablation's file
    says names its line."""
    with blamed(request.file):
        base = _base(request, preset, dataset)
        return base, fitted_to_depths(_space(request, preset, dataset, base), request.methods)


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


def teacher_names(space: Space) -> list[str]:
    """Every network that the cells need: teachers, members of ensembles, and sources of first weights."""
    trained = [cell for cell in space.cells if cell.method != ITSELF]
    names = {name for cell in space.cells for name in members(cell.teacher)}
    return sorted(names | {first_weights(cell.init, cell.student) for cell in trained} - {"random"})
