"""A cell's confirming repeats with their predictions, and what they score in draws of patients that all cells share.

Shapes: B draws, N test images, S seeds (repeats).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.reading.averages import averages_of
from analysis.reading.predictions import Predictions, load
from analysis.reading.trials import Runs
from analysis.scores.comparisons import Draws, weights_of
from analysis.scores.drawn_metrics import averaged_names, drawn
from trainables.metrics import metric_name


@dataclass(frozen=True, kw_only=True)
class CellRepeats:
    """A cell's confirming repeats, with their predictions as far as they left any."""

    confirm: pd.DataFrame  # rows of `Runs.confirm`
    repeats: Sequence[Predictions] = ()

    def scores_S(self, metric: str) -> NDArray[np.float64]:
        """The metric of each repeat as it was recorded; those that are not defined are left out."""
        recorded = self.confirm.reindex(columns=[f"metrics.test_{metric}"]).to_numpy(dtype=float)[:, 0]
        return recorded[np.isfinite(recorded)]

    @property
    def has_one_test_set(self) -> bool:
        """Whether there are predictions, all of the same images."""
        images = [repeat.images["image"] for repeat in self.repeats]
        return bool(images) and all(other.equals(images[0]) for other in images[1:])

    @property
    def splits(self) -> set[tuple[object, ...]]:
        """The fingerprints of the data and splits that the repeats were made with."""
        tags = self.confirm.reindex(columns=["tags.data_fingerprint", "tags.split_fingerprint"])
        return set(tags.itertuples(index=False, name=None))

    @property
    def averaged(self) -> frozenset[str]:
        """The labels that the recorded AUC averages."""
        if self.has_one_test_set:
            return frozenset(averaged_names(self.repeats))
        recorded = averages_of(self.confirm)
        return frozenset(map(metric_name, recorded.names if recorded else ()))  # as predictions have them


def cell_repeats(runs: Runs, names: Iterable[str]) -> dict[str, CellRepeats]:
    """The cells of these names, as far as they have confirming repeats.

    Raises:
        ValueError: as `analysis.reading.predictions.load`.
    """
    tested = {}
    for name in names:
        confirm = runs.confirm[runs.confirm["tags.cell"] == name]
        loaded = [load(runs.tracking_uri, run) for _, run in confirm.iterrows()]
        if len(confirm):
            repeats = [predictions for predictions in loaded if predictions is not None]
            tested[name] = CellRepeats(confirm=confirm, repeats=repeats)
    return tested


class Resamples:
    """The draws of patients, made once for each test set, and what each cell scores in them, computed once."""

    def __init__(self) -> None:
        self._weights: dict[tuple[object, ...], NDArray[np.float32]] = {}
        self._draws: dict[tuple[object, ...], tuple[Sequence[Predictions], Draws | None]] = {}

    def weights_of(self, predictions: Predictions) -> NDArray[np.float32]:
        """The draws of these images' patients, [B, N]."""
        key = tuple(predictions.patient_N)
        if key not in self._weights:
            self._weights[key] = weights_of(predictions)
        return self._weights[key]

    def drawn(self, metric: str, repeats: Sequence[Predictions]) -> Draws | None:
        """As `analysis.scores.drawn_metrics.drawn`."""
        key = (metric, *map(id, repeats))
        if key not in self._draws:  # the repeats are kept, since an id is only theirs as long as they live
            self._draws[key] = repeats, drawn(metric, repeats, self.weights_of(repeats[0]))
        return self._draws[key][1]


def aligned(repeats: Sequence[Predictions], like: Predictions) -> list[Predictions] | None:
    """These repeats in the order of the images of `like`; None where they were tested on others."""
    own, wanted = repeats[0].images, like.images
    if own["image"].equals(wanted["image"]) and own["patient"].equals(wanted["patient"]):
        return list(repeats)
    place = pd.Series(np.arange(len(own)), index=own["image"])
    if len(own) != len(wanted) or not wanted["image"].isin(place.index).all():
        return None
    order_N = place[wanted["image"]].to_numpy()
    moved = [
        replace(
            repeat,
            probabilities_NL=repeat.probabilities_NL[order_N],
            positive_NL=repeat.positive_NL[order_N],
            known_NL=repeat.known_NL[order_N],
            images=repeat.images.iloc[order_N].reset_index(drop=True),
        )
        for repeat in repeats
    ]
    return moved if moved[0].images["patient"].equals(wanted["patient"]) else None
