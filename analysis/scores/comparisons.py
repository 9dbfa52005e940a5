"""Compares cells on the same test images, and says in words what the numbers support.

Where all repeats share one test set, a difference is claimed only if both sources of variance support it: the test
patients (hierarchical bootstrap, paired) and the repeats (Welch's t-test). The larger of the two p-values counts, after
Holm's correction.

Where repeats are tested on splits drawn anew or on folds, cells are paired by part: the two see the same test images in
each split or fold, and never in two. The difference per part is judged by the corrected resampled t
(`analysis.stats.resampled`). No bootstrap stands beside it: each part is another draw of test patients, so that their
spread is already in the spread over parts, while a bootstrap of one pool of patients would take the trained students as
given and share its patients between overlapping test sets.

Shapes: B draws, N test images, S repeats, L labels or classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.reading.averages import Averages
from analysis.reading.origins import PHANTOM
from analysis.reading.predictions import Predictions
from analysis.reading.repeats import Design
from analysis.scores.labels import macro_auc
from analysis.stats.bootstrap import auc_draws, over_seeds, patient_weights, percentiles
from analysis.stats.intervals import MIN_REPEATS, shown_half_width
from analysis.stats.multiple import holm
from analysis.stats.resampled import by_part, resampled_interval, resampled_p
from trainables.cell import ITSELF, NO_TEACHER, Cell

NUM_DRAWS = 1000
LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class Draws:
    """A cell's mean AUC over the labels that its sweep averages: on the test images, and in each draw of patients."""

    points_S: NDArray[np.float64]
    draws_SB: NDArray[np.float64]  # the patients are those of each repeat's own test images
    num_patients: int  # tested; in all folds together, or in one of several splits (their mean, rounded)
    parts_S: tuple[str, ...] = ()  # what each repeat was tested on; () for one test set
    test_to_train: float = 0.0  # test images over training images, where parts differ

    @property
    def by_part(self) -> dict[str, float]:
        """The score of each part, where parts differ."""
        return {str(part): score for part, score in by_part(self.points_S, self.parts_S).items()}


def draws_of(repeats: Sequence[Predictions], weights_BN: NDArray[np.float32]) -> Draws | None:
    """The draws of one cell; None where no label is averaged, or one has no AUC on these images.

    Raises:
        ValueError: the repeats were tested on several parts (then `analysis.scores.parts.draws_over_parts`).
    """
    if len(parts := {repeat.test_part for repeat in repeats}) > 1:
        raise ValueError(
            f"repeats must be tested on one part to share draws of patients, but got {', '.join(sorted(parts))}"
        )
    averaged_L = repeats[0].averaged_L
    columns = np.flatnonzero(averaged_L)
    everything_N = np.ones(len(repeats[0].images), dtype=bool)
    points = [macro_auc(repeat, averaged_L, everything_N) for repeat in repeats]
    if None in points:
        return None
    return Draws(
        points_S=np.array(points, dtype=np.float64),
        draws_SB=np.stack(
            [np.mean([_label_draws(repeat, c, weights_BN) for c in columns], axis=0) for repeat in repeats]
        ),
        num_patients=repeats[0].images["patient"].nunique(),
    )


def _label_draws(repeat: Predictions, column: np.integer, weights_BN: NDArray[np.float32]) -> NDArray[np.float64]:
    known_N = repeat.known_NL[:, column]
    score_N, positive_N = repeat.probabilities_NL[known_N, column], repeat.positive_NL[known_N, column]
    return auc_draws(score_N, positive_N, weights_BN if known_N.all() else weights_BN[:, known_N])


def weights_of(predictions: Predictions, seed: int = 0) -> NDArray[np.float32]:
    """The draws of patients that all cells tested on these images share, [B, N]."""
    return patient_weights(predictions.patient_N, NUM_DRAWS, np.random.default_rng(seed))


def over_parts(cells: Mapping[str, Draws], weights: Mapping[str, float]) -> NDArray[np.float64]:
    """The weighted sum of these cells' scores on each part that all of them were tested on, [parts].

    It is paired: within a part all cells saw the same test images.
    """
    scores = {name: cells[name].by_part for name in weights}
    shared = [part for part in next(iter(scores.values())) if all(part in of_cell for of_cell in scores.values())]
    return np.array([sum(weight * scores[name][part] for name, weight in weights.items()) for part in shared])


def variance_rows(cells: Mapping[str, Draws], seed: int = 0) -> pd.DataFrame:
    """One row per cell: auc, low, high (hierarchical bootstrap), sd_seeds, sd_patients (the spread of the repeats' mean
    that the draw of patients alone gives), n, num_patients. Fractions; NaN where n < 2 for sd_seeds.

    Where repeats are tested on different parts, low and high are those of the corrected resampled t, sd_seeds is over
    parts, and sd_patients is what the draw of a part's patients gives the score of one repeat (root mean square).
    """
    rows = []
    for cell, draws in cells.items():
        points = np.array([*draws.by_part.values()]) if draws.parts_S else draws.points_S
        if draws.parts_S:
            low, high = resampled_ends(points, draws.test_to_train, within=(0.0, 1.0))
            sd_patients = float(np.sqrt(np.nanvar(draws.draws_SB, axis=1, ddof=1).mean()))
        else:
            both = percentiles(over_seeds(draws.draws_SB, np.random.default_rng(seed)))
            low, high, sd_patients = both.low, both.high, np.nanstd(draws.draws_SB.mean(axis=0), ddof=1)
        row = {"cell": cell, "auc": points.mean(), "low": low, "high": high, "sd_patients": sd_patients}
        sd_seeds = points.std(ddof=1) if len(points) > 1 else np.nan
        rows.append({**row, "sd_seeds": sd_seeds, "n": len(points), "num_patients": draws.num_patients})
    columns = ["cell", "auc", "low", "high", "sd_seeds", "sd_patients", "n", "num_patients"]
    return pd.DataFrame(rows, columns=columns)


def resampled_ends(
    values: NDArray[np.float64], test_to_train: float, within: tuple[float, float] = (-np.inf, np.inf)
) -> tuple[float, float]:
    """The ends of the interval of a mean over parts; NaN where `shown_half_width` is."""
    if not len(values):
        return np.nan, np.nan
    interval = resampled_interval(values, test_to_train)
    half_width = shown_half_width(interval, *within)
    return interval.mean - half_width, interval.mean + half_width


def judged_by_part(values: NDArray[np.float64], draws: Draws) -> dict[str, float]:
    """The judgement of a difference that has a value per part: a row's columns from `difference` to `num_patients`."""
    low, high = resampled_ends(values, draws.test_to_train)
    return {
        "difference": values.mean() if len(values) else np.nan,
        "low": low,
        "high": high,
        "p_patients": np.nan,
        "p_seeds": resampled_p(values, draws.test_to_train),
        "n": len(values),
        "num_patients": draws.num_patients,
    }


def planned(names: Sequence[str]) -> list[tuple[str, str]]:
    """The pairs that the paper's questions ask about: each cell against its baseline (`trainables.cell.Cell.baseline`),
    and the same method and student under every two teachers.

    A method's cell whose baseline, plain transfer at its own depth, is not there has no pair of the first kind: beside
    plain transfer at another depth, method and depth would differ at once. A teacher itself is in no pair: its one
    score is shown beside the others untested, and does not enter the correction for these pairs.
    """
    pairs = []
    cells = {name: cell for name in names if (cell := Cell.parse(name)).method != ITSELF}
    for name, cell in cells.items():
        plain = cell.baseline().name
        if name != plain and plain in cells:
            pairs.append((name, plain))
        for other_name, other in cells.items():
            is_same = replace(other, teacher=cell.teacher) == cell
            if is_same and other_name > name and cell.teacher != NO_TEACHER:
                pairs.append((other_name, name))
    return sorted(pairs)


def comparison_rows(cells: Mapping[str, Draws], pairs: Sequence[tuple[str, str]], seed: int = 0) -> pd.DataFrame:
    """One row per pair: first, second, difference (first minus second), low, high (hierarchical bootstrap, paired by
    patient), p_patients, p_seeds (NaN where a cell has one repeat), p_holm, n, num_patients. Fractions.

    Where repeats are tested on different parts, the difference is the mean over the parts that both cells have, low,
    high and p_seeds are those of the corrected resampled t, n is the number of these parts, and p_patients is NaN.
    """
    rows = []
    for first, second in pairs:
        of_first, of_second = cells[first], cells[second]
        if of_first.parts_S or of_second.parts_S:
            values = over_parts(cells, {first: 1.0, second: -1.0})
            rows.append({"first": first, "second": second, **judged_by_part(values, of_first)})
            continue
        rng = np.random.default_rng(seed)
        both = percentiles(over_seeds(of_first.draws_SB, rng) - over_seeds(of_second.draws_SB, rng))
        n = min(len(of_first.points_S), len(of_second.points_S))
        # Where the repeats of both sides are equal they have no spread, and Welch's test is not defined.
        welch = stats.ttest_ind(of_first.points_S, of_second.points_S, equal_var=False).pvalue if n > 1 else np.nan
        rows.append(
            {
                "first": first,
                "second": second,
                "difference": of_first.points_S.mean() - of_second.points_S.mean(),
                "low": both.low,
                "high": both.high,
                "p_patients": both.p_value,
                "p_seeds": float(welch),
                "n": n,
                "num_patients": of_first.num_patients,
            }
        )
    columns = ["first", "second", "difference", "low", "high", "p_patients", "p_seeds", "n", "num_patients"]
    frame = pd.DataFrame(rows, columns=columns)
    both_allow = frame[["p_patients", "p_seeds"]].max(axis=1).where(frame["p_seeds"].notna())
    return frame.assign(p_holm=holm(both_allow.to_numpy(dtype=float)))


def sentence(row: Mapping[str, object], averaged: Averages | None = None, design: Design | None = None) -> str:
    """What one row of `comparison_rows` supports, in words and percentage points.

    Args:
        row: with the column ``phantom`` where either cell rests on a phantom.
        averaged: the labels that both cells' AUC averages.
        design: what the repeats draw anew, where they were not all tested on one test set.
    """
    difference, low, high = (100 * float(str(row[name])) for name in ("difference", "low", "high"))
    p, n, num_patients = float(str(row["p_holm"])), row["n"], row["num_patients"]
    numbers = f"{difference:+.2f} points, 95% interval {low:+.2f} to {high:+.2f}"
    basis = f"n = {n} repeats and {num_patients} test patients"
    basis = design.tested(n, num_patients) if design and not design.is_on_one_split else basis
    auc = f"AUC (mean over {averaged.which})" if averaged else "AUC"
    after = "".join(f" {warning}." for warning in (averaged.warnings if averaged else []))
    after += f" {PHANTOM} {row['phantom']}: it says nothing about medicine." if row.get("phantom") else ""
    if not np.isfinite(p) or p >= LEVEL or int(str(n)) < MIN_REPEATS:  # two repeats may agree by chance
        p_text = f"; Holm-corrected p = {p:.3f}" if np.isfinite(p) else ""
        both = f"{row['first']} and {row['second']}" + (f", {auc}" if averaged else "")
        return f"{both}: no difference can be shown with {basis} ({numbers}{p_text}).{after}"
    word = "higher" if difference > 0 else "lower"
    numbers += f" (Holm-corrected p = {p:.3f}; {basis})"
    return f"{row['first']} has a {word} {auc} than {row['second']}: {numbers}.{after}"
