"""Fig. 2: where teacher and student look on one image, before and after the student's training.

The map is the mean over the tap's planes of the absolute unit planes, which Eq. 1 compares (Akbarian et al. 2020); it
has H/32 x W/32 cells. Test images are not shown: the image is one of validation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from analysis.figures import drawing
from analysis.figures.drawing import Picture
from analysis.probes import networks
from analysis.reading import origins
from analysis.reading.trials import Runs
from trainables.data.store import Store
from trainables.teachers.shelf import Teacher

COLUMNS = (networks.TEACHER, networks.BEFORE, networks.AFTER)


@dataclass(frozen=True, kw_only=True)
class Maps:
    """The three maps of one cell on one image, each [h, w]."""

    cell: str
    maps: dict[str, NDArray[np.float32]]  # by COLUMNS


def maps(found: Runs, store: Store, teachers: Sequence[Teacher], row: int) -> list[Maps]:
    """A set of maps for each attention cell whose first repeat has its weights, on the store's image `row`."""
    image_HWC = store.gather(np.array([row]))[0]
    made = []
    first = networks.first_repeats(found)
    for _, run in first[first["params.method"] == "attention"].iterrows():
        at_hand = networks.of_run(found, run, teachers, store.label_names)
        if len(at_hand) == len(COLUMNS):
            of_cell = {name: at_hand[name].attention(image_HWC[None])[0] for name in COLUMNS}
            made.append(Maps(cell=str(run["tags.cell"]), maps=of_cell))
    return made


def rows(made: Sequence[Maps]) -> pd.DataFrame:
    """One row per cell: how similar the student's map is to the teacher's (Pearson's r over cells), before and after.

    NaN where a map has no more than one cell, or is flat.
    """
    lines = []
    for one in made:
        teacher, before, after = (one.maps[name].ravel() for name in COLUMNS)
        lines.append((one.cell, _likeness(teacher, before), _likeness(teacher, after)))
    return pd.DataFrame(lines, columns=["cell", "before", "after"])


def draw(made: Sequence[Maps], store: Store, row: int, axes: Sequence[Axes]) -> None:
    """One line of axes per cell: the image, then the three maps over it."""
    image_HWC = store.gather(np.array([row]))[0]
    for line, one in enumerate(made):
        for column, name in enumerate(("image", *COLUMNS)):
            ax = axes[line * (1 + len(COLUMNS)) + column]
            drawing.image(ax, image_HWC, None if name == "image" else one.maps[name])
            ax.set_title(one.cell if column == 0 else name, fontsize=7, loc="left")


def picture(found: Runs, store: Store, teachers: Sequence[Teacher], row: int) -> Picture | None:
    """The whole figure; None where no attention cell has what it takes."""
    made = maps(found, store, teachers, row)
    if not made:
        return None
    shown, axes = drawing.figure(num_columns=1 + len(COLUMNS), num_rows=len(made), height_in=1.9)
    draw(made, store, row, axes)
    parts = origins.of_cells(found.trained)
    for ax, one in zip(axes[:: 1 + len(COLUMNS)], made, strict=True):
        ax.set_title(origins.marked(one.cell, parts[one.cell]), fontsize=7, loc="left")
    drawing.announce_phantom(shown, origins.union(parts[one.cell] for one in made))
    frame = rows(made).assign(phantom=[parts[one.cell] for one in made])
    likeness = "; ".join(
        f"{origins.marked(r.cell, r.phantom)} {r.before:.2f} before, {r.after:.2f} after" for r in frame.itertuples()
    )
    return Picture(
        name="figure_2",
        title="Fig. 2: attention of teacher and student on one validation image",
        alternative=f"Attention maps over the image. Correlation of the student's map with the teacher's: {likeness}.",
        figure=shown,
        frame=frame,
    )


def _likeness(one: NDArray, other: NDArray) -> float:
    if one.size < 2 or other.size < 2 or one.shape != other.shape or not one.std() or not other.std():
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])
