"""How early a trial's best score so far tells what becomes of it: rank correlations in the recording."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd
from scipy.stats import spearmanr

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2)  # of a trial's length
POINT = ["beta", "learning_rate", "weight_decay"]


def rank_correlations(recording: pd.DataFrame) -> pd.DataFrame:
    """Spearman's correlation of the best validation score after a share of the epochs with that after all of them.

    Over the configurations of a cell with a teacher that were trained with the recording's first seed.

    Returns:
        A row per (setting, cell), and a column per share.
    """
    of_first_seed = recording[(recording["seed"] == recording["seed"].min()) & recording["beta"].notna()]
    rows = {}
    for pair, part in of_first_seed.groupby(["setting", "cell"], sort=True):
        best = part.pivot_table(index=POINT, columns="epoch", values="score").cummax(axis=1)
        last = int(best.columns.max())
        epochs = {share: max(1, round(share * last)) for share in SHARES}
        rows[pair] = {share: float(spearmanr(best[epoch], best[last]).statistic) for share, epoch in epochs.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(SHARES))


def ranks_table(recording: pd.DataFrame, held_out: Collection[tuple[str, str]]) -> list[str]:
    """Markdown: a line per cell."""
    heads = [f"1/{round(1 / share)}" for share in SHARES]
    lines = [f"| setting | cell | | after {' | '.join(heads)} |", "|" + " --- |" * (3 + len(SHARES))]
    for (setting, cell), row in rank_correlations(recording).iterrows():
        part = "held out" if (setting, cell) in held_out else "for choosing"
        lines.append(f"| {setting} | `{cell}` | {part} | {' | '.join(f'{value:.2f}' for value in row)} |")
    return lines
