"""What of a sweep cannot be taught at a depth: students that do not have it, and losses that reach no trained layer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from platform.command_line.sweep_requests import SweepRequest
from search_spaces.space import Space
from trainables.cell import NO_TEACHER, Cell
from trainables.models import stages
from trainables.models.architectures import find, known
from trainables.models.freezing import drawn_and_frozen, frozen_taps
from trainables.transfer import METHODS


def absent(request: SweepRequest) -> list[str]:
    """One line for each student that does not have a depth which another one has."""
    return [
        f"left out: {student} at {depth}, since its depths are {', '.join(known(student).depths)}"
        for depth in request.depths
        for student in request.students
        if depth not in known(student).depths
    ]


def fitted_to_depths(space: Space, asked_methods: Collection[str]) -> tuple[Space, list[str]]:
    """The space without the cells whose method would teach frozen layers alone, and a line on each that is left out.

    Args:
        asked_methods: those that must not disappear; a control may.

    Raises:
        ValueError: no cell of a method that was asked for is left.
    """
    dead = {cell: taps for cell in space.cells if (taps := _frozen_taps(cell)) and taps == _roles(cell)}
    kept = tuple(cell for cell in space.cells if cell not in dead)
    methods = {cell.method for cell in kept}
    for cell, taps in dead.items():
        if cell.method in asked_methods and cell.method not in methods:
            raise ValueError(_refusal(cell, taps))
    columns = {replace(cell, data_fraction=1.0, uncertainty="zeros", varied=()).name: dead[cell] for cell in dead}
    lines = [f"left out: {name}: {_no_gradient(taps)}" for name, taps in columns.items()]
    return replace(space, cells=kept), lines


def depth_warnings(space: Space) -> list[str]:
    """What is trained otherwise than its name says: a method with some taps frozen, and layers that nothing trains."""
    lines: dict[str, None] = {}  # in order, each once
    for cell in space.cells:
        if taps := _frozen_taps(cell):
            live = [role for role in _roles(cell) if role not in taps]
            lines[
                f"{cell.method} of {cell.student} at {cell.unfreeze}: nothing reaches the student from its "
                f"{_listed(taps)} tap{'s' * (len(taps) > 1)}, which lie{'s' * (len(taps) == 1)} in the frozen part; "
                f"it learns from {_listed(live)} alone"
            ] = None
        if find(cell.student) and (drawn := drawn_and_frozen(cell.student, cell.unfreeze)):
            lines[
                f"{cell.student} at {cell.unfreeze}: {_listed(drawn)} are frozen as they were drawn at random: "
                "no first weights have them"
            ] = None
    return list(lines)


def _roles(cell: Cell) -> list[str]:
    return list(METHODS[cell.method].student_roles)


def _frozen_taps(cell: Cell) -> list[str]:
    """The roles at which the cell's method looks at frozen layers of the student."""
    if cell.method not in METHODS or cell.teacher == NO_TEACHER or find(cell.student) is None:
        return []
    return frozen_taps(cell.student, cell.unfreeze, _roles(cell))


def _no_gradient(taps: Sequence[str]) -> str:
    are = f"tap{'s' * (len(taps) > 1)} lie{'s' * (len(taps) == 1)}"
    return f"its {_listed(taps)} {are} in the frozen part, so that nothing of its loss would reach the student"


def _refusal(cell: Cell, taps: Sequence[str]) -> str:
    depths = known(cell.student).depths
    enough = [depth for depth in depths if frozen_taps(cell.student, depth, _roles(cell)) != _roles(cell)]
    of_outputs = ", ".join(sorted(name for name, method in METHODS.items() if "logits" in method.student_roles))
    return (
        f"a method must reach a layer that is trained, but of {cell.name} it does not: {_no_gradient(taps)}; "
        f"unfreeze {cell.student} deeper (--unfreeze {' '.join(enough or [stages.ALL])}), or take a method that learns "
        f"from outputs: {of_outputs}"
    )


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
