"""The questions that a sweep can answer, each by one contrast: the mean difference over all pairs of cells that differ
in nothing but the choice in question.

A contrast is judged as a pair of cells is (`analysis.scores.comparisons`): by a hierarchical bootstrap over seeds and
test patients, and by a test over seeds. Here that is Welch's t-test of a linear combination of means (B. L. Welch,
Biometrika 34, 1947), which for one pair is his test of two means. Over splits drawn anew and over folds it is the
corrected resampled t of the contrast's values, one per part. Holm's correction covers all contrasts together.

Shapes: B draws, S seeds (repeats).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.scores.comparisons import Draws, judged_by_part, over_parts
from analysis.stats.bootstrap import over_seeds, percentiles
from analysis.stats.multiple import holm
from search_spaces.space import RANDOM_TEACHER
from trainables import titles
from trainables.cell import ITSELF, NO_TEACHER, Cell, as_text
from trainables.models.freezing import rank
from trainables.models.stages import ALL

ASKED = {  # the axis of a cell -> its question, in the order of a report
    "method": "Does {first} beat plain transfer?",
    "teacher": "Which teacher?",
    "student": "Which student?",
    "unfreeze": "How deep to unfreeze?",
    "data_fraction": "How much data?",
    "init": "Which first weights?",
}
WORDS: dict[str, Callable[[Any], str]] = {
    "method": titles.method,
    "teacher": titles.teacher,
    "student": titles.student,
    "unfreeze": titles.depth,
    "data_fraction": titles.fraction,
    "init": titles.first_weights,
}
NOT_ASKED = ("method", "uncertainty", "average_labels")  # by pairs of cells that differ in it alone
COLUMNS = [
    "axis", "question", "first", "second", "difference", "low", "high", "p_patients", "p_seeds", "p_holm", "num_pairs",
    "n", "num_patients", "cells",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """One choice against another: the pairs of cells that differ in it alone."""

    axis: str
    first: str  # in words
    second: str
    pairs: tuple[tuple[str, str], ...]  # the names of a cell with the first choice, and of the same with the second

    @property
    def question(self) -> str:
        """What it answers."""
        varied = f"Which value of {self.axis}?"
        return ASKED.get(self.axis, varied).format(first=self.first[:1].lower() + self.first[1:])

    @property
    def weights(self) -> dict[str, float]:
        """Each cell's weight in the mean difference; they add up to 0."""
        weights: dict[str, float] = {}
        for first, second in self.pairs:
            weights[first] = weights.get(first, 0.0) + 1 / len(self.pairs)
            weights[second] = weights.get(second, 0.0) - 1 / len(self.pairs)
        return weights


def contrasts(names: Sequence[str], phantom: Mapping[str, str] | None = None) -> list[Contrast]:
    """Every contrast of two choices for which these cells have a pair, in the order of `ASKED`.

    A method is contrasted with plain transfer only, and without the control of a teacher that never learned anything.
    Policies on uncertain labels and rules for the labels to average are not contrasted, since scores under two of them
    judge different labels; nor is a teacher itself, which has no student. Of a contrast's pairs, those that rest on a
    phantom do not count where others do not.

    Args:
        phantom: which parts of a cell are phantoms.
    """
    cells = {name: cell for name in names if (cell := Cell.parse(name)).method != ITSELF}
    by_choice: dict[tuple[str, Any, Any], list[tuple[str, str]]] = {}
    for name, cell in cells.items():
        plain = replace(cell, method="transfer", teacher=NO_TEACHER)
        if cell != plain and cell.teacher != RANDOM_TEACHER and plain.name in cells:
            by_choice.setdefault(("method", cell.method, plain.method), []).append((name, plain.name))
        for other_name, other in cells.items():
            differing = [axis for axis in {**cell.axes, **other.axes} if cell.axes.get(axis) != other.axes.get(axis)]
            if len(differing) == 1 and differing[0] not in NOT_ASKED and _is_first(differing[0], cell, other, cells):
                choices = cell.axes.get(differing[0]), other.axes.get(differing[0])
                by_choice.setdefault((differing[0], *choices), []).append((name, other_name))
    listed = [
        Contrast(axis=axis, first=_words(axis, first), second=_words(axis, second), pairs=_real(pairs, phantom or {}))
        for (axis, first, second), pairs in by_choice.items()
    ]
    order = list(ASKED)
    return sorted(listed, key=lambda it: (order.index(it.axis) if it.axis in order else len(order), it.axis, it.pairs))


def _real(pairs: Sequence[tuple[str, str]], phantom: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The pairs without a phantom, sorted; where there is none, all."""
    real = [pair for pair in pairs if not any(phantom.get(name) for name in pair)]
    return tuple(sorted(real or pairs))


def _is_first(axis: str, cell: Cell, other: Cell, cells: Mapping[str, Cell]) -> bool:
    """Whether the choice of `cell` stands first: more data, more layers, or the later name.

    Each depth is contrasted with all layers, where `cells` has the same cell with these; else every two depths.
    """
    if axis == "unfreeze":
        has_all = replace(cell, unfreeze=ALL).name in cells
        is_deeper = rank(cell.student, cell.unfreeze) > rank(cell.student, other.unfreeze)
        return is_deeper and (cell.unfreeze == ALL or not has_all)
    first, second = cell.axes.get(axis), other.axes.get(axis)
    return bool(first > second) if isinstance(first, float) and isinstance(second, float) else str(first) > str(second)


def _words(axis: str, choice: Any) -> str:
    if axis in WORDS:
        return WORDS[axis](choice)
    if choice is None:  # a cell does not say what its sweep has
        return f"{axis} as in the sweep"
    return f"{axis}={as_text(choice)}"


def contrast_rows(cells: Mapping[str, Draws], phantom: Mapping[str, str] | None = None, seed: int = 0) -> pd.DataFrame:
    """One row per contrast: `COLUMNS`; difference, low, high are fractions, first less second, the first being the
    higher wherever there is no order between the choices.

    p_seeds is NaN where a cell has one repeat, or none of them has a spread; p_holm then too. Where repeats are tested
    on different parts, the contrast has a value per part, which the corrected resampled t judges (`comparison_rows`).
    """
    rng = np.random.default_rng(seed)
    drawn = {name: over_seeds(cells[name].draws_SB, rng) for name in sorted(cells)}
    rows = []
    for contrast in contrasts(list(cells), phantom):
        weights = contrast.weights
        difference = _difference(cells, weights)
        if difference < 0 and contrast.axis not in ("method", "unfreeze", "data_fraction"):
            contrast = replace(contrast, first=contrast.second, second=contrast.first)
            weights, difference = {name: -weight for name, weight in weights.items()}, -difference
        first = cells[next(iter(weights))]
        if first.parts_S:
            judged = judged_by_part(over_parts(cells, weights), first)
        else:
            both = percentiles(np.sum([weight * drawn[name] for name, weight in weights.items()], axis=0))
            judged = {
                "difference": difference,
                "low": both.low,
                "high": both.high,
                "p_patients": both.p_value,
                "p_seeds": welch([cells[name].points_S for name in weights], list(weights.values())),
                "n": min(len(cells[name].points_S) for name in weights),
                "num_patients": next(iter(cells.values())).num_patients,
            }
        facts = {"axis": contrast.axis, "question": contrast.question, "num_pairs": len(contrast.pairs)}
        sides = {"first": contrast.first, "second": contrast.second, "cells": " ".join(weights)}
        rows.append({**facts, **sides, **judged})
    frame = pd.DataFrame(rows, columns=[name for name in COLUMNS if name != "p_holm"])
    both_allow = frame[["p_patients", "p_seeds"]].max(axis=1).where(frame["p_seeds"].notna())
    return frame.assign(p_holm=holm(both_allow.to_numpy(dtype=float)))[COLUMNS]


def _difference(cells: Mapping[str, Draws], weights: Mapping[str, float]) -> float:
    if cells[next(iter(weights))].parts_S:
        values = over_parts(cells, weights)
        return float(values.mean()) if len(values) else float("nan")
    return float(sum(weight * cells[name].points_S.mean() for name, weight in weights.items()))


def welch(groups: Sequence[np.ndarray], weights: Sequence[float]) -> float:
    """The two-sided p-value of a weighted sum of means against 0, by Welch's t-test with unequal variances.

    NaN where a group has one value, or no group has a spread.
    """
    if min(map(len, groups)) < 2:
        return float("nan")
    parts = np.array([w**2 * group.var(ddof=1) / len(group) for group, w in zip(groups, weights, strict=True)])
    variance = parts.sum()
    if variance == 0:
        return float("nan")
    freedom = variance**2 / sum(part**2 / (len(group) - 1) for part, group in zip(parts, groups, strict=True))
    total = sum(w * group.mean() for group, w in zip(groups, weights, strict=True))
    return float(2 * stats.t.sf(abs(total) / np.sqrt(variance), freedom))
