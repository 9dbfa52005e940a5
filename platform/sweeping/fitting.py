"""Whether a search space fits its data and teachers: uncertain labels, shared labels, planes, and first weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from platform.sweeping.plan import axis_value, config_of
from platform.sweeping.scoring import check_scorable, checked_averaging, selection_metric
from search_spaces.space import Space
from trainables.cell import ITSELF, NO_TEACHER, Cell, members
from trainables.config import TrialConfig
from trainables.data.listing import UNCERTAIN
from trainables.data.resplit import averaging_of, redrawn
from trainables.data.store import Store
from trainables.models.architectures import known
from trainables.models.eyes import Eyes
from trainables.teachers.compatible import check_fit
from trainables.teachers.imagenet import first_weights
from trainables.teachers.itself import check_outputs
from trainables.teachers.shelf import Teacher


def fitted_to_data(space: Space, store: Store, teachers: Mapping[str, Teacher]) -> Space:
    """The space without the cells that its data and teachers cannot serve, each printed with the reason.

    Such cells compare outputs or planes that student and teachers do not share, or take only a single teacher.

    Raises:
        ValueError: a method, or the sweep, has no cell left, first weights are another network's, or there is a policy
        on uncertain labels but no such label.
    """
    _check_uncertainty(space, store)
    kept: list[Cell] = []
    refusals: dict[Cell, ValueError] = {}
    for cell in space.cells:
        if cell.method != ITSELF and (init := teachers.get(first_weights(cell.init, cell.student))):
            check_first_weights(cell.student, init)
        try:
            guides = [teachers[name] for name in members(cell.teacher)]
            if cell.method == ITSELF:
                check_outputs(guides, store.task, store.label_names)
            elif cell.teacher != NO_TEACHER:
                size_px = _size_px(cell, store)
                check_fit(cell.method, store.task, store.label_names, guides, cell.student, image_size_px=size_px)
            kept.append(cell)
        except ValueError as error:
            refusals[cell] = error
    methods = {cell.method for cell in kept}
    for cell, refusal in refusals.items():
        # Nobody asks for the control by name: where no teacher has the labels, the sweep runs without it.
        if cell.method not in methods and (cell.method != ITSELF or not kept):
            raise refusal
        print(f"left out: {cell.name}: {refusal}", flush=True)
    return replace(space, cells=tuple(kept))


def check_variations(space: Space, base: TrialConfig, store: Store) -> Space:
    """The space, unless it has a cell whose knobs do not go together, or whose score cannot be had on these images.

    Raises:
        ValueError: there is such a cell; the message names it.
    """
    metrics = set()
    for cell in space.cells:
        if not cell.varied:
            continue
        try:
            config = config_of(base, cell, space.first(cell) if cell.method != ITSELF else {})
            selection_metric(config.selection_metric, config.selection_metric, store.task)
        except ValueError as error:
            raise ValueError(f"{cell.name}: {error}") from None
        metrics.add((config.average_labels, config.selection_metric))
    for rule, metric in sorted(metrics):
        checked_averaging(store, rule, metric, base.num_folds)
    return space


def check_redrawn(space: Space, base: TrialConfig, store: Store, num_draws: int) -> None:
    """Refuses splits drawn anew on which a repeat of some cell would have no score.

    Raises:
        ValueError: as `check_scorable` says.
    """
    cells = [
        (axis_value(base, cell, "average_labels"), axis_value(base, cell, "selection_metric")) for cell in space.cells
    ]
    for draw in range(1, 1 + num_draws):
        split = redrawn(store, draw)
        for rule, metric in sorted(set(cells)):
            check_scorable(split, averaging_of(store, rule), metric, f"split {draw} drawn anew")


def _size_px(cell: Cell, store: Store) -> int:
    """The side of the images that a cell's student sees."""
    return int(cell.axes.get("image_size_px", store.image_size_px))


def check_first_weights(student: str, init: Teacher, eyes: Eyes | None = None) -> None:
    """Refuses first weights of another network than the student needs.

    Args:
        eyes: what the student sees through, where those are not its architecture's.

    Raises:
        ValueError: `init` has another architecture, or sees images that are normalised in another way.
    """
    needed = known(student).first_weights
    if init.architecture != needed:
        raise ValueError(
            f"the first weights of {student} must be those of a {needed}, but {init.name} is a "
            f"{init.architecture}: give --init imagenet, random, or a teacher of that architecture"
        )
    own, others = eyes or known(student).eyes, init.eyes
    if (own.mean, own.std) != (others.mean, others.std):
        raise ValueError(
            f"first weights must have seen images in the student's units, but {init.name} sees {others}, and {student} "
            f"{own}: give --init imagenet, random, or another teacher of that architecture"
        )


def _check_uncertainty(space: Space, store: Store) -> None:
    policies = {cell.uncertainty for cell in space.cells} - {"zeros"}
    if policies and not (store.task == "multilabel" and (store.labels == UNCERTAIN).any()):
        raise ValueError(
            f"a policy on uncertain labels needs such labels, but {store.dataset} has none: leave out --uncertainty "
            f"{' '.join(sorted(policies))}"
        )
