"""Whether a student performs equally for everyone: AUC by sex, age band and view, and the gap between subgroups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.reading.predictions import Predictions
from analysis.scores.labels import has_enough, macro_auc
from analysis.stats.intervals import shown_half_width, t_interval

AGE_BANDS = {"under 40": (0, 40), "40 to 59": (40, 60), "60 to 79": (60, 80), "80 and over": (80, 200)}  # ours; years
KINDS = ("sex", "age band", "view")


def subgroup_rows(cell: str, repeats: Sequence[Predictions]) -> pd.DataFrame:
    """One row per subgroup: cell, kind, subgroup, num_images, num_patients, num_labels, auc and half_width (over the n
    repeats), gap (the kind's best subgroup less its worst). Fractions.

    The AUC is the mean over those of the sweep's averaged labels that have enough positives and negatives in every
    subgroup of the kind, so that subgroups differ in their patients and not in their labels. NaN where there is no such
    label; a kind with one subgroup is left out.
    """
    images = repeats[0].images
    rows = []
    for kind in KINDS:
        group = _group(images, kind)
        names = [name for name in sorted(group.unique()) if name]
        if len(names) < 2:
            continue
        subsets = {name: (group == name).to_numpy() for name in names}
        enough = [has_enough(repeats[0], subset) for subset in subsets.values()]
        shared_L = np.logical_and.reduce([repeats[0].averaged_L, *enough])
        scored = {name: [macro_auc(repeat, shared_L, subset) for repeat in repeats] for name, subset in subsets.items()}
        for name, subset in subsets.items():
            areas = [area for area in scored[name] if area is not None]
            interval = t_interval(areas) if areas else None
            rows.append(
                {
                    "cell": cell,
                    "kind": kind,
                    "subgroup": name,
                    "num_images": int(subset.sum()),
                    "num_patients": int(images.loc[subset, "patient"].nunique()),
                    "num_labels": int(shared_L.sum()),
                    "n": len(areas),
                    "auc": interval.mean if interval else np.nan,
                    "half_width": shown_half_width(interval, 0, 1) if interval else np.nan,
                }
            )
    columns = ["cell", "kind", "subgroup", "num_images", "num_patients", "num_labels", "n", "auc", "half_width"]
    frame = pd.DataFrame(rows, columns=columns)
    by_kind = frame.groupby("kind")["auc"]
    return frame.assign(gap=by_kind.transform("max") - by_kind.transform("min"))


def _group(images: pd.DataFrame, kind: str) -> pd.Series:
    """The subgroup of each image; "" where it is not known."""
    if kind != "age band":
        return images[kind].fillna("").astype(str)
    edges = [low for low, _ in AGE_BANDS.values()] + [200]
    bands = pd.cut(images["age_years"], edges, right=False, labels=list(AGE_BANDS))
    return bands.astype(object).fillna("").astype(str)
