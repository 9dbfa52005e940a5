"""Pictures of attention: an image with the attention of teacher and student over it, and Grad-CAM for one label.

Shapes: H x W pixels, maps of h x w cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from analysis.attention import grad_cam
from analysis.attention.pointing import TOLERANCE, is_hit, peak
from analysis.figures import drawing
from analysis.figures.drawing import Picture
from analysis.probes.networks import AFTER, BEFORE, TEACHER, Network
from analysis.reading.origins import marked
from trainables.data.boxes import EDGES
from trainables.data.catalogue import finds_nothing
from trainables.data.listing import POSITIVE
from trainables.data.store import Store

ATTENTION, CAM = "attention", "Grad-CAM"
# In the order of a picture's columns: the kind of map, and the network.
MAPS = ((ATTENTION, TEACHER), (ATTENTION, BEFORE), (ATTENTION, AFTER), (CAM, AFTER), (CAM, TEACHER))
HEIGHT_IN = 1.75  # of one line of images


def chosen_rows(
    store: Store, boxes: pd.DataFrame, asked: Sequence[int] | None, num_images: int, rng: np.random.Generator
) -> list[int]:
    """The test images to show: those asked for, or else a random draw, among images with a box if there are any.

    Raises:
        ValueError: an image asked for is not of the test set.
    """
    test = store.rows("test")
    if asked is not None:
        wrong = [row for row in asked if row not in test]
        if wrong:
            raise ValueError(
                f"an image must be of the test set, but row {wrong[0]} of {store.path.name} is not; "
                f"its {len(test)} rows begin with {', '.join(map(str, test[:8]))}"
            )
        return list(asked)
    boxed = np.intersect1d(test, boxes["row"].to_numpy(dtype=np.int64))
    return sorted(int(row) for row in rng.permutation(boxed if len(boxed) else test)[:num_images])


def label_of(store: Store, row: int, boxes: pd.DataFrame, student: Network) -> str:
    """The label for Grad-CAM where the user chose none: the predicted class, or for findings the label of a box, else a
    finding of the image, else the label that scores highest."""
    if store.task == "multilabel":
        boxed = boxes.loc[boxes["row"] == row, "label"].tolist()
        codes = zip(store.label_names, store.labels[row], strict=True)
        has = [label for label, code in codes if code == POSITIVE and not finds_nothing(label)]
        if boxed or has:
            return str((boxed or has)[0])
    logits_BL = student.planes(store.gather(np.array([row])))[1]
    return student.label_names[int(logits_BL[0].argmax())]


def rows(networks: Mapping[str, Network], store: Store, boxes: pd.DataFrame, labels: Mapping[int, str]) -> pd.DataFrame:
    """The maps of one cell, one row per image and map: row (of the store), label, map, network, x, y, is_hit, values.

    `labels` maps each row to show to its label for Grad-CAM. (x, y) is where the map points, in the store's pixels;
    is_hit is None where the label has no box; values is the map [h, w], None where the network does not have the label.
    """
    lines = []
    for row, label in labels.items():
        image_1HWC = store.gather(np.array([row]))
        edges_K4 = boxes.loc[(boxes["row"] == row) & (boxes["label"] == label), EDGES].to_numpy()
        for kind, name in MAPS:
            if name not in networks:
                continue
            values = _map(networks[name], kind, image_1HWC, label)
            x, y = peak(values, store.image_size_px) if values is not None else (np.nan, np.nan)
            hit = is_hit(np.array([[x, y]]), edges_K4, TOLERANCE * store.image_size_px)[0] if len(edges_K4) else None
            hit = None if values is None or hit is None else bool(hit)
            lines.append((row, label, kind, name, x, y, hit, values))
    return pd.DataFrame(lines, columns=["row", "label", "map", "network", "x", "y", "is_hit", "values"])


def draw(frame: pd.DataFrame, store: Store, boxes: pd.DataFrame, axes: Sequence[Axes]) -> None:
    """One line of axes per image: the image, then its maps; a box in white, a cross where a map points."""
    places = iter(axes)
    for number, (row, of_image) in enumerate(frame.groupby("row", sort=False)):
        image_HWC, label = store.gather(np.array([row]))[0], of_image["label"].iloc[0]
        edges_K4 = boxes.loc[(boxes["row"] == row) & (boxes["label"] == label), EDGES].to_numpy()
        _draw_image(next(places), image_HWC, None, edges_K4, f"{label}\nrow {row}")
        for map_ in of_image.itertuples():
            ax, title = next(places), f"{map_.map}\n{map_.network}" if number == 0 else ""
            if map_.values is None:
                ax.text(0.5, 0.5, "has no\nsuch label", ha="center", va="center", fontsize=7, transform=ax.transAxes)
                ax.set_title(title, fontsize=7, loc="left")
                ax.axis("off")
                ax.set_box_aspect(1)
                continue
            _draw_image(ax, image_HWC, map_.values, edges_K4, title)
            ax.plot(map_.x, map_.y, "x", color=drawing.PALETTE[1], markersize=5)


def picture(
    networks: Mapping[str, Network],
    store: Store,
    boxes: pd.DataFrame,
    labels: Mapping[int, str],
    *,
    name: str,
    cell: str,
    phantom: str,
) -> Picture:
    """The whole figure of one cell.

    Args:
        networks, store, boxes, labels: as in `rows`.
        name: the picture's, for its files.
        phantom: which parts of the cell are phantoms (`analysis.reading.origins`).
    """
    frame = rows(networks, store, boxes, labels)
    num_columns = 1 + len(frame) // len(labels)
    figure, axes = drawing.empty_figure(num_columns=num_columns, num_rows=len(labels), height_in=HEIGHT_IN)
    draw(frame, store, boxes, axes)
    drawing.announce_phantom(figure, phantom)
    height, width = next(values.shape for values in frame["values"] if values is not None)
    listed = ", ".join(f"row {row} ({label})" for row, label in labels.items())
    return Picture(
        name=name,
        title=f"Attention and Grad-CAM of {marked(cell, phantom)} on test images",
        alternative=f"Test images {listed}, each with maps of {height} x {width} cells over it; a cross where a map "
        "points (a flat map points nowhere), a white frame where the finding was marked.",
        figure=figure,
        frame=frame.drop(columns="values"),
    )


def _map(network: Network, kind: str, image_1HWC: NDArray[np.uint8], label: str) -> NDArray[np.float32] | None:
    if kind == ATTENTION:
        return network.attention(image_1HWC)[0]
    return grad_cam.of_network(network, image_1HWC, [label])[0] if network.column(label) is not None else None


def _draw_image(ax: Axes, image_HWC: NDArray, values: NDArray | None, edges_K4: NDArray, title: str) -> None:
    """An image with a map over it, and its boxes in white."""
    drawing.image(ax, image_HWC, values)
    for left, top, right, bottom in edges_K4:
        ax.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor="white", linewidth=1))
    ax.set_title(title, fontsize=7, loc="left")
