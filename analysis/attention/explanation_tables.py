"""The tables of `analysis.attention_maps`: hit rates of the pointing game, and attention against each label."""

from __future__ import annotations

import pandas as pd

from analysis.attention.association import NUM_PERMUTATIONS
from analysis.attention.pointing import ALL, TOLERANCE
from analysis.reading.origins import PHANTOM, marked, union
from analysis.reading.trials import Runs
from analysis.stats.multiple import corrected_for
from analysis.tables.findings import named
from analysis.tables.rendering import MISSING, Cell, Table, number
from trainables import titles
from trainables.data.averaging import MIN_POSITIVES


def pointing_table(frame: pd.DataFrame, runs: Runs) -> Table:
    """The frame of `pointing.rows` with a column `phantom`, rates in percent."""
    head = [
        ["network", "map", "label", "boxes", "images", "patients", "hit rate", "95% interval", "centre prior", "chance",
         "ceiling", "p (Holm)", PHANTOM],
    ]  # fmt: skip
    body = [
        [
            named(row.subject), Cell(row.map), Cell(row.label), Cell(str(row.num_boxes)), Cell(str(row.num_images)),
            Cell(str(row.num_patients)), Cell(number(100 * row.rate, digits=1)),
            Cell(f"{100 * row.low:.1f} to {100 * row.high:.1f}"), Cell(_prior(row)),
            Cell(number(100 * row.chance, digits=1)), Cell(number(100 * row.ceiling, digits=1)),
            Cell(_p(row.p_holm)), Cell(row.phantom or MISSING),
        ]
        for row in frame.itertuples()
    ]  # fmt: skip
    flat = int(frame.loc[frame["label"] == ALL, "num_flat"].sum())
    notes = [
        "pointing game (Zhang et al., IJCV 2018), test images with a box, in percent: a map hits where the centre of "
        f"its highest cell lies in a box of the label, or within {TOLERANCE:.0%} of the image's side of one",
        "interval: Wilson's; it treats images as independent, and is too narrow where patients have several",
        "centre prior: one place per label, the pixel in most boxes of that label outside the test set; (0): no such "
        "box, so the centre of the image",
        "chance: the share of the image that would be a hit; ceiling: the share of images where any cell's centre "
        "would be one",
        "p: exact sign test over patients, map against centre prior, two-sided, for all labels together; "
        + corrected_for(int(frame["p_value"].notna().sum())),
        "attention is one map per image, whatever the label; Grad-CAM is computed for a label, so a teacher "
        "without the label has no row",
        f"{flat} flat maps point nowhere and count as misses: for Grad-CAM, nothing at the tap supports the label",
    ]
    return Table(
        name="pointing_game", title=f"Pointing game on {runs.dataset}", head=head, body=body,
        frame=frame.assign(data=runs.data), notes=notes, phantom=union(frame["phantom"]),
    )  # fmt: skip


def association_table(frame: pd.DataFrame, runs: Runs) -> Table:
    """The frame of `association.corrected` with a column `phantom`."""
    head = [["network", "label", "attention", "positives", "images", "AUC", "95% interval", "r", "p (Holm)", PHANTOM]]
    body = [
        [
            named(row.subject), Cell(row.label),
            Cell(row.measure if pd.isna(row.plane) else f"plane {row.plane}"),
            Cell(str(row.num_positives)), Cell(str(row.num_images)), Cell(number(row.auc)),
            Cell(MISSING if pd.isna(row.auc) else f"{row.low:.2f} to {row.high:.2f}"), Cell(number(row.r)),
            Cell(_p(row.p_holm)), Cell(row.phantom or MISSING),
        ]
        for row in frame.itertuples()
    ]  # fmt: skip
    num_tests = int(frame["p_value"].notna().sum())
    notes = [
        "how well the amount of attention separates test images with the label from those without: the mean absolute "
        "value at the tap of Eq. 1, before planes are scaled to unit length; AUC 0.5: not at all; below 0.5: there is "
        "less attention where the label is present",
        "total: over all planes; plane: the one whose AUC is farthest from 0.5 on the validation images, judged on the "
        "test images",
        "interval: bootstrap over patients, percentiles; r: Pearson's (point-biserial)",
        f"p: permutation of patients' labels, {NUM_PERMUTATIONS:,} times; {corrected_for(num_tests)}"
        + (f"; none can be below {min(1, num_tests / (NUM_PERMUTATIONS + 1)):.2g}" if num_tests else ""),
        f"a label with fewer than {MIN_POSITIVES} positives or negatives shows counts only",
        "an association of attention with a label does not show that the network attends to the disease",
    ]
    return Table(
        name="attention_and_labels", title=f"Attention against each label of {runs.dataset}", head=head, body=body,
        frame=frame.assign(data=runs.data), notes=notes, phantom=union(frame["phantom"]),
    )  # fmt: skip


def sentences(frame: pd.DataFrame) -> list[str]:
    """What the frame of `pointing_table` supports, in words: one sentence per network and map, over all labels."""
    lines = []
    for row in frame[frame["label"] == ALL].itertuples():
        if row.p_holm < 0.05:
            verdict = "more often than" if row.rate > row.prior_rate else "less often than"
        else:
            verdict = "not distinguishably from"
        lines.append(
            f"{marked(titles.of_name(row.subject), row.phantom)}, {row.map}: "
            f"points into a box in {row.hits} of {row.num_images} cases "
            f"({100 * row.rate:.0f}%, {100 * row.low:.0f} to {100 * row.high:.0f}), {verdict} the centre prior "
            f"({100 * row.prior_rate:.0f}%; chance {100 * row.chance:.0f}%); Holm-corrected p: {_p(row.p_holm)}."
        )
    return lines or ["No test image has a box, so nothing can be said about where maps point."]


def _prior(row: object) -> str:
    lacking = " (0)" if row.num_prior_boxes == 0 else ""  # type: ignore[attr-defined]
    return number(100 * row.prior_rate, digits=1) + lacking  # type: ignore[attr-defined]


def _p(value: float) -> str:
    return MISSING if pd.isna(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"
