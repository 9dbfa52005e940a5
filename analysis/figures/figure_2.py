"""Fig. 2: where teacher and student look on one image, before and after the student's training.

The map is the mean over the tap's planes of the absolute unit planes, which Eq. 1 compares (Akbarian et al. 2020); it
has H/32 x W/32 cells. Test images are not shown: the image is from the validation set.
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
from trainables import titles
from trainables.data.store import Store
from trainables.teachers.shelf import Teacher

COLUMNS = (networks.TEACHER, networks.BEFORE, networks.AFTER)


@dataclass(frozen=True, kw_only=True)
class CellMaps:
    """The three maps of one cell on one image, each [h, w]."""

    cell: str
    by_network: dict[str, NDArray[np.float32]]  # the keys are COLUMNS


def maps_of_cells(runs: Runs, store: Store, teachers: Sequence[Teacher], row: int) -> list[CellMaps]:
    """A set of maps for each attention cell whose first repeat has its weights, on the store's image `row`."""
    image_HWC = store.gather(np.array([row]))[0]
    all_maps = []
    first = networks.first_repeats(runs)
    for _, run in first[first["params.method"] == "attention"].iterrows():
        at_hand = networks.of_run(runs, run, teachers, store.label_names)
        if len(at_hand) == len(COLUMNS):
            by_network = {name: at_hand[name].attention(image_HWC[None])[0] for name in COLUMNS}
            all_maps.append(CellMaps(cell=str(run["tags.cell"]), by_network=by_network))
    return all_maps


def rows(all_maps: Sequence[CellMaps]) -> pd.DataFrame:
    """One row per cell: how similar the student's map is to the teacher's (Pearson's r over cells), before and after.

    NaN where a map has no more than one cell, or is flat.
    """
    lines = []
    for maps in all_maps:
        teacher, before, after = (maps.by_network[name].ravel() for name in COLUMNS)
        lines.append((maps.cell, _likeness(teacher, before), _likeness(teacher, after)))
    return pd.DataFrame(lines, columns=["cell", "before", "after"])


def draw(all_maps: Sequence[CellMaps], store: Store, row: int, axes: Sequence[Axes]) -> None:
    """One line of axes per cell: the image, then the three maps over it."""
    image_HWC = store.gather(np.array([row]))[0]
    for line, maps in enumerate(all_maps):
        for column, name in enumerate(("image", *COLUMNS)):
            ax = axes[line * (1 + len(COLUMNS)) + column]
            drawing.image(ax, image_HWC, None if name == "image" else maps.by_network[name])
            ax.set_title("" if column == 0 else name, fontsize=7, loc="left")


def picture(runs: Runs, store: Store, teachers: Sequence[Teacher], row: int) -> Picture | None:
    """The whole figure; None where no attention cell has all three networks."""
    all_maps = maps_of_cells(runs, store, teachers, row)
    if not all_maps:
        return None
    figure, axes = drawing.empty_figure(num_columns=1 + len(COLUMNS), num_rows=len(all_maps), height_in=1.9)
    draw(all_maps, store, row, axes)
    parts = origins.of_cells(runs.trained)
    for ax, maps in zip(axes[:: 1 + len(COLUMNS)], all_maps, strict=True):
        ax.set_title(drawing.key(maps.cell, parts[maps.cell]), fontsize=7, loc="left")
    drawing.announce_phantom(figure, origins.union(parts[maps.cell] for maps in all_maps))
    frame = rows(all_maps).assign(phantom=[parts[maps.cell] for maps in all_maps])
    likeness = "; ".join(
        f"{origins.marked(titles.of_name(r.cell), r.phantom)} {r.before:.2f} before, {r.after:.2f} after"
        for r in frame.itertuples()
    )
    return Picture(
        name="figure_2",
        title="Fig. 2: attention of teacher and student on one validation image",
        alternative=f"Attention maps over the image, {_resolution(all_maps, store.image_size_px)} Correlation of the "
        f"student's map with the teacher's: {likeness}.",
        figure=figure,
        frame=frame,
    )


def _resolution(all_maps: Sequence[CellMaps], image_size_px: int) -> str:
    """How fine the maps are, in words."""
    height, width = all_maps[0].by_network[networks.TEACHER].shape
    text = f"{height} x {width} cells each at this image size ({image_size_px} px; 8 x 8 at the paper's 256 px)"
    return f"{text}." if min(height, width) > 4 else f"{text}: a cell is a large square, and nothing finer can be seen."


def _likeness(first: NDArray, second: NDArray) -> float:
    if first.size < 2 or second.size < 2 or first.shape != second.shape or not first.std() or not second.std():
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])
