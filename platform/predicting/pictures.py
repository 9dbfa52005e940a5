"""Which pictures a student is asked about, and their pixels, made as those that it was trained on.

Shapes: B pictures at the working size, H x W pixels, C planes (1 grey or 3 colours).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainables.data import csv_table, dicom
from trainables.data.decode import FORMATS, UnreadableImageError, decode

COLUMN = "image"
LAYOUT = "a list of pictures, with a path per row"


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Files below one folder, by their paths relative to it."""

    root: Path
    paths: tuple[str, ...]
    num_others: int = 0  # files in the folder that are no pictures by their names


def pictures_of(source: Path, images: Path | None = None) -> Pictures:
    """All pictures in a folder and the folders within, or those that a CSV lists.

    Args:
        source: the folder, or a CSV with the column `image`.
        images: with a CSV, the folder that its paths are relative to; None for its own.

    Raises:
        FileNotFoundError: `source` or `images` is absent.
        ValueError: there is no picture, no such column, or `images` is given with a folder.
    """
    if images is not None and not images.is_dir():
        raise FileNotFoundError(f"--images must name a folder, but there is no {images}")
    if source.is_dir():
        if images is not None:
            raise ValueError(f"--images goes with a CSV, but {source} is a folder; leave it out")
        return _in_folder(source)
    if not source.is_file():
        raise FileNotFoundError(f"a folder of pictures or a CSV must be given, but there is no {source}")
    table = csv_table.read(source, (COLUMN,), LAYOUT)
    return Pictures(root=images or source.parent, paths=tuple(table[COLUMN]))


def _in_folder(folder: Path) -> Pictures:
    Image.init()
    suffixes = {suffix for suffix, kind in Image.registered_extensions().items() if kind in (*FORMATS, "MPO")}
    suffixes.update(dicom.SUFFIXES)
    files = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    visible = [path for path in files if not any(part.startswith(".") for part in path.parts)]
    paths = tuple(path.as_posix() for path in visible if path.suffix.lower() in suffixes)
    if not paths:
        raise ValueError(f"there must be at least one picture, but {folder} has none among {len(visible)} files")
    return Pictures(root=folder, paths=paths, num_others=len(visible) - len(paths))


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Pictures one after the other, as they are listed."""

    paths: tuple[str, ...]
    reasons: tuple[str, ...]  # for each path, why it cannot be read; "" if it can
    images_BHWC: NDArray[np.uint8]  # of those that can be read


def batches(pictures: Pictures, image_size_px: int, channels: int, batch_size: int) -> Iterator[Batch]:
    """The pixels, by the code that prepares training images; one batch is decoded while another is used."""
    read = partial(_pixels, pictures.root, image_size_px, channels)
    stretches = [pictures.paths[at : at + batch_size] for at in range(0, len(pictures.paths), batch_size)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        ahead = pool.map(read, stretches[0])
        for number, paths in enumerate(stretches):
            outcomes = list(ahead)
            ahead = pool.map(read, stretches[number + 1] if number + 1 < len(stretches) else ())
            yield _batch(paths, outcomes, (image_size_px, image_size_px, channels))


def _batch(paths: Sequence[str], outcomes: Sequence[NDArray[np.uint8] | str], shape: tuple[int, ...]) -> Batch:
    images = [each for each in outcomes if not isinstance(each, str)]
    return Batch(
        paths=tuple(paths),
        reasons=tuple(each if isinstance(each, str) else "" for each in outcomes),
        images_BHWC=np.stack(images) if images else np.empty((0, *shape), np.uint8),
    )


def _pixels(root: Path, image_size_px: int, channels: int, path: str) -> NDArray[np.uint8] | str:
    """The picture, or why it cannot be read."""
    try:
        return decode(root, path, image_size_px, channels)
    except (UnreadableImageError, ImportError) as error:  # ImportError: a DICOM file, without pydicom
        return str(error)
