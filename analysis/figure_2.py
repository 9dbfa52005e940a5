"""Fig. 2: where teacher and student look on one image, before and after the student's training.

The map is the mean over the tap's planes of the absolute unit planes, which Eq. 1 compares (Akbarian et al. 2020); it
has H/32 x W/32 cells. Test images are not shown: the image is one of validation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from analysis import artifacts, drawing
from analysis.drawing import Picture
from analysis.runs import Runs
from trainables.data.augment import normalise
from trainables.data.store import Store
from trainables.models.architectures import ATTENTION_TAP, build, load_backbone
from trainables.models.taps import Truncated
from trainables.teachers.imagenet import first_weights
from trainables.teachers.ledger import Teacher
from trainables.transfer.attention import unit_planes

COLUMNS = ("teacher", "student, before", "student, after")


@dataclass(frozen=True, kw_only=True)
class Maps:
    """The three maps of one cell on one image, each [h, w]."""

    cell: str
    maps: dict[str, NDArray[np.float32]]  # by COLUMNS


def attention_map(architecture: str, num_labels: int, state: dict[str, Tensor], image_HWC: NDArray) -> NDArray:
    """The network's attention on one image, float32 [h, w]; of unit planes, so that networks can be compared."""
    network = build(architecture, num_labels)
    network.load_state_dict(state)
    with torch.no_grad():
        tap = ATTENTION_TAP[architecture]
        planes_BChw = Truncated(network, [tap])(normalise(torch.from_numpy(image_HWC[None].copy())))[tap]
        attention_hw: NDArray[np.float32] = unit_planes(planes_BChw)[0].abs().mean(dim=0).numpy()
    return attention_hw


def maps(found: Runs, store: Store, teachers: Sequence[Teacher], row: int) -> list[Maps]:
    """A set of maps for each attention cell whose first repeat has its weights, on the store's image `row`."""
    image_HWC = store.gather(np.array([row]))[0]
    by_name = {teacher.name: teacher for teacher in teachers}
    num_labels = len(store.label_names)
    made = []
    first = found.confirm.sort_values("params.seed").drop_duplicates("tags.cell")
    for _, run in first[first["params.method"] == "attention"].iterrows():
        folder = artifacts.of_run(found.tracking_uri, run, "model")
        files = sorted(folder.glob("*.safetensors")) if folder else []
        teacher, init = by_name.get(run["params.teacher"]), by_name.get(_first_weights(run))
        if not files or teacher is None or init is None:
            continue
        student = str(run["params.student"])
        torch.manual_seed(int(run["params.seed"]))  # as the trial drew the layers that no weights are loaded into
        before = build(student, num_labels)
        load_backbone(before, init.state_dict())
        states = (
            (teacher.architecture, len(teacher.label_names), teacher.state_dict()),
            (student, num_labels, dict(before.state_dict())),
            (student, num_labels, load_file(files[-1])),
        )
        of_cell = {name: attention_map(*state, image_HWC) for name, state in zip(COLUMNS, states, strict=True)}
        made.append(Maps(cell=str(run["tags.cell"]), maps=of_cell))
    return made


def rows(made: Sequence[Maps]) -> pd.DataFrame:
    """One row a cell: how like the teacher's map the student's is (Pearson's r over the map's cells), before and after.

    NaN where a map has no more than one cell, or is flat.
    """
    lines = []
    for one in made:
        teacher, before, after = (one.maps[name].ravel() for name in COLUMNS)
        lines.append((one.cell, _likeness(teacher, before), _likeness(teacher, after)))
    return pd.DataFrame(lines, columns=["cell", "before", "after"])


def draw(made: Sequence[Maps], store: Store, row: int, axes: Sequence[Axes]) -> None:
    """A line of axes a cell: the image, then the three maps over it."""
    image_HWC = store.gather(np.array([row]))[0]
    size = store.image_size_px
    for line, one in enumerate(made):
        for column, name in enumerate(("image", *COLUMNS)):
            ax = axes[line * (1 + len(COLUMNS)) + column]
            ax.imshow(image_HWC.squeeze(-1) if store.channels == 1 else image_HWC, cmap="gray", vmin=0, vmax=255)
            if name != "image":
                ax.imshow(one.maps[name], cmap="viridis", alpha=0.6, extent=(0, size, size, 0))
            ax.set_title(one.cell if column == 0 else name, fontsize=7, loc="left")
            ax.axis("off")


def picture(found: Runs, store: Store, teachers: Sequence[Teacher], row: int) -> Picture | None:
    """The whole figure; None where no attention cell has what it takes."""
    made = maps(found, store, teachers, row)
    if not made:
        return None
    shown, axes = drawing.figure(num_columns=1 + len(COLUMNS), num_rows=len(made), height_in=1.9)
    draw(made, store, row, axes)
    drawing.announce_phantom(shown, store.is_phantom)
    frame = rows(made)
    likeness = "; ".join(f"{r.cell} {r.before:.2f} before, {r.after:.2f} after" for r in frame.itertuples())
    return Picture(
        name="figure_2",
        title="Fig. 2: attention of teacher and student on one validation image",
        alternative=f"Attention maps over the image. Correlation of the student's map with the teacher's: {likeness}.",
        figure=shown,
        frame=frame,
    )


def _first_weights(run: pd.Series) -> str:
    return first_weights(str(run["params.init"]), str(run["params.student"]))


def _likeness(one: NDArray, other: NDArray) -> float:
    if one.size < 2 or other.size < 2 or one.shape != other.shape or not one.std() or not other.std():
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])
