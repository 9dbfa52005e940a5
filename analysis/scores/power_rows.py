"""Could a sweep have seen a difference at all: for every planned comparison, and for a sweep that is yet to be run.

The arithmetic, and what it takes for granted, is in `analysis.stats.detectable`. The level is that of Holm's first
step, 0.05 over the number of comparisons that can be tested: where another comparison is claimed too, Holm's later
steps ask for less, so that the chance to see a difference is at least the one that is given.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.reading.facts import from_sweeps
from analysis.reading.repeats import is_fold
from analysis.reading.trials import Runs
from analysis.scores.comparisons import LEVEL, NUM_DRAWS, Draws, comparison_rows, over_parts
from analysis.stats import detectable
from analysis.stats.detectable import Components, components_of
from analysis.stats.intervals import MIN_REPEATS
from analysis.stats.outperforming import outperforming

ONE_POINT = 0.01
COLUMNS = ["first", "second", "difference", "is_claimed", "smallest", "smallest_low", "smallest_high", "repeats_needed",
           "patients_needed", "probability", "low", "high", "n", "num_patients"]  # fmt: skip
PROSPECTS = ["num_repeats", "num_patients", "test_share", "median", "largest"]
NUM_REPEATS, TIMES_PATIENTS = (3, 5, 10, 20), (1, 2, 4)  # of the sweeps that are looked at, unless others are asked for


def level_of(cells: Mapping[str, Draws], pairs: Sequence[tuple[str, str]]) -> float:
    """The level that Holm's first step leaves each of these comparisons."""
    return LEVEL / max(sum(_is_tested(cells, *pair) for pair in pairs), 1)


def power_rows(
    cells: Mapping[str, Draws], pairs: Sequence[tuple[str, str]], asked: float = ONE_POINT, seed: int = 0
) -> pd.DataFrame:
    """One row per pair: `COLUMNS`. Fractions; NaN where a number is not defined, infinite where no number would do.

    `difference` is the one that was seen, and `is_claimed` whether the report claims it. `smallest` is the true
    difference that this sweep would have claimed in 80 of 100 times, with its values at the ends of the 95% interval of
    the variance over repeats. `repeats_needed` and `patients_needed` tell a difference of `asked`, each with the other
    as it was; with fewer than `MIN_REPEATS` repeats, with which nothing is claimed, there are neither `smallest` nor
    `patients_needed`. `probability` is that of a training of the first beating one of the second, with its interval
    (`low`, `high`).

    Over folds and splits drawn anew, n counts parts, and neither patients nor intervals are given: the spread over
    parts holds the draw of patients and cannot be divided, and parts that share images are no sample for a bootstrap.
    Of folds, no number needed is given either: more folds have fewer test images each.
    """
    level = level_of(cells, pairs)
    rows = []
    for first, second in pairs:
        has_parts = cells[first].parts_S or cells[second].parts_S
        row = (_over_parts if has_parts else _on_one_split)(cells, (first, second), asked, level, seed)
        rows.append({"first": first, "second": second, **row})
    frame, compared = pd.DataFrame(rows, columns=COLUMNS), comparison_rows(cells, pairs, seed)
    return frame.assign(is_claimed=(compared["p_holm"] < LEVEL) & (compared["n"] >= MIN_REPEATS))


def prospect_rows(
    cells: Mapping[str, Draws],
    pairs: Sequence[tuple[str, str]],
    num_repeats: Sequence[int] = NUM_REPEATS,
    num_patients: Sequence[int] = (),
    test_share: float = math.nan,
) -> pd.DataFrame:
    """One row per number of repeats and of test patients of a sweep like this one: `PROSPECTS`. Fractions.

    `median` and `largest` are of the smallest visible differences of the planned comparisons. Without `num_patients`,
    they are this test set's, twice and four times as many. Empty where repeats are tested on folds; over splits drawn
    anew, patients are as they were.

    Args:
        test_share: the share of the images that are tested now, which other numbers of patients scale; NaN where nobody
            knows.

    Raises:
        ValueError: fewer than `MIN_REPEATS` repeats, which no difference is claimed with, or no patient.
    """
    _check(num_repeats, num_patients)
    level = level_of(cells, pairs)
    tested = [pair for pair in pairs if _is_tested(cells, *pair)]
    known = [(pair, _components(cells, *pair)) for pair in tested]
    if not tested or any(is_fold(part) for first, _ in tested for part in cells[first].parts_S):
        return pd.DataFrame(columns=PROSPECTS)
    now = cells[tested[0][0]].num_patients
    has_parts = any(parts is None for _, parts in known)
    patients = [now] if has_parts else list(num_patients) or [now * times for times in TIMES_PATIENTS]
    rows = []
    for repeats in num_repeats:
        for number in patients:
            smallest = [
                detectable.smallest_visible(parts.with_repeats(repeats).with_patients(number), level, NUM_DRAWS)
                if parts is not None
                else _of_splits(cells, pair, repeats, level)
                for pair, parts in known
            ]
            rows.append((repeats, number, test_share * number / now, float(np.median(smallest)), max(smallest)))
    return pd.DataFrame(rows, columns=PROSPECTS)


def _check(num_repeats: Sequence[int], num_patients: Sequence[int]) -> None:
    if wrong := [number for number in num_repeats if number < MIN_REPEATS]:
        raise ValueError(f"a difference is claimed from {MIN_REPEATS} repeats on, but got {wrong[0]}: give more")
    if wrong := [number for number in num_patients if number < 2]:
        raise ValueError(f"a test set needs two patients or more, but got {wrong[0]}")


def test_share_of(runs: Runs) -> float:
    """The share of the prepared images that are tested, as the newest sweep counted them; NaN where none did."""
    sources = from_sweeps([runs], "table_2")
    counts = [row for source in sources for row in source.facts.values() if {"train", "validation", "test"} <= {*row}]
    if not counts:
        return math.nan
    whole = max(counts, key=lambda row: row["train"])  # a fraction of the data has as many test images
    return float(whole["test"] / (whole["train"] + whole["validation"] + whole["test"]))


def _is_tested(cells: Mapping[str, Draws], first: str, second: str) -> bool:
    """Whether the pair has a p-value, which Holm's correction counts."""
    of_first, of_second = cells[first], cells[second]
    if of_first.parts_S or of_second.parts_S:
        return len(over_parts(cells, {first: 1.0, second: -1.0})) > 1
    return min(len(of_first.points_S), len(of_second.points_S)) > 1


def _components(cells: Mapping[str, Draws], first: str, second: str) -> Components | None:
    one, other = cells[first], cells[second]
    if one.parts_S or other.parts_S:
        return None
    return components_of((one.points_S, other.points_S), (one.draws_SB, other.draws_SB), one.num_patients)


def _on_one_split(
    cells: Mapping[str, Draws], pair: tuple[str, str], asked: float, level: float, seed: int
) -> dict[str, float]:
    one, other = (cells[name] for name in pair)
    ahead = outperforming(one.draws_SB, other.draws_SB, np.random.default_rng(seed))
    row = {
        "difference": float(one.points_S.mean() - other.points_S.mean()),
        **_not_defined(min(len(one.points_S), len(other.points_S)), one.num_patients),
        "probability": ahead.probability,
    }
    parts = _components(cells, *pair)
    if parts is None:
        return row
    row |= {"low": ahead.low, "high": ahead.high}
    row["repeats_needed"] = detectable.repeats_needed(parts, asked, level, NUM_DRAWS)
    if row["n"] < MIN_REPEATS:  # with fewer the report claims nothing, whatever the difference and the patients
        return row
    low, high = detectable.smallest_range(parts, level, NUM_DRAWS)
    return row | {
        "smallest": detectable.smallest_visible(parts, level, NUM_DRAWS),
        "smallest_low": low,
        "smallest_high": high,
        "patients_needed": detectable.patients_needed(parts, asked, level, NUM_DRAWS),
    }


def _over_parts(
    cells: Mapping[str, Draws], pair: tuple[str, str], asked: float, level: float, seed: int
) -> dict[str, float]:
    del seed  # nothing is drawn
    values, of_first = over_parts(cells, {pair[0]: 1.0, pair[1]: -1.0}), cells[pair[0]]
    row = {"difference": float(values.mean()) if len(values) else math.nan}
    row |= _not_defined(len(values), of_first.num_patients)
    if len(values) < 2:
        return row
    row["probability"] = float((np.sign(values) / 2 + 0.5).mean())
    if len(values) >= MIN_REPEATS:
        row["smallest"] = detectable.smallest_over_parts(values, of_first.test_to_train, level)
    if not any(is_fold(part) for part in of_first.parts_S):
        row["repeats_needed"] = detectable.splits_needed(values, of_first.test_to_train, asked, level)
    return row


def _of_splits(cells: Mapping[str, Draws], pair: tuple[str, str], num_splits: int, level: float) -> float:
    values = over_parts(cells, {pair[0]: 1.0, pair[1]: -1.0})
    return detectable.smallest_over_parts(values, cells[pair[0]].test_to_train, level, num_splits)


def _not_defined(n: int, num_patients: int) -> dict[str, float]:
    return {**dict.fromkeys(COLUMNS[4:-2], math.nan), "n": n, "num_patients": num_patients}
