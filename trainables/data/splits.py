"""Training, validation and test images: exact in number, disjoint in patients, alike in labels; and nested fractions.

Counts: Table II of Akbarian et al. 2020; a smaller set is split in the same proportions.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trainables.data.listing import EXTRA_TEST

SPLITS = ("train", "validation", "test")

TABLE_II = {
    "retina": {"train": 21_126, "validation": 7_000, "test": 7_000},
    "chexpert": {"train": 178_352, "validation": 23_022, "test": 22_274},
    "chestxray8": {"train": 3_589, "validation": 848, "test": 1_169},
}
OWN_SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}  # CheXclusion's, for sets that Table II does not have


def counts_for(dataset: str, num_images: int) -> dict[str, int]:
    """How many images each split gets: Table II's own numbers for the full set, its proportions for another.

    Raises:
        ValueError: there are too few images for three splits.
    """
    table = TABLE_II.get(dataset)
    if table is not None and num_images == sum(table.values()):
        return dict(table)
    shares = {name: count / sum(table.values()) for name, count in table.items()} if table else OWN_SHARES
    counts = {name: round(num_images * shares[name]) for name in ("validation", "test")}
    counts = {"train": num_images - sum(counts.values()), **counts}
    if min(counts.values()) < 1:
        raise ValueError(f"there must be enough images for three splits, but {dataset} has {num_images}")
    return counts


def split_patients(rows: pd.DataFrame, counts: Mapping[str, int], *, seed: int) -> NDArray[np.str_]:
    """The split of each row [N]: no patient in two, and as many images in each as `counts` says.

    Patients are dealt in an order that spreads the strata evenly (a patient's stratum is its rarest label), to the
    split that lags furthest behind its share; at the end patients of few images fill what is left. Where the patients'
    sizes do not allow the exact number (two images each, and an odd count), the training split takes the difference.

    Raises:
        ValueError: there are fewer than three patients, or `counts` does not add up to the rows.
    """
    if sum(counts.values()) != len(rows):
        raise ValueError(f"the counts must add up to {len(rows)} images, but got {dict(counts)}")
    patient_N, names = pd.factorize(rows["patient"])
    if len(names) < len(SPLITS):
        raise ValueError(f"three splits need at least three patients, but there are {len(names)}")
    sizes_P = np.bincount(patient_N)
    order = _spread_strata(_strata(rows, patient_N, len(names)), np.random.default_rng((seed, 0)))
    # Large patients first within equal turns would break the strata; instead the small ones are kept for the end.
    order = np.concatenate([order[sizes_P[order] > 1], order[sizes_P[order] == 1]])

    split_P = np.zeros(len(names), np.int64)
    wanted = np.array([counts[name] for name in SPLITS], float)
    free = wanted.copy()
    for patient in order:
        size = sizes_P[patient]
        fits = free >= size
        lag = np.where(fits, free / wanted, -1.0)
        chosen = int(lag.argmax()) if fits.any() else 0
        split_P[patient] = chosen
        free[chosen] -= size
    _give_each_one(split_P, order)
    return np.array(SPLITS)[split_P[patient_N]]


def official_split(rows: pd.DataFrame, dataset: str, *, seed: int) -> NDArray[np.str_]:
    """The release's own split of each row [N].

    Where a release has two parts (NIH: train and test; CheXpert: train and the radiologists' images) the smaller one is
    the test set, and a tenth of the patients of the other one, drawn, is the validation set.

    Raises:
        ValueError: the release has no split, or a patient is in two parts of it.
    """
    split_N = rows["official_split"].replace(EXTRA_TEST, "test").to_numpy(str)
    parts = set(split_N)
    if not {"train"} < parts or "" in parts:
        raise ValueError(f"{dataset} must come with a split of its own for --split official, but has none: use drawn")
    if (pd.Series(split_N).groupby(rows["patient"].to_numpy()).nunique() > 1).any():
        raise ValueError(f"no patient may be in two splits, but the official one of {dataset} has such: use drawn")
    if parts == {"train", "validation"}:
        split_N = np.where(split_N == "validation", "test", split_N)
    if "validation" not in set(split_N):
        patient_N, names = pd.factorize(rows["patient"])
        is_train_P = np.zeros(len(names), bool)
        is_train_P[patient_N[split_N == "train"]] = True
        order = _spread_strata(_strata(rows, patient_N, len(names)), np.random.default_rng((seed, 2)))
        chosen = order[is_train_P[order]][: max(1, round(is_train_P.sum() * OWN_SHARES["validation"]))]
        split_N = np.where(np.isin(patient_N, chosen), "validation", split_N)
    return split_N


def train_rank(rows: pd.DataFrame, split: NDArray[np.str_], *, seed: int) -> NDArray[np.int64]:
    """An order of the training images [N], -1 elsewhere: the first n are a training set, nested in every larger one.

    Whole patients follow one another (only the last one of a fraction may be cut), strata spread evenly.
    """
    patient_N, names = pd.factorize(rows["patient"])
    order = _spread_strata(_strata(rows, patient_N, len(names)), np.random.default_rng((seed, 1)))
    position_P = np.empty(len(names), np.int64)
    position_P[order] = np.arange(len(names))
    train = np.flatnonzero(split == "train")
    ranked = train[np.argsort(position_P[patient_N[train]], kind="stable")]
    rank = np.full(len(rows), -1, np.int64)
    rank[ranked] = np.arange(len(ranked))
    return rank


def _strata(rows: pd.DataFrame, patient_N: NDArray[np.int64], num_patients: int) -> NDArray[np.int64]:
    """A patient's stratum [P]: the rarest of its labels."""
    labels_NL = np.stack(rows["labels"].to_list())
    # For "multiclass" a label is a class; else a label counts where it is positive.
    kinds_NK = labels_NL == np.arange(labels_NL.max() + 1) if labels_NL.shape[1] == 1 else labels_NL == 1
    rarest_first = np.argsort(kinds_NK.sum(axis=0), kind="stable")
    stratum_P = np.full(num_patients, kinds_NK.shape[1])
    for place in reversed(range(len(rarest_first))):
        stratum_P[patient_N[kinds_NK[:, rarest_first[place]]]] = place
    return stratum_P


def _spread_strata(stratum_P: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """The patients in a random order in which every stretch has the strata in their own proportions."""
    num_patients = len(stratum_P)
    shuffled = rng.permutation(num_patients)
    by_stratum = shuffled[np.argsort(stratum_P[shuffled], kind="stable")]
    sizes = np.bincount(stratum_P)
    starts = np.cumsum(sizes) - sizes
    sorted_strata = stratum_P[by_stratum]
    place_in_stratum = np.arange(num_patients) - starts[sorted_strata]
    quantile = (place_in_stratum + rng.uniform(size=num_patients)) / sizes[sorted_strata]
    return by_stratum[np.argsort(quantile, kind="stable")]


def _give_each_one(split_P: NDArray[np.int64], order: NDArray[np.int64]) -> None:
    """In a tiny set a split may have got no patient: it takes one of training."""
    for split in (1, 2):
        if not (split_P == split).any():
            training = order[split_P[order] == 0]
            split_P[training[-1]] = split
