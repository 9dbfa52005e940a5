"""Which cells there are where the depth varies: each student's own depths, and no other."""

from __future__ import annotations

from collections.abc import Sequence

from trainables.cell import NO_STUDENT, Cell
from trainables.models.architectures import known
from trainables.models.stages import no_depth


def at_own_depths(cells: Sequence[Cell], depths: Sequence[str]) -> list[Cell]:
    """The cells without those of students at depths that they do not have; one that trains nothing stays.

    Args:
        depths: the depths to which `cells` were to be unfrozen; () where they do not vary.

    Raises:
        ValueError: no student has one of `depths`.
    """
    if not depths:
        return list(cells)
    by_student = {cell.student: tuple(known(cell.student).depths) for cell in cells if cell.student != NO_STUDENT}
    for depth in depths:
        if not any(depth in own for own in by_student.values()):
            raise ValueError(no_depth(depth, by_student))
    return [cell for cell in cells if cell.student == NO_STUDENT or cell.unfreeze in by_student[cell.student]]
