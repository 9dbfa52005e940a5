"""Fig. 1: a sheet of sample images of a data set, by label. Training images only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.figures import drawing
from analysis.figures.drawing import Picture
from trainables.data.catalogue import title
from trainables.data.listing import POSITIVE
from trainables.data.store import Store

NUM_COLUMNS = {"multiclass": 6, "multilabel": 5}
HEIGHT_IN = 1.5  # of one row of images


def rows(store: Store, rng: np.random.Generator) -> pd.DataFrame:
    """Which images are shown: columns label and row (of the store), in the order of the sheet.

    Per grade, a line of images, from different patients where there are enough; per finding, one image that shows it.
    """
    train = store.rows("train")
    chosen: list[tuple[str, int]] = []
    for number, label in enumerate(store.label_names):
        codes = store.labels[train]
        has_it = codes[:, 0] == number if store.task == "multiclass" else codes[:, number] == POSITIVE
        num_images = NUM_COLUMNS["multiclass"] if store.task == "multiclass" else 1
        drawn = rng.permutation(train[has_it])
        _, first = np.unique(store.patient[drawn], return_index=True)
        chosen += [(label, int(row)) for row in drawn[np.sort(first)][:num_images]]
    return pd.DataFrame(chosen, columns=["label", "row"])


def draw(frame: pd.DataFrame, store: Store, axes: Sequence[Axes]) -> None:
    """The images of `rows` on as many axes, line by line; an axis too many stays empty."""
    for ax in axes:
        ax.axis("off")
    for place, label, row in _places(frame, store.task):
        image_HWC = store.gather(np.array([row]))[0]
        axes[place].imshow(image_HWC.squeeze(-1) if store.channels == 1 else image_HWC, cmap="gray", vmin=0, vmax=255)
        if store.task == "multilabel" or place % NUM_COLUMNS["multiclass"] == 0:
            axes[place].set_title(label, fontsize=7, loc="left")


def picture(store: Store, rng: np.random.Generator) -> Picture:
    """The whole sheet."""
    frame = rows(store, rng)
    columns = NUM_COLUMNS[store.task]
    num_lines = 1 + max(place for place, *_ in _places(frame, store.task)) // columns
    figure, axes = drawing.empty_figure(num_columns=columns, num_rows=num_lines, height_in=HEIGHT_IN)
    draw(frame, store, axes)
    drawing.announce_phantom(figure, "images" if store.is_phantom else "")
    name = title(store.dataset)
    counts = "; ".join(f"{count} with {label}" for label, count in frame["label"].value_counts(sort=False).items())
    return Picture(
        name="figure_1",
        title=f"Fig. 1: training images of {name}, {store.image_size_px} px",
        alternative=f"A sheet of {len(frame)} training images of {name}: {counts}.",
        figure=figure,
        frame=frame,
    )


def of_store(path: Path, seed: int) -> Picture:
    """The sheet of the prepared data set in this file.

    Raises:
        FileNotFoundError, ValueError: `Store.open` refuses the file.
    """
    return picture(Store.open(path), np.random.default_rng(seed))


def _places(frame: pd.DataFrame, task: str) -> list[tuple[int, str, int]]:
    """(place on the sheet, label, row of the store); each grade begins a line."""
    if task == "multilabel":
        return [(place, str(label), int(row)) for place, (label, row) in enumerate(frame.to_numpy())]
    line = pd.factorize(frame["label"])[0]
    column = frame.groupby("label", sort=False).cumcount()
    places = line * NUM_COLUMNS[task] + column
    return [(int(p), str(label), int(row)) for p, label, row in zip(places, frame["label"], frame["row"], strict=True)]
