"""Whether beta matters in a cell: the best and the worst of the grid, beside what another seed changes.

One training for each point says little: the best and the worst of twelve equal points, each trained once, are 3.3
standard deviations apart on average. So the verdict rests on the points that have several seeds, whose means are
compared; three equal means of four would be 0.85 standard deviations apart.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from tests.benchmarks.recording.design import GRID, REPEAT

RATIO, SHARE = 2.0, 2 / 3  # standard deviations, and the share of the cells with a teacher
SUMMARIES: dict[str, Callable[[pd.Series], float]] = {
    "last epoch": lambda scores: float(scores.iloc[-1]),
    "best epoch": lambda scores: float(scores.max()),
}
KEYS = ["setting", "cell"]


def landscape(curves: pd.DataFrame) -> pd.DataFrame:
    """One row per cell with a teacher and per summary of a curve's validation scores.

    Columns: ``setting``, ``cell``, ``summary``; of single trainings ``best_beta``, ``worst_beta`` and
    ``grid_difference``; of means over seeds ``better_beta``, ``worse_beta`` and ``difference``; ``seed_sd``, pooled
    over the points with several seeds; ``num_seeds`` of the point that has the most; ``ratio`` and ``is_interesting``.
    """
    rows = []
    with_teacher = curves[curves["beta"].notna() & curves["design"].isin((GRID, REPEAT))]
    for (setting, cell), of_cell in with_teacher.groupby(KEYS, sort=False):
        for name, summary in SUMMARIES.items():
            scores = _scores(of_cell, summary)
            rows.append({"setting": setting, "cell": cell, "summary": name, **_contrast(scores)})
    return pd.DataFrame(rows)


def is_met(table: pd.DataFrame) -> bool:
    """Whether enough cells are interesting, by either summary."""
    by_cell = table.groupby(KEYS)["is_interesting"].any()
    return bool(by_cell.mean() >= SHARE)


def _scores(of_cell: pd.DataFrame, summary: Callable[[pd.Series], float]) -> pd.DataFrame:
    """One row per curve on the grid: design, beta, seed and score."""
    ordered = of_cell.sort_values("epoch")
    return ordered.groupby(["design", "beta", "seed"])["score"].agg(summary).reset_index()


def _contrast(scores: pd.DataFrame) -> dict[str, object]:
    grid = scores[scores["design"] == GRID].set_index("beta")["score"]
    by_beta = scores.groupby("beta")["score"].agg(["mean", "var", "size"])
    repeated = by_beta[by_beta["size"] > 1]
    contrast: dict[str, object] = {
        "best_beta": grid.idxmax(),
        "worst_beta": grid.idxmin(),
        "grid_difference": grid.max() - grid.min(),
    }
    if len(repeated) < 2:
        nothing = dict.fromkeys(("better_beta", "worse_beta", "difference", "seed_sd", "ratio"), np.nan)
        return {**contrast, **nothing, "num_seeds": 1, "is_interesting": False}
    degrees = repeated["size"] - 1
    sd = float(np.sqrt((repeated["var"] * degrees).sum() / degrees.sum()))
    difference = float(repeated["mean"].max() - repeated["mean"].min())
    return {
        **contrast,
        "better_beta": repeated["mean"].idxmax(),
        "worse_beta": repeated["mean"].idxmin(),
        "difference": difference,
        "seed_sd": sd,
        "ratio": difference / sd if sd else np.nan,
        "num_seeds": int(repeated["size"].max()),
        "is_interesting": bool(difference > 0 and difference >= RATIO * sd),
    }
