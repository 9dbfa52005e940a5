"""From rows of simulated searches to tables: shares of the grid's epochs, and differences from its scores."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from tests.benchmarks.replay.measures import RULES
from tests.benchmarks.replay.simulated import Simulated

Z = 1.96
HEAD = (
    "| searcher | n | epochs spent | to the grid's best score: median | 90th percentile | to a choice as good as the "
    "grid's: median | 90th percentile | best validation score, less the grid's | test score, less the grid's |"
)
RULE_TITLES: Mapping[str, str] = {
    "best": "best epoch of the best trial",
    "last": "best mean of a trial's last three epochs",
    "neighbours": "best mean of three neighbouring epochs",
    "top two": "the top two by their best epoch, each trained three times more; the better of the two",
}
assert set(RULE_TITLES) == {*RULES, "top two"}


def quantile(values: Iterable[float], at: float) -> float:
    """The smallest of the values that at least so large a part of them does not exceed; infinite ones count.

    >>> quantile([0.1, 0.2, 0.3, math.inf], 0.5), quantile([0.1, 0.2, 0.3, math.inf], 0.9)
    (0.2, inf)
    """
    return float(np.quantile(np.array(list(values), dtype=float), at, method="inverted_cdf"))


def mean_and_half_width(rows: pd.DataFrame, column: str) -> tuple[float, float]:
    """The mean over cells of the mean over seeds, and the half-width of its 95% interval over seeds.

    The cells are those that were recorded: the interval says nothing of others.
    """
    of_cells = rows.groupby(["setting", "cell"])[column].agg(["mean", "var", "size"])
    variance = float((of_cells["var"].fillna(0.0) / of_cells["size"]).sum()) / len(of_cells) ** 2
    return float(of_cells["mean"].mean()), Z * math.sqrt(variance)


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """A row per searcher: shares of the grid's epochs, and differences in points (hundredths of a score)."""
    lines = []
    for name, part in rows.groupby("searcher", sort=False):
        line: dict[str, object] = {
            "searcher": name,
            "n": len(part),
            "spent": (part["spent"] / part["grid_epochs"]).mean(),
        }
        for what in ("reached", "matched"):
            shares = part[what] / part["grid_epochs"]
            line |= {f"{what}_50": quantile(shares, 0.5), f"{what}_90": quantile(shares, 0.9)}
        for what in ("score", *(f"test_{rule}" for rule in RULE_TITLES)):
            mean, half = mean_and_half_width(part, what)
            line |= {what: 100 * mean, f"{what}_half": 100 * half}
        lines.append(line)
    return pd.DataFrame(lines).set_index("searcher")


def percent(share: float) -> str:
    """A share of the grid's epochs; what was never reached is infinite."""
    return "never" if math.isinf(share) else f"{share:.0%}"


def table(frame: pd.DataFrame, titles: Mapping[str, str]) -> list[str]:
    """Markdown: the frame of `summary`, in its order."""
    lines = [HEAD, "|" + " --- |" * (HEAD.count("|") - 1)]
    for name, row in frame.iterrows():
        shares = [percent(row[each]) for each in ("reached_50", "reached_90", "matched_50", "matched_90")]
        points = [f"{row[each]:+.2f} ± {row[f'{each}_half']:.2f}" for each in ("score", "test_best")]
        lines.append(f"| {' | '.join([titles[str(name)], f'{row.n:.0f}', percent(row.spent), *shares, *points])} |")
    return lines


def rules_table(frames: Mapping[str, pd.DataFrame], name: str) -> list[str]:
    """Markdown: what each rule of choice makes of the searches of one searcher; a column per group of cells."""
    lines = [f"| what is confirmed | {' | '.join(frames)} |", "|" + " --- |" * (1 + len(frames))]
    for rule, title in RULE_TITLES.items():
        cells = [
            f"{frame.loc[name, f'test_{rule}']:+.2f} ± {frame.loc[name, f'test_{rule}_half']:.2f}"
            for frame in frames.values()
        ]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return lines


def cells_table(
    rows: pd.DataFrame, cells: Sequence[Simulated], held_out: Collection[tuple[str, str]], name: str
) -> list[str]:
    """Markdown: a line per cell, with the error of its model and what one searcher came to."""
    lines = [
        "| setting | cell | | configurations | error left out | SD of the seed | rank correlation | "
        "to the grid's best score: median | 90th percentile | test score, less the grid's |",
        "|" + " --- |" * 10,
    ]
    for cell in cells:
        error = cell.model.error()
        is_cell = (rows["setting"] == cell.setting) & (rows["cell"] == cell.cell) & (rows["searcher"] == name)
        figures = ["", "", ""]
        if is_cell.any():
            row = summary(rows[is_cell]).loc[name]
            shares = [percent(row.reached_50), percent(row.reached_90)] if cell.has_grid else ["no beta", "no beta"]
            figures = [*shares, f"{row.test_best:+.2f} ± {row.test_best_half:.2f}"]
        part = "held out" if (cell.setting, cell.cell) in held_out else "for choosing"
        model = [
            f"{error.num_configurations}",
            f"{100 * error.rmse:.2f}",
            f"{100 * error.seed_sd:.2f}",
            f"{error.rank:.2f}",
        ]
        lines.append(f"| {' | '.join([cell.setting, f'`{cell.cell}`', part, *model, *figures])} |")
    return lines
