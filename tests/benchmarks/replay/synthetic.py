"""A recording without a training, for tests: curves by formula, with the columns of the real one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from search_spaces.space import PAPER_BETAS

NUM_EPOCHS = 16
CELLS = ("attention/imagenet/densenet121/all", "attention/imagenet/densenet40/all", "transfer/none/densenet40/all")
LEARNING_RATE = 5e-4  # of the grid


def recording(num_fill: int = 18, num_seeds: int = 4, noise: float = 0.01) -> pd.DataFrame:
    """Rows as `tests/benchmarks/record.py` writes them: a grid, some points in between, and repeats of four of them."""
    rng, rows = np.random.default_rng(0), []
    for cell in CELLS:
        has_beta = cell.startswith("attention")
        grid = [(beta, LEARNING_RATE, 0.0) for beta in (PAPER_BETAS if has_beta else (None,))]
        fill = [
            (10 ** rng.uniform(0, 3.3) if has_beta else None, 10 ** rng.uniform(-3.7, -2.7), 10 ** rng.uniform(-6, -2))
            for _ in range(num_fill)
        ]
        for design, points in (("grid", grid), ("fill", fill)):
            for number, point in enumerate(points):
                seeds = range(num_seeds) if number % 5 == 0 else range(1)
                for seed in seeds:
                    facts = (cell, design if seed == 0 else "repeat", *point, seed)
                    rows += _curve(facts, rng, noise)
    names = ["setting", "cell", "design", "beta", "learning_rate", "weight_decay", "seed"]
    return pd.DataFrame(rows, columns=[*names, "epoch", "score", "test_score", "seconds"])


def _curve(facts: tuple, rng: np.random.Generator, noise: float) -> list[tuple]:
    cell, design, beta, learning_rate, weight_decay, seed = facts
    off = (np.log10(learning_rate) + 3.1) ** 2 + (0.1 * (np.log10(beta) - 2.0) ** 2 if beta else 0.05)
    epochs = np.arange(1, NUM_EPOCHS + 1)
    level = 0.85 - 0.3 * off - (0.03 if cell.endswith("densenet40/all") else 0.0)
    steps = rng.normal(0, noise, (2, NUM_EPOCHS)) + rng.normal(0, noise, (1, 1))
    scores = 0.5 + (level - 0.5) * (1 - np.exp(-epochs / 2.5)) + steps
    return [
        ("phantom-retina", cell, design, beta, learning_rate, weight_decay, seed, int(e), *scores[:, e - 1], 1.0)
        for e in epochs
    ]
