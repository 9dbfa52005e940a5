"""The intervals of differences: how often they hold the true one, and what they are on splits drawn anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from analysis.scores import comparisons
from analysis.scores.cell_repeats import CellRepeats
from analysis.scores.differences import BY_PART, PAIRED, REPEATS, UNPAIRED, difference_rows, notes, told
from tests.simulated_cells import SPREAD, cell, confirm
from trainables.metrics import label_auc

NAMES = {"first": "B", "second": "A"}


def on_splits(strength: float, seed: int, splits: Sequence[int] = (1, 2, 3, 4)) -> CellRepeats:
    """A cell whose repeats were each tested on a split drawn anew; a fifth as many images are tested as trained on."""
    repeats = [cell(strength, images=k, seed=seed, num_repeats=1).repeats[0] for k in splits]
    named = [
        replace(repeat, test_part=f"split {k}", test_to_train=0.2) for k, repeat in zip(splits, repeats, strict=True)
    ]
    return CellRepeats(confirm=confirm(), repeats=named)


def test_on_the_same_splits_the_difference_is_paired_by_split() -> None:
    first, second = on_splits(2.0, 0), on_splits(1.0, 1)
    frame = difference_rows([(first, second)])
    row = frame.iloc[0]
    sides = [
        [label_auc(of.probabilities_NL[:, 0], of.positive_NL[:, 0]) for of in it.repeats] for it in (first, second)
    ]
    by_split = np.subtract(*np.array(sides, dtype=float))
    error = np.sqrt((1 / 4 + 0.2) * by_split.var(ddof=1))  # Nadeau and Bengio's
    assert row["basis"] == BY_PART and row["difference"] == pytest.approx(by_split.mean())
    assert row["high"] - row["difference"] == pytest.approx(stats.t.ppf(0.975, 3) * error)
    assert row["p_holm"] == row["p_seeds"] == pytest.approx(2 * stats.t.sf(by_split.mean() / error, 3))
    assert (row["first_n"], row["first_patients"]) == (4, 100) and np.isnan(row["p_patients"])
    assert told(frame).all() and any(note.startswith("by part: B and A") for note in notes(frame, NAMES))
    others = difference_rows([(first, on_splits(1.0, 1, (4, 5, 6)))])  # one split is no sample of splits
    assert others["basis"].tolist() == [REPEATS] and others["p_holm"].isna().all()


@pytest.mark.parametrize("images", [0, 1000], ids=["paired", "unpaired"])
def test_the_intervals_cover_the_true_difference(images: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The truth is an AUC of the binormal model: Phi(strength / sqrt(2 (1 + SPREAD^2)))."""
    monkeypatch.setattr(comparisons, "NUM_DRAWS", 200)
    scale = np.sqrt(2 * (1 + SPREAD**2))
    truth = stats.norm.cdf(1.5 / scale) - stats.norm.cdf(1.0 / scale)
    pairs = [
        (cell(1.5, images=k, seed=k, size=100), cell(1.0, images=k + images, seed=k + 5000, size=100))
        for k in range(1, 101)
    ]
    frame = difference_rows(pairs)
    assert set(frame["basis"]) == {UNPAIRED if images else PAIRED}
    covered = ((frame["low"] <= truth) & (truth <= frame["high"])).mean()
    assert covered >= 0.90  # 100 times 95%: a standard error of 2.2 points
    spread = (frame["high"] - frame["low"]).mean() / (2 * stats.norm.ppf(0.975))
    # Not too narrow; a little too wide where pairing leaves the repeats' own noise, which the bootstrap counts twice.
    assert 0.9 <= spread / frame["difference"].std() <= 1.5
