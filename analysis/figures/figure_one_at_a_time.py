"""Beyond the paper: one change at a time as a forest plot of the differences to the baseline."""

from __future__ import annotations

import pandas as pd

from analysis.figures import figure_differences
from analysis.figures.drawing import Picture
from analysis.scores import differences
from analysis.scores.drawn_metrics import AUC, IN_WORDS
from analysis.scores.one_change import BASELINE, SIDES


def pictures(frame: pd.DataFrame) -> list[Picture]:
    """One forest plot per metric, with a group of lines per column."""
    drawn = [_picture(of_metric, str(metric)) for metric, of_metric in frame.groupby("metric", sort=False)]
    return [picture for picture in drawn if picture is not None]


def _picture(frame: pd.DataFrame, metric: str) -> Picture | None:
    changes = frame[frame["knob"] != BASELINE]
    lines = changes.assign(
        group=changes["column"],
        label=changes["knob"] + ": " + changes["value"],
        name=changes["cell"],
        is_told=differences.told(changes),
    )
    in_words = IN_WORDS[metric]
    notes = " ".join(f"{note[:1].upper()}{note[1:]}." for note in differences.notes(changes, SIDES))
    caption = (
        f"{in_words[:1].upper()}{in_words[1:]} on the test set: each change minus its baseline, in points, with its "
        f"95% interval, the largest effect first. {notes} Filled: {differences.CLAIMED}, corrected within each column."
    )
    return figure_differences.picture(
        lines[figure_differences.COLUMNS].reset_index(drop=True),
        name="one_at_a_time" + ("" if metric == AUC else f"_{metric}"),
        title=f"One change at a time: {in_words}",
        caption=caption,
        label=f"{in_words}, difference to the baseline (points)",
    )
