"""The interval of any number that each repeat has, on all its test images and in every draw of their patients.

On one test set it is the hierarchical bootstrap over repeats and patients; over splits drawn anew and over folds the
corrected resampled t of the parts' means, as for the AUC (`analysis.scores.comparisons`).

Shapes: B draws, S repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.reading.predictions import Predictions
from analysis.reading.repeats import Design
from analysis.scores.cell_repeats import Resamples
from analysis.stats.bootstrap import over_seeds, percentiles
from analysis.stats.intervals import MIN_REPEATS, shown_half_width
from analysis.stats.resampled import RESAMPLED_NAME, SAME, mean_over
from trainables.cell import ITSELF, Cell

MIN_DEFINED = 0.95  # ours; an interval from the draws that happen to have a value would be another number's


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over repeats and its 95% interval; NaN where there is none."""

    mean: float
    low: float = np.nan
    high: float = np.nan

    def columns(self, name: str) -> dict[str, float]:
        """The columns of a frame: `name`, `name_low`, `name_high`."""
        return {name: self.mean, f"{name}_low": self.low, f"{name}_high": self.high}


def estimate(
    points_S: NDArray[np.float64],
    draws_SB: NDArray[np.float64],
    repeats: Sequence[Predictions],
    *,
    is_untrained: bool = False,
    within: tuple[float, float] = (-np.inf, np.inf),
) -> Estimate:
    """The mean of the repeats, NaN where it is not defined in each of them, with its interval.

    There is no interval with fewer than `MIN_REPEATS` repeats, unless there is nothing to repeat; nor where fewer than
    `MIN_DEFINED` of the draws have a value, or all have the same, as where each positive of a few is found: that such a
    draw has no spread does not make the number sure; nor, over parts, one that leaves the number's own range.

    Args:
        points_S: of all test images of each repeat.
        draws_SB: in each draw of patients; not used where repeats are tested on different parts.
        repeats: which these are, for what they were tested on.
        is_untrained: whether it is a teacher itself, of which patients alone vary.
        within: the range of the number.
    """
    if not len(points_S) or not np.isfinite(points_S).all():
        return Estimate(mean=np.nan)
    mean, parts = float(points_S.mean()), [repeat.test_part for repeat in repeats]
    if any(parts):
        interval = mean_over(points_S, parts, repeats[0].test_to_train)
        assert interval is not None  # there is a point
        half_width = shown_half_width(interval, *within)
        return Estimate(mean=interval.mean, low=interval.mean - half_width, high=interval.mean + half_width)
    drawn_B = over_seeds(draws_SB, np.random.default_rng(0))
    too_few = len(points_S) < MIN_REPEATS and not is_untrained
    if too_few or np.isfinite(drawn_B).mean() < MIN_DEFINED:
        return Estimate(mean=mean)
    both = percentiles(drawn_B)
    return Estimate(mean=mean, low=both.low, high=both.high) if both.high - both.low > SAME else Estimate(mean=mean)


def is_untrained(cell: str) -> bool:
    """Whether the cell is a teacher itself."""
    return Cell.parse(cell).method == ITSELF


def shared_weights(repeats: Sequence[Predictions], resamples: Resamples) -> NDArray[np.float32] | None:
    """The draws of patients that all cells tested on these images share, [B, N]; None over parts, which need none."""
    return None if any(repeat.test_part for repeat in repeats) else resamples.weights_of(repeats[0])


def interval_notes(design: Design) -> list[str]:
    """What an interval of `estimate` is, and where there is none."""
    if design.is_on_one_split:
        form = "hierarchical bootstrap over repeats and test patients, with all images of a patient"
        none = f"fewer than {MIN_REPEATS} repeats, too many draws without a value, or draws without a spread"
    else:
        form = f"{RESAMPLED_NAME}; {design.no_bootstrap}"
        none = f"fewer than {MIN_REPEATS} {design.parts}, or the interval would leave the number's range"
    return [f"in brackets: 95% interval, {form}; no brackets: {none}"]
