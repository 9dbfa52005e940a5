"""Single readers beside students: how often each agrees with the majority of the radiologists.

A radiologist is compared with the majority of the others, so that nobody is among those who judge them; report labels
with the majority of all, and students with the labels of the data set, its ground truth. Readers have read studies, and
students images.

Shapes: N studies or images, R readers, S repeats, B draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score

from analysis.reading.other_hospital import BothHospitals
from analysis.reading.predictions import POSITIVE
from analysis.scores.comparisons import weights_of
from analysis.scores.operating_points import thresholds
from analysis.stats.bootstrap import over_seeds, percentiles
from analysis.stats.reader_agreement import fleiss_kappa, majority_of_others
from analysis.stats.thresholds import Rule
from trainables.data.averaging import MIN_POSITIVES

REPORT, STUDENT = "report", "student"
AGREEMENT = ("label", "num_readers", "num_studies", "num_positives", "unanimous", "kappa", "report_kappa")
RATES = ("sensitivity", "sensitivity_low", "sensitivity_high", "specificity", "specificity_low", "specificity_high")
READERS = ("reader", "role", "label", *RATES, "num_positives", "num_negatives", "n")
Booleans = NDArray[np.bool_]


def _by_label(votes: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each label with who called it present: studies x readers, True or False; studies that all have read."""
    of_studies = votes.drop_duplicates(["study", "reader"])
    for name in of_studies:
        if str(name).startswith("label_"):
            table = of_studies.pivot(index="study", columns="reader", values=str(name)).dropna()
            yield str(name).removeprefix("label_"), table == POSITIVE


def _people(votes: pd.DataFrame) -> list[str]:
    return sorted(votes.loc[votes["role"] != REPORT, "reader"].unique())


def _reports(votes: pd.DataFrame) -> list[str]:
    return sorted(votes.loc[votes["role"] == REPORT, "reader"].unique())


def agreement_rows(votes: pd.DataFrame) -> pd.DataFrame:
    """One row per label: how far the radiologists agree (share of studies on which all do, Fleiss' kappa), and Cohen's
    kappa of the first report labels with the majority; NaN where a kappa is not defined. Studies in a tie have no part
    in the latter. With fewer than two radiologists, or no study that all have read, all three are NaN.

    Args:
        votes: from `analysis.reading.radiologists.votes`.
    """
    people, reports, lines = _people(votes), _reports(votes), []
    for label, table in _by_label(votes):
        seen_NR = table[people].to_numpy(dtype=bool)
        positives_N = seen_NR.sum(axis=1)
        is_clear_N, majority_N = 2 * positives_N != len(people), 2 * positives_N > len(people)
        counts_NC = np.column_stack([len(people) - positives_N, positives_N])
        is_comparable = len(people) > 1 and len(table) > 0
        kappa = np.nan
        if is_comparable and reports and 0 < majority_N[is_clear_N].sum() < is_clear_N.sum():
            kappa = cohen_kappa_score(majority_N[is_clear_N], table[reports[0]].to_numpy(dtype=bool)[is_clear_N])
        lines.append(
            {
                "label": label,
                "num_readers": len(people),
                "num_studies": len(table),
                "num_positives": int(majority_N.sum()),
                "unanimous": float(np.isin(positives_N, [0, len(people)]).mean()) if is_comparable else np.nan,
                "kappa": fleiss_kappa(counts_NC) if is_comparable else np.nan,
                "report_kappa": kappa,
            }
        )
    return pd.DataFrame(lines, columns=list(AGREEMENT))


def reader_rows(votes: pd.DataFrame) -> pd.DataFrame:
    """One row per reader and label: sensitivity and specificity against the majority of the (other) radiologists, with
    Wilson's 95% intervals over studies (`scipy.stats.binomtest`); n is NaN. Studies in a tie are left out.

    Labels with fewer than `MIN_POSITIVES` positives or negatives have counts alone.
    """
    people, reports = _people(votes), _reports(votes)
    roles = votes.drop_duplicates("reader").set_index("reader")["role"]
    lines = []
    for label, table in _by_label(votes):
        seen_NR = table[people].to_numpy(dtype=bool)
        whole = 2 * seen_NR.sum(axis=1) > len(people), 2 * seen_NR.sum(axis=1) != len(people)
        for reader in [*people, *reports]:
            majority_N, is_clear_N = majority_of_others(seen_NR, people.index(reader)) if reader in people else whole
            said_N = table[reader].to_numpy(dtype=bool)[is_clear_N]
            line = {"reader": reader, "role": str(roles[reader]), "label": label}
            lines.append(line | _of_reader(said_N, majority_N[is_clear_N]))
    return pd.DataFrame(lines, columns=list(READERS))


def _of_reader(said_N: Booleans, true_N: Booleans) -> dict[str, float]:
    hits, rejections = int((said_N & true_N).sum()), int((~said_N & ~true_N).sum())
    num_positives, num_negatives = int(true_N.sum()), int((~true_N).sum())
    line: dict[str, float] = {"num_positives": num_positives, "num_negatives": num_negatives, "n": np.nan}
    if min(num_positives, num_negatives) < MIN_POSITIVES:
        return line
    for name, right, number in (("sensitivity", hits, num_positives), ("specificity", rejections, num_negatives)):
        ends = binomtest(right, number).proportion_ci(method="wilson")
        line |= {name: right / number, f"{name}_low": float(ends.low), f"{name}_high": float(ends.high)}
    return line


def student_rows(cells: Mapping[str, BothHospitals], rule: Rule, seed: int = 0) -> pd.DataFrame:
    """The same of each cell's repeats, at the thresholds that `rule` chooses on their own validation images: the mean
    over n repeats, with 95% intervals of the hierarchical bootstrap over patients and repeats. `reader` is the cell.

    A label without a threshold in every repeat has counts alone.
    """
    lines = []
    for cell, read in cells.items():
        weights_BN = weights_of(read.there[0], seed)
        for column, label in enumerate(read.there[0].label_names):
            line: dict[str, object] = {"reader": cell, "role": STUDENT, "label": label}
            lines.append(line | _of_student(read, column, rule, weights_BN))
    return pd.DataFrame(lines, columns=list(READERS))


def _of_student(read: BothHospitals, column: int, rule: Rule, weights_BN: NDArray[np.float32]) -> dict[str, float]:
    first = read.there[0]
    known_N = first.known_NL[:, column]
    true_N = first.positive_NL[known_N, column]
    num_positives, num_negatives = int(true_N.sum()), int((~true_N).sum())
    line: dict[str, float] = {"num_positives": num_positives, "num_negatives": num_negatives, "n": len(read.there)}
    limits = [thresholds(validated, rule)[column] for validated in read.validated]
    if min(num_positives, num_negatives) < MIN_POSITIVES or None in limits:
        return line
    right_SN = np.stack(
        [
            (repeat.probabilities_NL[known_N, column] >= limit) == true_N
            for repeat, limit in zip(read.there, limits, strict=True)
        ]
    )
    for name, chosen_N in (("sensitivity", true_N), ("specificity", ~true_N)):
        weights = weights_BN[:, known_N][:, chosen_N]
        with np.errstate(invalid="ignore"):  # a draw without a patient of that kind has no rate
            draws_SB = (right_SN[:, chosen_N] @ weights.T.astype(np.float64)) / weights.sum(axis=1)
        both = percentiles(over_seeds(draws_SB, np.random.default_rng(0)))
        line |= {name: float(right_SN[:, chosen_N].mean()), f"{name}_low": both.low, f"{name}_high": both.high}
    return line
