"""DeLong's test of two cells, label by label, where all of their repeats were tested on the same images.

Over splits drawn anew there is no such set of images. Over folds there is, but pooling folds would rank the
probabilities of different students against each other (G. Forman and M. Scholz, SIGKDD Explorations 12, 2010).

Shapes: N test images, L labels or classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.reading.predictions import Predictions
from analysis.stats.delong import delong
from analysis.stats.multiple import holm


def delong_rows(first: tuple[str, Sequence[Predictions]], second: tuple[str, Sequence[Predictions]]) -> pd.DataFrame:
    """One row per label that the sweep averages: first, second, label, auc_first, auc_second, p, p_holm.

    The scores are each cell's mean probability over its repeats. Empty where not all repeats of the two were tested on
    the same images. Labels with fewer than two positives or negatives are left out, since they have no variance.
    """
    (name, repeats), (other_name, others) = first, second
    columns = ["first", "second", "label", "auc_first", "auc_second", "p"]
    images = repeats[0].images["image"]
    if not all(repeat.images["image"].equals(images) for repeat in [*repeats, *others]):
        return pd.DataFrame(columns=[*columns, "p_holm"])
    score_NL, other_NL = (np.mean([repeat.probabilities_NL for repeat in cell], axis=0) for cell in (repeats, others))
    rows = []
    for column in np.flatnonzero(repeats[0].averaged_L):
        known_N = repeats[0].known_NL[:, column]
        positive_N = repeats[0].positive_NL[known_N, column]
        if min(positive_N.sum(), (~positive_N).sum()) < 2:
            continue
        test = delong(score_NL[known_N, column], other_NL[known_N, column], positive_N)
        label = repeats[0].label_names[column]
        rows.append((name, other_name, label, test.auc_first, test.auc_second, test.p_value))
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(p_holm=holm(frame["p"].to_numpy(dtype=float)))
