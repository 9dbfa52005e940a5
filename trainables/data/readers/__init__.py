"""The readers, one file per data set, each for its provider's own layout.

A reader takes a folder and returns a `Listing`: paths and labels, with every odd row named, and no pixels. `read` looks
for the folder under the one that ``--data`` names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trainables.data.listing import Listing
from trainables.data.readers import chestxray8, chexpert, generic, mimic_cxr, retina


@dataclass(frozen=True, kw_only=True)
class Reader:
    """How one data set is read, and which folders it may lie in."""

    read: Callable[[Path], Listing]
    folders: tuple[str, ...]


READERS = {
    "retina": Reader(read=retina.read, folders=("retina",)),
    "chexpert": Reader(read=chexpert.read, folders=("chexpert", *chexpert.RELEASES)),
    "chestxray8": Reader(read=chestxray8.read, folders=("chestxray8",)),
    "mimic-cxr": Reader(read=mimic_cxr.read, folders=("mimic-cxr",)),
    "generic": Reader(read=generic.read, folders=("generic",)),
}


def find(dataset: str, data_dir: Path) -> Path:
    """The folder of `dataset` under `data_dir`.

    Raises:
        ValueError: there is no reader of that name.
        FileNotFoundError: none of the folders is there.
    """
    if dataset not in READERS:
        raise ValueError(f"the data set must be one of {', '.join(READERS)}, but got {dataset!r}")
    if not data_dir.is_dir():
        raise FileNotFoundError(f"the data folder must exist, but there is no {data_dir}")
    for name in READERS[dataset].folders:
        if (data_dir / name).is_dir():
            return data_dir / name
    raise FileNotFoundError(f"no {' or '.join(READERS[dataset].folders)} folder in {data_dir}")


def read(dataset: str, data_dir: Path) -> Listing:
    """Reads `dataset` from its folder under `data_dir`; raises what `find` and the reader raise."""
    root = find(dataset, data_dir)
    return READERS[dataset].read(root)
