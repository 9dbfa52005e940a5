"""Differences between pairs of cells, whether they were tested on the same images or not.

Two cells that were tested on the same images are compared in the same draws of patients, so that what is hard for both
cancels out (paired). Two that were tested on others are drawn apart (unpaired). Where a cell's repeats have test sets
of their own, or left no predictions, there are the repeats alone: Welch's interval of two means, if the test sets are
the same, and nothing is claimed. In a simulation of two equal cells on different test sets, Welch's test alone told
them apart in 69 of 100 rounds, and together with the bootstrap in 4.

Shapes: B draws, N test images, S seeds (repeats).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from analysis.reading.predictions import in_parts
from analysis.scores.cell_repeats import CellRepeats, Resamples, aligned
from analysis.scores.cells import summary
from analysis.scores.comparisons import LEVEL, Draws, comparison_rows, variance_rows
from analysis.scores.drawn_metrics import AUC, averaging
from analysis.scores.parts import joined_parts
from analysis.stats.intervals import MIN_REPEATS
from analysis.stats.multiple import corrected_for, holm
from analysis.tables.rendering import CONSTANT

# What the interval of a difference rests on.
PAIRED, BY_PART, UNPAIRED, REPEATS = "paired", "by part", "unpaired", "repeats"
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


def difference_rows(
    pairs: Sequence[tuple[CellRepeats, CellRepeats]], metric: str = AUC, resamples: Resamples | None = None
) -> pd.DataFrame:
    """One row per pair, in their order: COLUMNS; the difference is the first less the second. Fractions.

    `p_seeds` is NaN where a side has one repeat, or no spread. `p_holm` is the larger of the two p-values, corrected
    for all of these pairs, and NaN where either is; `BY_PART` has one p, since each part has other patients. `labels`
    are those that the AUC averages, in alphabetical order, where the two sides average others: then both scores are
    over what they share. `is_constant`: whether either score is that of a constant answer, and means nothing
    (`analysis.scores.cells.summary`).
    """
    resamples = resamples or Resamples()
    rows = [
        _row(first, second, metric, resamples) | _constant(first, second, f"test_{metric}") for first, second in pairs
    ]
    frame = pd.DataFrame(rows, columns=COLUMNS[:-1])
    both = frame[["p_patients", "p_seeds"]].astype(float)
    larger = both.max(axis=1, skipna=False).where(frame["basis"] != BY_PART, both["p_seeds"])
    return frame.assign(p_holm=holm(larger.to_numpy(dtype=float)))


def _row(first: CellRepeats, second: CellRepeats, metric: str, resamples: Resamples) -> dict[str, object]:
    shared = sorted(first.averaged & second.averaged)
    differ = metric == AUC and first.averaged != second.averaged
    labels = {"labels": ", ".join(shared) if differ else ""}
    if first.has_one_test_set and second.has_one_test_set:
        repeats = [averaging(side.repeats, shared) if differ else list(side.repeats) for side in (first, second)]
        in_order = aligned(repeats[1], repeats[0][0])
        repeats[1] = in_order or repeats[1]
        sides = [resamples.drawn(metric, of_side) for of_side in repeats]
        has_same_classes = metric == AUC or repeats[0][0].label_names == repeats[1][0].label_names
        if sides[0] is not None and sides[1] is not None and has_same_classes:
            return _from_draws(sides[0], sides[1], basis=UNPAIRED if in_order is None else PAIRED) | labels
    if not differ and (parts := _over_parts(first, second, metric, resamples)) is not None:
        return _from_draws(*parts, basis=BY_PART) | labels
    if differ:  # the recorded scores judge other labels
        return {"basis": REPEATS, **labels}
    return _from_repeats(first, second, metric) | {"basis": REPEATS} | labels


def _over_parts(
    first: CellRepeats, second: CellRepeats, metric: str, resamples: Resamples
) -> tuple[Draws, Draws] | None:
    """The draws of both on the splits or folds that both were tested on; None where there are no two."""
    parts = [in_parts(side.repeats) for side in (first, second)]
    shared = [part for part in parts[0] if part in parts[1] and aligned(parts[1][part], parts[0][part][0]) is not None]
    sides = [{part: resamples.drawn(metric, of_side[part]) for part in shared} for of_side in parts]
    defined = [part for part in shared if all(of_side[part] is not None for of_side in sides)]
    if len(defined) < 2:
        return None
    joined = [
        joined_parts({part: draws for part in defined if (draws := of_side[part])}, first.repeats[0].test_to_train)
        for of_side in sides
    ]
    return joined[0], joined[1]


def _constant(first: CellRepeats, second: CellRepeats, metric: str) -> dict[str, object]:
    """In how many of their repeats the two give a constant answer, and whether that makes a score meaningless."""
    of_sides = [summary(side.confirm, metric) for side in (first, second)]
    counts = {f"{side}_num_constant": int(of["num_constant"].sum()) for side, of in zip(SIDES, of_sides, strict=True)}
    return {**counts, "is_constant": any(bool(of["is_constant"].any()) for of in of_sides)}


def _from_draws(first: Draws, second: Draws, *, basis: str) -> dict[str, object]:
    sides = dict(zip(SIDES, (first, second), strict=True))
    row: dict[str, object] = {"basis": basis}
    for of in variance_rows(sides).to_dict("records"):
        values = (of["auc"], of["low"], of["high"], of["n"], of["num_patients"])  # of whatever metric was drawn
        row |= {f"{of['cell']}_{name}": value for name, value in zip(OF_A_SIDE, values, strict=True)}
    if basis == UNPAIRED:  # each draw of the first meets another one of the second: the two are then independent
        order_B = np.random.default_rng(1).permutation(second.draws_SB.shape[1])
        sides["second"] = replace(second, draws_SB=second.draws_SB[:, order_B])
    (compared,) = comparison_rows(sides, [SIDES]).to_dict("records")
    return row | {str(name): compared[name] for name in ("difference", "low", "high", "p_patients", "p_seeds")}


def _from_repeats(first: CellRepeats, second: CellRepeats, metric: str) -> dict[str, object]:
    """The scores as `summary` has them in every other table, and Welch's interval where both are of one split."""
    row: dict[str, object] = {}
    for side, of_side in zip(SIDES, (first, second), strict=True):
        of = summary(of_side.confirm, f"test_{metric}").iloc[0]
        ends = {"low": of["mean"] - of["half_width"], "high": of["mean"] + of["half_width"]}
        row |= {f"{side}_{name}": value for name, value in {"mean": of["mean"], **ends, "n": of["n"]}.items()}
    row["difference"] = float(str(row["first_mean"])) - float(str(row["second_mean"]))
    first_S, second_S = first.scores_S(metric), second.scores_S(metric)
    has_one_split = first.splits == second.splits and len(first.splits) == 1
    if not has_one_split or min(len(first_S), len(second_S)) < 2 or max(first_S.std(), second_S.std()) == 0:
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
        BY_PART: f"by part: {first} and {second} were tested on the same splits or folds, several of them; corrected "
        "resampled t (Nadeau and Bengio 2003) of the difference on each",
        UNPAIRED: f"unpaired: {first} and {second} were tested on different images; each has draws of its own, and "
        "what differs between the test sets is part of the difference",
        REPEATS: "repeats: no predictions of one test set on both sides; the interval is Welch's over the repeats of "
        "one split, knows nothing of the patients, and nothing is claimed",
    }
    used = [text for basis, text in of_basis.items() if frame["basis"].eq(basis).any()]
    constant = [CONSTANT_NOTE] * int(frame[[f"{side}_num_constant" for side in SIDES]].gt(0).any(axis=None))
    labels = [text for text in frame["labels"].dropna().unique() if text]
    others = [f"{first} and {second} average different labels: here both are over {text}" for text in labels]
    return [*used, *constant, *others]


def notes_on_p(frame: pd.DataFrame) -> list[str]:
    """What the p-values and n of these rows are, for a table with their columns."""
    is_by_part = bool(frame["basis"].eq(BY_PART).any())
    has_others = bool(frame["basis"].isin([PAIRED, UNPAIRED, REPEATS]).any())
    notes = ["p, patients: of the bootstrap; p, seeds: Welch's t-test over the repeats; -: not defined"] * has_others
    notes += ["by part, p, seeds is that of the corrected resampled t; -: not defined"] * is_by_part
    larger = f"the larger of the two{', by part the only one' * is_by_part}" if has_others else "of the only p"
    notes.append(f"p, Holm: {larger}; {corrected_for(int(frame['p_holm'].notna().sum()))}; intervals are not corrected")
    return [*notes, f"n: repeats{', or splits or folds' * is_by_part}; {CLAIMED}"]
