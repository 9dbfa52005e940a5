"""Compares cells on the same test images, and says in words what the numbers support.

A difference is claimed only where both sources of variance support it: the test patients (hierarchical bootstrap,
paired) and the seeds (Welch's t-test over the repeats). The larger of the two p-values counts, after Holm's correction.

Shapes: B draws, N test images, S seeds (repeats), L labels or classes.
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
from analysis.scores.labels import macro_auc
from analysis.stats.bootstrap import auc_draws, over_seeds, patient_weights, percentiles
from analysis.stats.delong import delong
from analysis.stats.intervals import MIN_REPEATS
from analysis.stats.multiple import holm
from trainables.cell import ITSELF, NO_TEACHER, Cell

NUM_DRAWS = 1000
LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class Draws:
    """A cell's mean AUC over the labels that its sweep averages: on the test set, and in each draw of patients."""

    points_S: NDArray[np.float64]
    draws_SB: NDArray[np.float64]
    num_patients: int


def draws_of(repeats: Sequence[Predictions], weights_BN: NDArray[np.float32]) -> Draws | None:
    """The draws of one cell; None where no label is averaged, or one has no AUC on these images."""
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


def variance_rows(cells: Mapping[str, Draws], seed: int = 0) -> pd.DataFrame:
    """One row per cell: auc, low, high (hierarchical bootstrap), sd_seeds, sd_patients (the spread of the repeats' mean
    that the draw of patients alone gives), n, num_patients. Fractions; NaN where n < 2 for sd_seeds.
    """
    rows = []
    for cell, draws in cells.items():
        both = percentiles(over_seeds(draws.draws_SB, np.random.default_rng(seed)))
        n = len(draws.points_S)
        rows.append(
            {
                "cell": cell,
                "auc": draws.points_S.mean(),
                "low": both.low,
                "high": both.high,
                "sd_seeds": draws.points_S.std(ddof=1) if n > 1 else np.nan,
                "sd_patients": np.nanstd(draws.draws_SB.mean(axis=0), ddof=1),
                "n": n,
                "num_patients": draws.num_patients,
            }
        )
    columns = ["cell", "auc", "low", "high", "sd_seeds", "sd_patients", "n", "num_patients"]
    return pd.DataFrame(rows, columns=columns)


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
    """
    rows = []
    for first, second in pairs:
        of_first, of_second = cells[first], cells[second]
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


def sentence(row: Mapping[str, object], averaged: Averages | None = None) -> str:
    """What one row of `comparison_rows` supports, in words and percentage points.

    Args:
        row: with the column ``phantom`` where either cell rests on a phantom.
        averaged: the labels that both cells' AUC averages.
    """
    difference, low, high = (100 * float(str(row[name])) for name in ("difference", "low", "high"))
    p, n, num_patients = float(str(row["p_holm"])), row["n"], row["num_patients"]
    numbers = f"{difference:+.2f} points, 95% interval {low:+.2f} to {high:+.2f}"
    basis = f"n = {n} repeats and {num_patients} test patients"
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


def delong_rows(first: tuple[str, Sequence[Predictions]], second: tuple[str, Sequence[Predictions]]) -> pd.DataFrame:
    """One row per label that the sweep averages: first, second, label, auc_first, auc_second, p, p_holm.

    The scores are each cell's mean probability over its repeats. Empty where the two were tested on different
    images. Labels with fewer than two positives or negatives are left out, since they have no variance.
    """
    (name, repeats), (other_name, others) = first, second
    columns = ["first", "second", "label", "auc_first", "auc_second", "p"]
    if not repeats[0].images["image"].equals(others[0].images["image"]):
        return pd.DataFrame(columns=[*columns, "p_holm"])
    score_NL, other_NL = (np.mean([repeat.probabilities_NL for repeat in cell], axis=0) for cell in (repeats, others))
    rows = []
    for column in np.flatnonzero(repeats[0].averaged_L):
        known_N = repeats[0].known_NL[:, column]
        positive_N = repeats[0].positive_NL[known_N, column]
        if min(positive_N.sum(), (~positive_N).sum()) < 2:
            continue
        test = delong(score_NL[known_N, column], other_NL[known_N, column], positive_N)
        label = repeats[0].label_names[column]
        rows.append((name, other_name, label, test.auc_first, test.auc_second, test.p_value))
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(p_holm=holm(frame["p"].to_numpy(dtype=float)))
