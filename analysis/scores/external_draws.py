"""What a cell scores at both hospitals in draws of patients, and the drop from one to the other.

The patients of the two are other people, so their draws are independent; the repeats are the same students, so that
the drop is taken repeat by repeat. Two cells are compared on the same draws of both.

Shapes: B draws, N images, S seeds (repeats).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.reading.other_hospital import BothHospitals
from analysis.reading.predictions import Predictions, in_parts
from analysis.reading.repeats import is_fold
from analysis.scores.comparisons import Draws, weights_of
from analysis.scores.drawn_metrics import AUC, averaging, drawn
from analysis.scores.labels import counts_of
from analysis.scores.parts import joined_parts
from trainables.data.averaging import MIN_POSITIVES

HERE, THERE = 0, 1  # the sides, and the seeds of their draws


class Resampled:
    """The draws of patients of both sides, made once for each set of images."""

    def __init__(self) -> None:
        self._weights: dict[tuple[object, ...], NDArray[np.float32]] = {}

    def weights(self, repeat: Predictions, side: int) -> NDArray[np.float32]:
        """How often each of these images is in each draw, [B, N]."""
        key = (side, *repeat.patient_N)
        if key not in self._weights:
            self._weights[key] = weights_of(repeat, seed=side)
        return self._weights[key]

    def of_labels(self, repeats: Sequence[Predictions], labels: Sequence[str], side: int) -> dict[str, Draws]:
        """The AUC of each of these labels; one without an AUC is absent."""
        found = {label: self.drawn(AUC, averaging(repeats, [label]), side) for label in labels}
        return {label: draws for label, draws in found.items() if draws is not None}

    def drawn(self, metric: str, repeats: Sequence[Predictions], side: int) -> Draws | None:
        """A score of all repeats, over the parts that they were tested on where these differ."""
        by_part = {
            part: drawn(metric, of_part, self.weights(of_part[0], side)) for part, of_part in in_parts(repeats).items()
        }
        scored = {part: draws for part, draws in by_part.items() if draws is not None}
        if not scored:
            return None
        return scored[""] if list(by_part) == [""] else joined_parts(scored, repeats[0].test_to_train)

    def mean(
        self, repeats: Sequence[Predictions], by_label: dict[str, Draws], labels: Sequence[str], side: int
    ) -> Draws | None:
        """The mean AUC over these labels; None where one has none.

        Args:
            repeats: the repeats.
            by_label: what `of_labels` has made of them.
            labels: the labels.
            side: which hospital's images they are.
        """
        of = [by_label[label] for label in labels if label in by_label]
        if not of or len(of) < len(labels):
            return None
        if any(draws.parts_S for draws in of):  # a part may have an AUC of one label, and none of another
            return self.drawn(AUC, averaging(repeats, labels), side)
        return Draws(
            points_S=np.mean([draws.points_S for draws in of], axis=0),
            draws_SB=np.mean([draws.draws_SB for draws in of], axis=0),
            num_patients=of[0].num_patients,
        )


def drop(here: Draws | None, there: Draws | None) -> Draws | None:
    """What a score loses from here to there, repeat by repeat; None where the repeats have other test images here."""
    if here is None or there is None or here.parts_S or len(here.points_S) != len(there.points_S):
        return None
    return Draws(
        points_S=here.points_S - there.points_S,
        draws_SB=here.draws_SB - there.draws_SB,
        num_patients=there.num_patients,
    )


def countable(both: BothHospitals) -> tuple[str, ...]:
    """The labels with `MIN_POSITIVES` positives and as many negatives at both hospitals.

    Where repeats are tested on parts, in each split, or in all folds together.
    """
    parts = [_counts(of_part[0]) for of_part in in_parts(both.here).values()]
    is_folded = is_fold(both.here[0].test_part)
    here_2L = np.sum(parts, axis=0) if is_folded else np.min(parts, axis=0)
    least_L = np.minimum(here_2L, _counts(both.there[0])).min(axis=0)
    return tuple(name for name, least in zip(both.label_names, least_L, strict=True) if least >= MIN_POSITIVES)


def _counts(repeat: Predictions) -> NDArray[np.int64]:
    return counts_of(repeat, np.ones(len(repeat.images), dtype=bool))
