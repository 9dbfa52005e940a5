"""Another hospital in numbers: what each cell scores here and there, and what it loses on the way.

Shapes: N images, L labels or classes, S repeats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.reading.other_hospital import BothHospitals
from analysis.reading.predictions import Predictions
from analysis.scores.comparisons import Draws, comparison_rows, variance_rows
from analysis.scores.drawn_metrics import AUC, metrics_of
from analysis.scores.external_draws import HERE, THERE, Resampled, countable, drop
from analysis.stats.calibration import (
    calibration_in_the_large,
    calibration_slope,
    expected_calibration_error,
    reliability,
)
from trainables.cell import ITSELF, Cell

CHANCE = 0.5  # the AUC of a coin
INVERTED, BELOW = "inverted or mismatched?", "below 50%"
SIDES = ("here", "there")
SCORES = [
    "metric", "cell", "num_labels", "n", *(f"{side}{end}" for side in SIDES for end in ("", "_low", "_high")),
    "drop", "low", "high", "baseline", "more", "more_low", "more_high", "p_patients", "p_seeds", "p_holm",
]  # fmt: skip
LABELS = [
    "cell", "label", *(f"{what}_{side}" for what in ("num_positives", "num_images") for side in SIDES), "n",
    *(f"{side}{end}" for side in SIDES for end in ("", "_low", "_high")), "drop", "low", "high",
    *(f"{what}_{side}" for what in ("large", "slope", "ece") for side in SIDES), "verdict",
]  # fmt: skip


def averaged_labels(cells: Mapping[str, BothHospitals]) -> tuple[str, ...]:
    """The labels that an AUC averages: those that all cells have enough images of, at both hospitals."""
    of_cells = [set(countable(both)) for both in cells.values()]
    first = next(iter(cells.values()))
    return tuple(name for name in first.label_names if all(name in of_cell for of_cell in of_cells))


def rows(
    cells: Mapping[str, BothHospitals], averaged: Sequence[str], resampled: Resampled
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row per metric and cell (`SCORES`), and one per cell and label (`LABELS`). Fractions.

    The drop is the score here less the score there; `more` is the cell's drop less that of its baseline, paired by
    patient at both hospitals, and `p_holm` the larger of p_patients (the bootstrap's) and p_seeds (Welch's test over
    the repeats' drops), with Holm's correction over the cells. Where repeats have other test images here, there is a
    drop without an interval. Labels that have too few images (`countable`) have counts alone.

    `averaged` is empty where no label is frequent enough; then no cell has a score.
    """
    scores: list[dict[str, object]] = []
    labels: list[dict[str, object]] = []
    drawn: dict[str, dict[str, tuple[Draws | None, Draws | None]]] = {}
    for cell, both in cells.items():
        frequent = countable(both)
        sides = [resampled.of_labels(repeats, frequent, side) for side, repeats in enumerate((both.here, both.there))]
        labels += [
            _label_row(cell, both, name, (sides[HERE].get(name), sides[THERE].get(name))) for name in both.label_names
        ]
        chosen = [name for name in averaged if name in both.label_names]
        of_cell = {
            AUC: (
                resampled.mean(both.here, sides[HERE], chosen, HERE),
                resampled.mean(both.there, sides[THERE], chosen, THERE),
            )
        }
        for metric in metrics_of(both.there[0])[1:]:
            of_cell[metric] = (
                resampled.drawn(metric, both.here, HERE),
                resampled.drawn(metric, both.there, THERE),
            )
        drawn[cell] = of_cell
    for metric in {metric: None for of_cell in drawn.values() for metric in of_cell}:
        of_metric = {cell: of_cell[metric] for cell, of_cell in drawn.items()}
        num_labels = {cell: sum(name in cells[cell].label_names for name in averaged) for cell in cells}
        scores += _score_rows(metric, of_metric, num_labels)
    return pd.DataFrame(scores, columns=SCORES), pd.DataFrame(labels, columns=LABELS)


def _score_rows(
    metric: str, drawn: Mapping[str, tuple[Draws | None, Draws | None]], num_labels: Mapping[str, int]
) -> list[dict[str, object]]:
    drops = {cell: lost for cell, sides in drawn.items() if (lost := drop(*sides)) is not None}
    pairs = [(cell, base) for cell in drops if (base := baseline_of(cell)) in drops and base != cell]
    compared = comparison_rows(drops, pairs).set_index("first")
    found = []
    for cell, sides in drawn.items():
        row: dict[str, object] = {"metric": metric, "cell": cell, "num_labels": num_labels[cell]}
        for side, draws in zip(SIDES, sides, strict=True):
            if draws is not None:
                row |= _interval(draws, (side, f"{side}_low", f"{side}_high"))
        if cell in drops:
            row |= _interval(drops[cell], ("drop", "low", "high")) | {"n": len(drops[cell].points_S)}
        elif None not in sides:
            row |= {"drop": float(str(row["here"])) - float(str(row["there"]))}
        there = sides[THERE]
        row.setdefault("n", 0 if there is None else len(there.points_S))
        if cell in compared.index:
            against = compared.loc[cell]
            row |= {"baseline": against["second"], "more": against["difference"]}
            row |= {"more_low": against["low"], "more_high": against["high"]}
            row |= {name: against[name] for name in ("p_patients", "p_seeds", "p_holm")}
        found.append(row)
    return found


def _interval(draws: Draws, names: tuple[str, str, str]) -> dict[str, object]:
    (row,) = variance_rows({"": draws}).to_dict("records")
    return dict(zip(names, (row["auc"], row["low"], row["high"]), strict=True))


def baseline_of(name: str) -> str:
    """The cell that a cell is compared with; "" for a teacher itself."""
    cell = Cell.parse(name)
    return "" if cell.method == ITSELF else cell.baseline().name


def _label_row(
    cell: str, both: BothHospitals, label: str, sides: tuple[Draws | None, Draws | None]
) -> dict[str, object]:
    row: dict[str, object] = {"cell": cell, "label": label, "n": len(both.there)}
    for side, repeats, draws in zip(SIDES, (both.here, both.there), sides, strict=True):
        column = repeats[0].label_names.index(label)
        known_N = repeats[0].known_NL[:, column]
        row |= {f"num_images_{side}": int(known_N.sum())}
        row |= {f"num_positives_{side}": int(repeats[0].positive_NL[known_N, column].sum())}
        if draws is not None:
            row |= _interval(draws, (side, f"{side}_low", f"{side}_high")) | _calibration(repeats, column, side)
    here, there = sides
    lost = drop(here, there)
    if lost is not None:
        row |= _interval(lost, ("drop", "low", "high"))
    elif here is not None and there is not None:
        row["drop"] = float(str(row["here"])) - float(str(row["there"]))
    return row | {"verdict": verdict(row)}


def verdict(row: Mapping[str, object]) -> str:
    """What an AUC below chance at the other hospital is called; "" for no such AUC.

    >>> verdict({"there": 0.4, "there_high": 0.45}), verdict({"there": 0.4, "there_high": 0.55}), verdict({})
    ('inverted or mismatched?', 'below 50%', '')
    """
    there, high = (float(str(row.get(name, np.nan))) for name in ("there", "there_high"))
    if high < CHANCE:
        return INVERTED
    return BELOW if there < CHANCE else ""


def _calibration(repeats: Sequence[Predictions], column: int, side: str) -> dict[str, object]:
    """The mean over the repeats of calibration in the large, calibration slope, and expected calibration error."""
    found = []
    for repeat in repeats:
        known_N = repeat.known_NL[:, column]
        score_N, positive_N = repeat.probabilities_NL[known_N, column], repeat.positive_NL[known_N, column]
        error = expected_calibration_error(reliability(score_N, positive_N))
        found.append((calibration_in_the_large(score_N, positive_N), calibration_slope(score_N, positive_N), error))
    values = np.mean(found, axis=0)
    return {f"{what}_{side}": value for what, value in zip(("large", "slope", "ece"), values, strict=True)}
