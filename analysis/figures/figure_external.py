"""Beyond the paper: the scores of positives and negatives at both hospitals, label by label, of one cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.figures import drawing
from analysis.figures.drawing import Picture
from analysis.reading import origins
from analysis.reading.other_hospital import BothHospitals, Opened
from trainables import titles
from trainables.data.catalogue import title

NUM_BINS = 20
MAX_PANELS = 6  # labels, those with the most positives there
NUM_COLUMNS = 3
CLASSES = {"positive": drawing.PALETTE[1], "negative": drawing.PALETTE[0]}
SIDES = {"here": "-", "there": (0, (3, 2))}


def rows(cell: str, both: BothHospitals, labels: Sequence[str]) -> pd.DataFrame:
    """One row per label, hospital, class and bin: cell, label, side, of, bin, left, share (of that class's images).

    Repeats are taken together: a bin takes probabilities by their value, not by their order.
    """
    edges = np.linspace(0, 1, NUM_BINS + 1)
    found = []
    for label in labels:
        for side, repeats in zip(SIDES, (both.here, both.there), strict=True):
            column = repeats[0].label_names.index(label)
            for name in CLASSES:
                scores = [
                    repeat.probabilities_NL[
                        repeat.known_NL[:, column] & (repeat.positive_NL[:, column] == (name == "positive")), column
                    ]
                    for repeat in repeats
                ]
                counts, _ = np.histogram(np.concatenate(scores), bins=edges)
                for number, count in enumerate(counts):
                    share = count / counts.sum() if counts.sum() else np.nan
                    found.append((cell, label, side, name, number, edges[number], share))
    return pd.DataFrame(found, columns=["cell", "label", "side", "of", "bin", "left", "share"])


def panels(both: BothHospitals, labels: Sequence[str]) -> list[str]:
    """The labels that are drawn: of these, those with the most positives there, in the order of the outputs."""
    there = both.there[0]
    counts = {name: int(there.positive_NL[:, there.label_names.index(name)].sum()) for name in labels}
    most = sorted(labels, key=lambda name: -counts[name])[:MAX_PANELS]
    return [name for name in labels if name in most]


def draw(frame: pd.DataFrame, labels: Sequence[str], where: Mapping[str, str], phantom: str) -> Figure:
    """One panel per label; `where` are the data sets' titles by side."""
    num_columns = min(NUM_COLUMNS, len(labels))
    figure, axes = drawing.empty_figure(num_columns, height_in=2.4, num_rows=-(-len(labels) // num_columns))
    for ax, label in zip(axes, labels, strict=False):
        for (side, of), bins in frame[frame["label"] == label].groupby(["side", "of"], sort=False):
            look: dict[str, Any] = {"color": CLASSES[str(of)], "linestyle": SIDES[str(side)], "linewidth": 1.2}
            ax.stairs(100 * bins["share"], [*bins["left"], 1.0], label=f"{of}, {where[str(side)]}", **look)
        ax.set_title(label.replace("_", " "), fontsize=9)
        ax.set_xlabel("probability")
    for ax in axes[len(labels) :]:
        ax.axis("off")
    for ax in axes[::num_columns]:
        ax.set_ylabel("% of the class")
    drawing.announce_phantom(figure, phantom)
    drawing.legend(figure, axes[:1])
    return figure


def picture(frame: pd.DataFrame, dataset: str, record: Opened, phantom: Mapping[str, str]) -> Picture | None:
    """The figure; None without a label.

    Args:
        frame: from `rows`, of one cell.
        dataset: the students' own.
        record: what was opened.
        phantom: by cell, which of its parts are phantoms.
    """
    if frame.empty:
        return None
    labels = list(frame["label"].unique())
    cell = str(frame["cell"].iloc[0])
    where = {"here": title(dataset), "there": title(record.target)}
    figure = draw(frame, labels, where, phantom.get(cell, ""))
    name = origins.marked(titles.of_name(cell), phantom.get(cell))
    alternative = (
        f"Histograms of the probabilities that {name} ({cell}) gives to positives and negatives of "
        f"{', '.join(label.replace('_', ' ') for label in labels)}, in {where['here']} and {where['there']}."
    )
    caption = (
        f"{name} ({cell}), the cell with the best score on the validation images; all its repeats together. Where the "
        "lines of one class lie apart, scores have shifted, and a threshold means something else there."
    )
    return Picture(
        name=f"external_{record.target}_scores",
        title=f"Scores of positives and negatives at both hospitals: {where['here']} and {where['there']}",
        alternative=alternative,
        caption=caption,
        figure=figure,
        frame=frame,
    )
