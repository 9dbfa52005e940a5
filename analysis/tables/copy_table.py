"""The table of copies among a sweep's images: counts by kind, split and owner, and no name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.reading.trials import Runs
from analysis.tables.rendering import Cell, Table
from trainables.data.copy_counts import crosses

HEAD = ("images of", "have a copy in", "kind", "whose", "images", "patients", "pairs", "other labels")
COLUMNS = (
    "split", "copied_in", "kind", "whose", "num_images", "num_patients", "num_pairs", "num_labels_differ",
)  # fmt: skip
NOTES = (
    "identical: the same pixels as prepared; near-identical: the same picture after another compression, size, "
    "brightness or contrast; mirrored, turned or cropped copies are not found",
    "images, patients: of the first column's split; other labels: pairs whose two images have different labels",
    "perceptual hash: imagehash's phash, 256 bits, at most 20 of them different; near-identical images also correlate "
    "by 0.9 or more once freed of local brightness and contrast",
)


def rows(entries: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per entry of `trainables.data.copy_counts.counts`, and `crosses`: is the copy in another split?"""
    frame = pd.DataFrame([{name: entry[name] for name in COLUMNS} for entry in entries], columns=list(COLUMNS))
    return frame.assign(crosses=[crosses(entry) for entry in entries])


def table(runs: Runs, frame: pd.DataFrame) -> Table:
    """The frame of `rows`."""
    body = [[Cell(str(row[name])) for name in COLUMNS] for row in frame.to_dict("records")]
    return Table(
        name="copies",
        title="Copies among the images",
        head=[list(HEAD)],
        body=body,
        frame=frame.assign(data=runs.data),
        notes=list(NOTES),
        phantom="images" if runs.data == "phantom" else "",
        has_paper=False,
    )
