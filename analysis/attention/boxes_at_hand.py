"""The radiologists' boxes for the images of a prepared data set, where they can be had."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.reading import artifacts
from trainables.data import catalogue
from trainables.data.boxes import EDGES, placed
from trainables.data.store import Store


@dataclass(frozen=True, kw_only=True)
class Boxes:
    """The boxes at hand; `note` says how many there are, or why there are none."""

    frame: pd.DataFrame
    note: str


def boxes_at_hand(store: Store, results: Path, data: Path | None) -> Boxes:
    """The boxes for the store's images, from the raw data under `data`, or from the phantom under `results`.

    Raises:
        FileNotFoundError, ValueError: the images under `data` are not those of the store, or cannot be read.
    """
    none = pd.DataFrame(columns=["row", "label", *EDGES])
    boxed = {name: record.boxes for name, record in catalogue.DATASETS.items() if record.boxes}
    if store.dataset not in boxed:
        return Boxes(frame=none, note=f"none: only {', '.join(boxed)} has published boxes")
    file = boxed[store.dataset].file
    if data is None and not store.is_phantom:
        return Boxes(frame=none, note=f"none: --data DIR must say where the images and {file} are")
    reasons = []
    for folder in [data] if data else sorted((results / "phantoms").glob("*")):
        if data is None and not (folder / store.dataset).is_dir():
            continue
        listing = catalogue.read(store.dataset, folder)
        if not (listing.root / file).is_file():
            reasons.append(f"no {file} in {listing.root.name} of {folder.name}")
            continue
        try:
            frame, left_out = placed(listing, store, artifacts.salt_of(results))
        except ValueError as error:
            if data:
                raise
            reasons.append(str(error))
            continue
        counts = [f"{count} left out: {reason}" for reason, count in sorted(left_out.items())]
        note = "; ".join([f"{len(frame)} in {frame['row'].nunique()} images", *counts])
        return Boxes(frame=frame, note=note)
    return Boxes(frame=none, note="none: " + ("; ".join(reasons) or "the phantom's folder is gone"))
