"""Radiologists' boxes in the pixels of a store: resized and centre cropped as `decode` does it with the images.

Shapes: K boxes, each (left, top, right, bottom) in pixels, y downwards; an edge lies between pixels, as in Pillow.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from trainables.data import dicom
from trainables.data.catalogue import DATASETS
from trainables.data.dataset import BoxList
from trainables.data.decode import centre_square
from trainables.data.listing import Listing
from trainables.data.store import Store, salted_hashes

EDGES = ["left", "top", "right", "bottom"]
NO_IMAGE, NOT_PREPARED = "the data folder has no such image", "the image is not in the prepared data"
NO_LABEL, CROPPED = "the prepared data has no such label", "wholly outside the centre square"


def in_square(boxes_K4: NDArray[np.floating], width: int, height: int, image_size_px: int) -> NDArray[np.float64]:
    """Boxes of an image of width x height pixels, in the square of `image_size_px` cut from it, [K, 4].

    What the crop cuts off a box is gone; a box that it leaves nothing of has a side of 0.
    """
    left, top, side = centre_square(width, height)
    moved_K4 = (np.asarray(boxes_K4, dtype=np.float64) - [left, top, left, top]) * image_size_px / side
    return moved_K4.clip(0, image_size_px)


def placed(listing: Listing, store: Store, salt: bytes) -> tuple[pd.DataFrame, dict[str, int]]:
    """The boxes of a release that lie in the images of `store`, and how many were left out, by reason.

    The frame has one row per box: row (of the store), label, and the `EDGES` in the store's pixels.

    Args:
        listing: what `trainables.data.catalogue.read` gives of the folder that the store was made from.
        salt: the key of the store's hashes.

    Raises:
        FileNotFoundError: the list of boxes is absent.
        ValueError: the data set has no boxes, the folder's images are not those of the store, or another salt hashed
            their names.
    """
    record = DATASETS.get(listing.dataset)
    if record is None or record.boxes is None:
        raise ValueError(f"only a data set whose record has boxes can be asked for them, but got {listing.dataset}")
    listed = record.boxes.read(listing.root)
    paths = listing.rows["path"]
    row_of = {image_id: row for row, image_id in enumerate(store.image_id)}
    if not row_of.keys() & set(salted_hashes(paths.to_list(), salt)):
        raise ValueError(
            f"the images must be those that {store.path.name} was made from, with its results folder's salt, "
            f"but none of the {len(paths)} of {listing.root} is"
        )
    path_of = dict(zip(paths.str.rpartition("/")[2], paths, strict=True))
    boxes: list[tuple[object, ...]] = []
    left_out: Counter[str] = Counter()
    for (image, finding), group in listed.groupby(["image", "finding"], sort=True):
        path = path_of.get(str(image))
        row = row_of.get(salted_hashes([path], salt)[0]) if path else None
        if path is None or row is None or finding not in store.label_names:
            left_out[NO_IMAGE if path is None else NOT_PREPARED if row is None else NO_LABEL] += len(group)
            continue
        for box in _in_store(group, listing, path, record.boxes, store.image_size_px).tolist():
            if box[2] > box[0] and box[3] > box[1]:
                boxes.append((row, finding, *box))
            else:
                left_out[CROPPED] += 1
    return pd.DataFrame(boxes, columns=["row", "label", *EDGES]), dict(left_out)


def _in_store(
    group: pd.DataFrame, listing: Listing, path: str, box_list: BoxList, image_size_px: int
) -> NDArray[np.float64]:
    width, height = _size(listing.root / path)
    corner_K2, size_K2 = group[["x", "y"]].to_numpy(), group[["width", "height"]].to_numpy()
    boxes_K4 = np.hstack([corner_K2, corner_K2 + size_K2])
    if not listing.is_phantom:  # a copy of the release may be reduced; its list of boxes is not
        boxes_K4 = boxes_K4 * np.array([width, height, width, height]) / box_list.image_size_px
    return in_square(boxes_K4, width, height, image_size_px)


def _size(path: Path) -> tuple[int, int]:
    """Width and height, from the file's head alone."""
    with Image.open(dicom.stand_in(path)) as image:
        return image.size
