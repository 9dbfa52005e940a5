"""Differences between pairs of cells, whether they were tested on the same images or not.

Two cells that were tested on the same images are compared in the same draws of patients, so that what is hard for both
cancels out (paired). Two that were tested on others are drawn apart (unpaired). Where a cell's repeats have test sets
of their own, or left no predictions, the repeats are all that there is: Welch's interval of two means.

Shapes: B draws, N test images, S seeds (repeats).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.reading.averages import averages_of
from analysis.reading.predictions import Predictions, load
from analysis.reading.trials import Runs
from analysis.scores.cells import summary
from analysis.scores.comparisons import LEVEL, Draws, comparison_rows, variance_rows, weights_of
from analysis.scores.drawn_metrics import AUC, averaged_names, averaging, drawn
from analysis.stats.intervals import MIN_REPEATS, t_interval
from analysis.stats.multiple import holm
from analysis.tables.rendering import CONSTANT
from trainables.metrics import metric_name

PAIRED, UNPAIRED, REPEATS = "paired", "unpaired", "repeats"  # what the interval of a difference rests on
CLAIMED = f"a difference is claimed where p, Holm is below {LEVEL:g} and both sides have {MIN_REPEATS} repeats or more"
CONSTANT_NOTE = (
    f"{CONSTANT}: answers one class only, or a label's probabilities do not vary, in some repeats; F1, accuracy and "
    "kappa are no scores there, and no difference in them is claimed"
)
SIDES = ("first", "second")
OF_A_SIDE = ("mean", "low", "high", "n", "patients")
COLUMNS = [
    *(f"{side}_{name}" for side in SIDES for name in OF_A_SIDE),
    "difference", "low", "high", "basis", "p_patients", "p_seeds", "labels",
    *(f"{side}_num_constant" for side in SIDES), "is_constant", "p_holm",
]  # fmt: skip


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


def difference_rows(
    pairs: Sequence[tuple[CellRepeats, CellRepeats]], metric: str = AUC, resamples: Resamples | None = None
) -> pd.DataFrame:
    """One row per pair, in their order: COLUMNS; the difference is the first less the second. Fractions.

    `p_seeds` is NaN where a side has one repeat, or no spread; `p_holm` then too: it is the larger of the two p-values
    (with `REPEATS` the only one), corrected for all of these pairs. `labels` are those that the AUC averages, in
    alphabetical order, where the two sides average others: then both scores are over what they share. `is_constant`:
    whether either score is that of a constant answer, and means nothing (`analysis.scores.cells.summary`).
    """
    resamples = resamples or Resamples()
    rows = [
        _row(first, second, metric, resamples) | _constant(first, second, f"test_{metric}") for first, second in pairs
    ]
    frame = pd.DataFrame(rows, columns=COLUMNS[:-1])
    both = frame[["p_patients", "p_seeds"]].astype(float)
    larger = both.max(axis=1).where(both["p_seeds"].notna())
    return frame.assign(p_holm=holm(larger.to_numpy(dtype=float)))


def _row(first: CellRepeats, second: CellRepeats, metric: str, resamples: Resamples) -> dict[str, object]:
    shared = sorted(first.averaged & second.averaged)
    differ = metric == AUC and first.averaged != second.averaged
    labels = {"labels": ", ".join(shared) if differ else ""}
    if first.has_one_test_set and second.has_one_test_set:
        repeats = [averaging(side.repeats, shared) if differ else list(side.repeats) for side in (first, second)]
        aligned = _aligned(repeats[1], repeats[0][0])
        repeats[1] = aligned or repeats[1]
        sides = [resamples.drawn(metric, of_side) for of_side in repeats]
        has_same_classes = metric == AUC or repeats[0][0].label_names == repeats[1][0].label_names
        if sides[0] is not None and sides[1] is not None and has_same_classes:
            return _from_draws(sides[0], sides[1], is_paired=aligned is not None) | labels
    if differ:  # the recorded scores judge other labels
        return {"basis": REPEATS, **labels}
    return _from_repeats(first.scores_S(metric), second.scores_S(metric)) | {"basis": REPEATS} | labels


def _constant(first: CellRepeats, second: CellRepeats, metric: str) -> dict[str, object]:
    """In how many of their repeats the two give a constant answer, and whether that makes a score meaningless."""
    of_sides = [summary(side.confirm, metric) for side in (first, second)]
    counts = {f"{side}_num_constant": int(of["num_constant"].sum()) for side, of in zip(SIDES, of_sides, strict=True)}
    return {**counts, "is_constant": any(bool(of["is_constant"].any()) for of in of_sides)}


def _aligned(repeats: Sequence[Predictions], like: Predictions) -> list[Predictions] | None:
    """The repeats in the order of the images of `like`; None where they were tested on others."""
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


def _from_draws(first: Draws, second: Draws, *, is_paired: bool) -> dict[str, object]:
    sides = dict(zip(SIDES, (first, second), strict=True))
    row: dict[str, object] = {"basis": PAIRED if is_paired else UNPAIRED}
    for of in variance_rows(sides).to_dict("records"):
        values = (of["auc"], of["low"], of["high"], of["n"], of["num_patients"])  # of whatever metric was drawn
        row |= {f"{of['cell']}_{name}": value for name, value in zip(OF_A_SIDE, values, strict=True)}
    if not is_paired:  # each draw of the first meets another one of the second: the two are then independent
        order_B = np.random.default_rng(1).permutation(second.draws_SB.shape[1])
        sides["second"] = replace(second, draws_SB=second.draws_SB[:, order_B])
    (compared,) = comparison_rows(sides, [SIDES]).to_dict("records")
    return row | {str(name): compared[name] for name in ("difference", "low", "high", "p_patients", "p_seeds")}


def _from_repeats(first_S: NDArray[np.float64], second_S: NDArray[np.float64]) -> dict[str, object]:
    row: dict[str, object] = {}
    for side, scores_S in zip(SIDES, (first_S, second_S), strict=True):
        row[f"{side}_n"] = len(scores_S)
        if len(scores_S):
            of = t_interval(scores_S)
            row |= {f"{side}_mean": of.mean, f"{side}_low": of.low, f"{side}_high": of.high}
    if min(len(first_S), len(second_S)) == 0:
        return row
    row["difference"] = first_S.mean() - second_S.mean()
    if min(len(first_S), len(second_S)) < 2 or max(first_S.std(), second_S.std()) == 0:
        return row
    welch = stats.ttest_ind(first_S, second_S, equal_var=False)
    interval = welch.confidence_interval()
    return row | {"low": float(interval.low), "high": float(interval.high), "p_seeds": float(welch.pvalue)}


def told(frame: pd.DataFrame) -> pd.Series:
    """Which rows of `difference_rows` claim a difference."""
    has_enough = frame[["first_n", "second_n"]].min(axis=1).ge(MIN_REPEATS)
    return frame["p_holm"].lt(LEVEL) & has_enough & ~frame["is_constant"].eq(True)


def notes(frame: pd.DataFrame, words: Mapping[str, str]) -> list[str]:
    """What the intervals of these rows rest on, one note per basis that occurs.

    Args:
        words: what the two sides of a difference are called, by `SIDES`.
    """
    first, second = (words[side] for side in SIDES)
    of_basis = {
        PAIRED: "paired: tested on the same images; hierarchical bootstrap over repeats and patients, with the same "
        "patients in each draw",
        UNPAIRED: f"unpaired: {first} and {second} were tested on different images; each has draws of its own, and "
        "what differs between the test sets is part of the difference",
        REPEATS: "repeats: no predictions of one test set on both sides; Welch's t-interval over the repeats, which is "
        "too narrow where their test sets share patients, as splits drawn anew do",
    }
    used = [text for basis, text in of_basis.items() if frame["basis"].eq(basis).any()]
    constant = [CONSTANT_NOTE] * int(frame[[f"{side}_num_constant" for side in SIDES]].gt(0).any(axis=None))
    labels = [text for text in frame["labels"].dropna().unique() if text]
    others = [f"{first} and {second} average different labels: here both are over {text}" for text in labels]
    return [*used, *constant, *others]
