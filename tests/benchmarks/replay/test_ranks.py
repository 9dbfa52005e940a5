"""Rank correlations of early and final scores, by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.benchmarks.replay.ranks import rank_correlations, ranks_table

FACTS = {"setting": "s", "cell": "attention/c", "learning_rate": 1e-3, "weight_decay": 0.0}


def curve(beta: float | None, scores: list[float], seed: int = 0) -> list[dict]:
    return [
        {**FACTS, "beta": beta, "seed": seed, "epoch": epoch, "score": score} for epoch, score in enumerate(scores, 1)
    ]


def test_the_best_so_far_of_each_configuration_is_ranked() -> None:
    rows = [
        *curve(1.0, [0.5, 0.8, 0.2, 0.9]),
        *curve(10.0, [0.6, 0.1, 0.1, 0.1]),  # whose best stays that of its first epoch
        *curve(100.0, [0.1, 0.7, 0.1, 0.1]),
        *curve(1.0, [0.9, 0.9, 0.9, 0.0], seed=1),  # counts nowhere
        *curve(None, [0.9, 0.1, 0.1, 0.1]),
    ]
    # After one epoch 0.5, 0.6, 0.1, after two 0.8, 0.6, 0.7, after all 0.9, 0.6, 0.7.
    (row,) = rank_correlations(pd.DataFrame(rows)).to_dict("records")
    assert row == pytest.approx({1 / 16: -0.5, 1 / 8: -0.5, 1 / 4: -0.5, 1 / 2: 1.0})
    lines = ranks_table(pd.DataFrame(rows), {("s", "attention/c")})
    assert lines[2:] == ["| s | `attention/c` | held out | -0.50 | -0.50 | -0.50 | 1.00 |"]
