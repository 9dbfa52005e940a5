"""Whether a student performs equally for everyone: AUC by sex, age band and view, and the gap between subgroups.

Shapes: N test images, L labels or classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.reading.predictions import Predictions, in_parts
from analysis.reading.repeats import is_fold
from analysis.scores.labels import counts_of, has_enough, macro_auc
from analysis.stats.intervals import Interval, shown_half_width
from analysis.stats.resampled import mean_over
from trainables.data.averaging import MIN_POSITIVES
from trainables.metrics import label_auc

AGE_BANDS = {"under 40": (0, 40), "40 to 59": (40, 60), "60 to 79": (60, 80), "80 and over": (80, 200)}  # ours; years
KINDS = ("sex", "age band", "view")
CROSS = " and "  # between the two kinds of an intersection
CROSSED = ("sex and age band", "sex and view", "age band and view")


def subgroup_rows(cell: str, repeats: Sequence[Predictions]) -> pd.DataFrame:
    """One row per subgroup: cell, kind, subgroup, num_images, num_patients, num_labels, auc and half_width (over the n
    repeats), gap (the kind's best subgroup less its worst). Fractions.

    The AUC is the mean over those of the sweep's averaged labels that have enough positives and negatives in every
    subgroup of the kind, so that subgroups differ in their patients and not in their labels. NaN where there is no such
    label; a kind with one subgroup is left out.

    Of splits drawn anew, a label must have enough in every one, counts are means, rounded, and the interval is the
    corrected resampled t's. Of folds, all together must have enough: a fold has few images of a subgroup. Its AUC is
    that of all pairs of a positive and a negative within one fold, without an interval.
    """
    parts = [of_part[0] for of_part in in_parts(repeats).values()]
    is_folded = is_fold(parts[0].test_part)
    rows = []
    for kind in KINDS:
        groups = {part.test_part: group_of(part.images, kind) for part in parts}
        names = names_of(kind, *groups.values())
        if len(names) < 2:
            continue
        enough = [_enough(parts, groups, name, is_folded) for name in names]
        shared_L = np.logical_and.reduce([repeats[0].averaged_L, *enough])
        for name in names:
            interval = _score(repeats, groups, name, shared_L, is_folded)
            rows.append(
                {
                    "cell": cell,
                    "kind": kind,
                    "subgroup": name,
                    **_counts(parts, groups, name, is_folded),
                    "num_labels": int(shared_L.sum()),
                    "n": interval.n if interval else 0,
                    "auc": interval.mean if interval else np.nan,
                    "half_width": shown_half_width(interval, 0, 1) if interval else np.nan,
                }
            )
    columns = ["cell", "kind", "subgroup", "num_images", "num_patients", "num_labels", "n", "auc", "half_width"]
    frame = pd.DataFrame(rows, columns=columns)
    by_kind = frame.groupby("kind")["auc"]
    return frame.assign(gap=by_kind.transform("max") - by_kind.transform("min"))


def _counts(
    parts: Sequence[Predictions], groups: Mapping[str, pd.Series], name: str, is_folded: bool
) -> dict[str, int]:
    """The images and patients of a subgroup: of all folds, or of a split on average."""
    images = [part.images[groups[part.test_part] == name] for part in parts]
    share = 1 if is_folded else len(parts)
    num_patients = sum(of_part["patient"].nunique() for of_part in images)
    return {"num_images": round(sum(map(len, images)) / share), "num_patients": round(num_patients / share)}


def _enough(
    parts: Sequence[Predictions], groups: Mapping[str, pd.Series], name: str, is_folded: bool
) -> NDArray[np.bool_]:
    """Which labels a subgroup has enough positives and negatives of: in each part, or of folds in all together, [L]."""
    subsets = [(groups[part.test_part] == name).to_numpy() for part in parts]
    if not is_folded:
        return np.logical_and.reduce([has_enough(part, subset) for part, subset in zip(parts, subsets, strict=True)])
    counts = np.sum([counts_of(part, subset) for part, subset in zip(parts, subsets, strict=True)], axis=0)
    return np.asarray(counts.min(axis=0) >= MIN_POSITIVES)


def _score(
    repeats: Sequence[Predictions],
    groups: Mapping[str, pd.Series],
    name: str,
    shared_L: NDArray[np.bool_],
    is_folded: bool,
) -> Interval | None:
    """The AUC of a subgroup; None where it is not defined."""
    subsets = {part: (group == name).to_numpy() for part, group in groups.items()}
    if is_folded:
        area = within_parts(repeats, shared_L, subsets)
        return None if area is None else Interval(mean=area, half_width=None, n=len(subsets), kind="")
    areas = [(repeat.test_part, macro_auc(repeat, shared_L, subsets[repeat.test_part])) for repeat in repeats]
    defined = [(part, area) for part, area in areas if area is not None]
    return mean_over([area for _, area in defined], [part for part, _ in defined], repeats[0].test_to_train)


def within_parts(
    repeats: Sequence[Predictions], averaged_L: NDArray[np.bool_], subsets: Mapping[str, NDArray[np.bool_]]
) -> float | None:
    """The mean over these labels of the share of pairs, each a positive and a negative of one part, in the right order.

    It is the mean of the parts' AUCs, weighted by their pairs; a part with one class has no pair. None where a label
    has none at all, or there is no label.
    """
    areas = []
    for column in np.flatnonzero(averaged_L):
        right = num_pairs = 0.0
        for repeat in repeats:
            chosen_N = subsets[repeat.test_part] & repeat.known_NL[:, column]
            positive_N = repeat.positive_NL[chosen_N, column]
            area = label_auc(repeat.probabilities_NL[chosen_N, column], positive_N)
            pairs = float(positive_N.sum() * (~positive_N).sum())
            right, num_pairs = right + pairs * (area or 0.0), num_pairs + pairs
        if not num_pairs:
            return None
        areas.append(right / num_pairs)
    return float(np.mean(areas)) if areas else None


def group_of(images: pd.DataFrame, kind: str) -> pd.Series:
    """The subgroup of each image; "" where it is not known.

    Args:
        images: with the columns view, sex and age_years.
        kind: one of `KINDS` or of `CROSSED`, whose groups are called ``F, under 40``.
    """
    if CROSS in kind:
        first, second = (group_of(images, each) for each in kind.split(CROSS))
        return (first + ", " + second).where((first != "") & (second != ""), "")
    if kind != "age band":
        return images[kind].fillna("").astype(str)
    edges = [low for low, _ in AGE_BANDS.values()] + [200]
    bands = pd.cut(images["age_years"], edges, right=False, labels=list(AGE_BANDS))
    return bands.astype(object).fillna("").astype(str)


def names_of(kind: str, *groups: pd.Series) -> list[str]:
    """The subgroups in any of these, in the order of a table: bands by age, all else by name; without the unknown."""
    names = {str(name) for group in groups for name in group.unique() if name}
    ranks = {band: f"{number}" for number, band in enumerate(AGE_BANDS)}

    def place(name: str) -> list[str]:
        return [ranks.get(part, part) for part in name.split(", ")] if "age band" in kind else [name]

    return sorted(names, key=place)
