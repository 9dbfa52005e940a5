"""The gap between the worst and the best group of a cell, and whether a student has it from its teacher.

The greatest of several rates is too great: on the images that name the worst group, its gap is biased upwards, and so
is each draw of a bootstrap that names it anew. Here the validation images name the worst and the best group, and the
test images measure that one gap: it is not biased, and may even be negative.

On folds and on splits drawn anew there is no such gap, because the validation images of one part are test images of
another.

Shapes: B draws, G groups, S repeats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.scores.group_counts import CellCounts, KindCounts
from analysis.scores.group_harm import Measured, measured
from analysis.scores.missed import SENSITIVITY, UNDERDIAGNOSIS
from analysis.stats.bootstrap import Percentiles, over_seeds, percentiles
from analysis.stats.group_rates import extremes
from analysis.stats.intervals import MIN_REPEATS
from analysis.stats.multiple import holm
from analysis.stats.resampled import SAME, resampled_p
from trainables.cell import ITSELF, NO_TEACHER, Cell

Floats = NDArray[np.float64]
Values = tuple[Floats, Floats]  # of each repeat [S], and in each draw [S, B]
MEASURES = (UNDERDIAGNOSIS, SENSITIVITY)
TEACHER, STUDENTS = "teacher", "both students"
GAP_COLUMNS = [
    "cell", "kind", "measure", "worst", "best", "rate_worst", "rate_best", "gap", "low", "high", "p_patients",
    "p_seeds", "p_holm", "rest", "rest_low", "rest_high", "widest", "n",
]  # fmt: skip
CARRIED_COLUMNS = [
    "cell", "kind", "measure", "worst", "best", "named_by", "gap", "plain", "teacher", "difference", "low", "high",
    "p_patients", "p_seeds", "p_holm", "beyond_teacher", "beyond_low", "beyond_high", "n",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A value with the interval that draws of patients and of repeats give it, and the p-values of the value 0."""

    value: float
    low: float
    high: float
    p_patients: float
    p_seeds: float
    p: float  # what is claimed by: the larger of both; NaN where too few repeats allow no claim
    n: int


def gap_rows(cells: Mapping[str, CellCounts]) -> pd.DataFrame:
    """One row per cell, kind and measure that has two groups to compare: `GAP_COLUMNS`. Fractions.

    gap is the worst group against the best one, rest the worst against all others; positive where the worst group is
    harmed. p_holm is corrected over the rows of a cell. widest is the greatest difference between two groups of the
    test images, whichever they are: it is biased upwards, and nothing is claimed of it.
    """
    rows = []
    for cell, counts, measure in _all(cells):
        of_measure = measured(cell, counts, measure)
        pair = extremes(of_measure.validation_harm_G) if of_measure else None
        if of_measure is None or pair is None:
            continue
        worst, best = pair
        against_rest = _less(of_measure.rates(worst), of_measure.rest(worst), of_measure.sign)
        gap, rest = judged(_gap(of_measure, pair), is_trained(cell)), judged(against_rest, is_trained(cell))
        rates = [of_measure.rates(int(place))[0].mean() for place in np.flatnonzero(of_measure.is_enough_G[:-1])]
        rows.append(
            {
                "cell": cell.cell,
                "kind": counts.kind,
                "measure": measure,
                "worst": counts.groups[worst],
                "best": counts.groups[best],
                "rate_worst": of_measure.rates(worst)[0].mean(),
                "rate_best": of_measure.rates(best)[0].mean(),
                "gap": gap.value,
                **_of(gap),
                "rest": rest.value,
                "rest_low": rest.low,
                "rest_high": rest.high,
                "widest": max(rates) - min(rates),
            }
        )
    return _corrected(rows, GAP_COLUMNS)


def carried_rows(cells: Mapping[str, CellCounts]) -> pd.DataFrame:
    """One row per student with a teacher, kind and measure: `CARRIED_COLUMNS`. Fractions.

    The groups are the worst and the best of the teacher itself (named_by `TEACHER`); where it is not scored, those of
    the student and of plain transfer together (`STUDENTS`), so that neither is favoured. gap, plain and teacher are the
    gaps of the student, of plain transfer and of the teacher between these two groups; difference is the student's less
    that of plain transfer, and beyond_teacher the student's less the teacher's, each with its interval.
    """
    rows = []
    for cell, counts, measure in _all(cells):
        own = Cell.parse(cell.cell)
        if own.method == ITSELF or own.teacher == NO_TEACHER:
            continue
        others = [cells.get(own.baseline().name), _teacher_of(own, cells)]
        plain, teacher = (_alike(cell, other, counts.kind, measure) if other else None for other in others)
        of_measure = measured(cell, counts, measure)
        if of_measure is None or (plain is None and teacher is None):
            continue
        naming = [teacher] if teacher else [of_measure, *([plain] if plain else [])]
        pair = extremes(np.mean([each.validation_harm_G for each in naming], axis=0))
        if pair is None:
            continue
        row = {"cell": cell.cell, "kind": counts.kind, "measure": measure}
        row |= {"worst": counts.groups[pair[0]], "best": counts.groups[pair[1]]}
        row |= {"named_by": TEACHER if teacher else STUDENTS}
        rows.append(row | _carried(of_measure, plain, teacher, pair))
    return _corrected(rows, CARRIED_COLUMNS)


def _carried(
    student: Measured, plain: Measured | None, teacher: Measured | None, pair: tuple[int, int]
) -> dict[str, float]:
    """The numbers of one row of `carried_rows`."""
    own = _gap(student, pair)
    numbers: dict[str, float] = {"gap": float(own[0].mean()), "n": len(own[0])}
    if plain:
        of_plain = _gap(plain, pair)
        numbers |= {"plain": float(of_plain[0].mean()), **_of(beside := judged_difference(own, of_plain))}
        numbers["difference"] = beside.value
    if teacher:
        of_teacher = _gap(teacher, pair)
        beyond = judged_difference(own, of_teacher, is_fixed=True)
        numbers |= {"teacher": float(of_teacher[0].mean()), "beyond_teacher": beyond.value}
        numbers |= {"beyond_low": beyond.low, "beyond_high": beyond.high}
    return numbers


def judged(values: Values, is_trained: bool = True) -> Judged:
    """A mean over repeats: the hierarchical bootstrap's interval and p-value, and Student's t over the repeats.

    The interval is NaN where the draws have no spread: then no draw can tell how sure the value is.

    Args:
        values: of each repeat, and in each draw.
        is_trained: False of a teacher itself, which no seed changes: then the patients alone decide.
    """
    both = percentiles(over_seeds(values[1], np.random.default_rng(0)))
    p_seeds = resampled_p(values[0], 0.0) if is_trained else np.nan
    return _judged(float(values[0].mean()), both, p_seeds, len(values[0]), is_trained)


def judged_difference(first: Values, second: Values, *, is_fixed: bool = False) -> Judged:
    """The same of the difference of two cells on the same draws of patients, with Welch's t over their repeats.

    Where the second one is fixed (a teacher itself, which no seed changes) it is Student's t.
    """
    rng = np.random.default_rng(0)
    both = percentiles(over_seeds(first[1], rng) - over_seeds(second[1], rng))
    value = float(first[0].mean() - second[0].mean())
    if is_fixed:
        return _judged(value, both, resampled_p(first[0] - second[0].mean(), 0.0), len(first[0]))
    varies = max(np.ptp(first[0]), np.ptp(second[0])) > SAME and min(len(first[0]), len(second[0])) > 1
    p_seeds = float(stats.ttest_ind(first[0], second[0], equal_var=False).pvalue) if varies else np.nan
    return _judged(value, both, p_seeds, min(len(first[0]), len(second[0])))


def _judged(value: float, both: Percentiles, p_seeds: float, n: int, is_trained: bool = True) -> Judged:
    """With neither interval nor p-value where the draws have no spread: they cannot tell how sure the value is."""
    has_spread = both.high - both.low > SAME
    is_sure = has_spread and (n >= MIN_REPEATS or not is_trained)
    return Judged(
        value=value,
        low=both.low if has_spread else np.nan,
        high=both.high if has_spread else np.nan,
        p_patients=both.p_value if has_spread else np.nan,
        p_seeds=p_seeds,
        p=float(np.maximum(both.p_value, p_seeds) if is_trained else both.p_value) if is_sure else np.nan,
        n=n,
    )


def _all(cells: Mapping[str, CellCounts]) -> Iterator[tuple[CellCounts, KindCounts, str]]:
    """Each kind and measure of the cells that were tested on one test set."""
    for cell in cells.values():
        if cell.is_on_one_test_set:
            yield from ((cell, counts, measure) for counts in cell.kinds for measure in MEASURES)


def _gap(of_measure: Measured, pair: tuple[int, int]) -> Values:
    """The harm to the first group less that to the second."""
    return _less(of_measure.rates(pair[0]), of_measure.rates(pair[1]), of_measure.sign)


def _less(first: Values, second: Values, sign: int) -> Values:
    return sign * (first[0] - second[0]), sign * (first[1] - second[1])


def _of(judged: Judged) -> dict[str, float]:
    """The columns of a row that every judgement has."""
    return {name: value for name, value in asdict(judged).items() if name != "value"}


def _corrected(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> pd.DataFrame:
    """The rows with Holm's correction over those of each cell.

    Over those of all cells, the least p-value of 1,000 draws would exceed 0.05 in a sweep of four cells.
    """
    frame = pd.DataFrame(rows).reindex(columns=[*(name for name in columns if name != "p_holm"), "p"])
    p_holm = frame.groupby("cell", sort=False)["p"].transform(lambda p: holm(p.to_numpy(dtype=float)))
    return frame.assign(p_holm=p_holm.astype(float))[list(columns)]


def is_trained(cell: CellCounts) -> bool:
    """Whether a seed changes the cell: not where a teacher is scored itself."""
    return Cell.parse(cell.cell).method != ITSELF


def _teacher_of(student: Cell, cells: Mapping[str, CellCounts]) -> CellCounts | None:
    """The student's teacher scored itself, under the same policy on uncertain labels."""
    for name, counts in cells.items():
        cell = Cell.parse(name)
        if cell.method == ITSELF and (cell.teacher, cell.uncertainty) == (student.teacher, student.uncertainty):
            return counts
    return None


def _alike(cell: CellCounts, other: CellCounts, kind: str, measure: str) -> Measured | None:
    """The same measure of another cell; None where it was tested on other images, or is a mean over other labels."""
    if not (other.is_on_one_test_set and other.images.equals(cell.images)):
        return None
    own, of_other = (measured(each, {it.kind: it for it in each.kinds}[kind], measure) for each in (cell, other))
    return of_other if own and of_other and own.labels == of_other.labels else None
