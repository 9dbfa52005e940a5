"""Training, validation and test images: exact in number, disjoint in patients, alike in labels; and nested fractions.

Counts: Table II of Akbarian et al. 2020; a smaller set is split in the same proportions.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trainables.data.catalogue import DATASETS
from trainables.data.hold_out import hold_out
from trainables.data.listing import EXTRA_TEST, Listing
from trainables.data.stratify import deal, even_order, kinds_of_patients

SPLITS = ("train", "validation", "test")

OWN_VALIDATION_SHARE = 0.1  # CheXclusion's, and as much for the test set, for sets that Table II does not have


def check_validation_share(share: float) -> None:
    """Whether validation and test can each be `share` of the images.

    Raises:
        ValueError: they cannot.
    """
    if not 0 < share < 0.5:
        raise ValueError(
            f"0 < validation share < 0.5 must hold, but got {share}: it is a part of the images, and as many again are "
            "the test set; 0.2 trains on 60%"
        )


def split_rows(
    listing: Listing, seed: int, is_official: bool, validation_share: float | None, held_out: str | None
) -> tuple[Listing, pd.DataFrame]:
    """The listing without what no split uses, and its rows with their `split` and `train_rank`.

    Args:
        is_official: the release's own split instead of one drawn with Table II's counts.
        validation_share: as in `counts_for` and `official_split`.
        held_out: the finding that all training goes without (`trainables.data.hold_out`); None for none.

    Raises:
        ValueError: no such split can be made, or the finding cannot be held out.
    """
    if is_official:
        split = official_split(listing.rows, listing.dataset, seed=seed, validation_share=validation_share)
    else:
        listing = listing.without_extra_test()
        counts = counts_for(listing.dataset, len(listing.rows), validation_share)
        split = split_patients(listing.rows, counts, seed=seed)
    if held_out:
        listing, split, _ = hold_out(listing, split, held_out)
    return listing, listing.rows.assign(split=split, train_rank=train_rank(listing.rows, split, seed=seed))


def counts_for(dataset: str, num_images: int, validation_share: float | None = None) -> dict[str, int]:
    """How many images each split gets: Table II's own numbers for the full set, its proportions for another.

    Args:
        validation_share: of the images for validation, and as many again for the test; None for Table II's shares, or
            a tenth each of a set that the table does not have.

    Raises:
        ValueError: there are too few images for three splits, or the share is out of range.
    """
    table = DATASETS[dataset].split_counts if dataset in DATASETS else {}
    if validation_share is None and table:
        if num_images == sum(table.values()):
            return dict(table)
        shares = {name: table[name] / sum(table.values()) for name in ("validation", "test")}
    else:
        share = OWN_VALIDATION_SHARE if validation_share is None else validation_share
        check_validation_share(share)
        shares = {"validation": share, "test": share}
    counts = {name: round(num_images * share) for name, share in shares.items()}
    counts = {"train": num_images - sum(counts.values()), **counts}
    if min(counts.values()) < 1:
        raise ValueError(
            f"there must be enough images for three splits, but {dataset} has {num_images}, which gives "
            + ", ".join(f"{counts[name]} of {name}" for name in SPLITS)
        )
    return counts


def split_patients(rows: pd.DataFrame, counts: Mapping[str, int], *, seed: int) -> NDArray[np.str_]:
    """The split of each row [N]: no patient in two, as many images in each as `counts` says, and labels in proportion.

    Where the patients' sizes do not allow the exact numbers (two images each, and an odd count), they are met as nearly
    as can be. How the labels are kept in proportion: `trainables.data.stratify`.

    Raises:
        ValueError: there are fewer than three patients, or `counts` does not add up to the rows.
    """
    if sum(counts.values()) != len(rows):
        raise ValueError(f"the counts must add up to {len(rows)} images, but got {dict(counts)}")
    patient_N, names = pd.factorize(rows["patient"])
    if len(names) < len(SPLITS):
        raise ValueError(f"three splits need at least three patients, but there are {len(names)}")
    kinds_PK = kinds_of_patients(_labels(rows), patient_N)
    part_P = deal(kinds_PK, [counts[name] for name in SPLITS], np.random.default_rng((seed, 0)))
    return np.array(SPLITS)[part_P[patient_N]]


def official_split(
    rows: pd.DataFrame, dataset: str, *, seed: int, validation_share: float | None = None
) -> NDArray[np.str_]:
    """The release's own split of each row [N].

    Where a release has two parts (NIH: train and test; CheXpert: train and the radiologists' images) the smaller one is
    the test set, and `validation_share` of the other's images (None for a tenth), whole patients with labels in
    proportion, is the validation set.

    Raises:
        ValueError: the release has no split, a patient is in two parts of it, it has a validation set already and a
            share is given, or its training part has a single patient.
    """
    split_N = rows["official_split"].replace(EXTRA_TEST, "test").to_numpy(str)
    parts = set(split_N)
    if not {"train"} < parts or "" in parts:
        raise ValueError(f"{dataset} must come with a split of its own for --split official, but has none: use drawn")
    if (pd.Series(split_N).groupby(rows["patient"].to_numpy()).nunique() > 1).any():
        raise ValueError(f"no patient may be in two splits, but the official one of {dataset} has such: use drawn")
    if parts == {"train", "validation"}:
        split_N = np.where(split_N == "validation", "test", split_N)
    elif "validation" in parts:
        if validation_share is not None:
            raise ValueError(
                f"the official split of {dataset} has a validation set of its own: leave out --validation-share "
                f"{validation_share:g}, or use --split drawn"
            )
        return split_N
    share = OWN_VALIDATION_SHARE if validation_share is None else validation_share
    check_validation_share(share)
    return _with_validation(rows, split_N, share, np.random.default_rng((seed, 2)))


def train_rank(rows: pd.DataFrame, split: NDArray[np.str_], *, seed: int) -> NDArray[np.int64]:
    """An order of the training images [N], -1 elsewhere: the first n are a training set, nested in every larger one.

    Whole patients follow one another (only the last one of a fraction may be cut), labels in proportion from the start.
    """
    train = np.flatnonzero(split == "train")
    rank = np.full(len(rows), -1, np.int64)
    if not len(train):
        return rank
    patient_M, names = pd.factorize(rows["patient"].iloc[train])
    order = even_order(kinds_of_patients(_labels(rows)[train], patient_M), np.random.default_rng((seed, 1)))
    position_P = np.empty(len(names), np.int64)
    position_P[order] = np.arange(len(names))
    ranked = train[np.argsort(position_P[patient_M], kind="stable")]
    rank[ranked] = np.arange(len(ranked))
    return rank


def _labels(rows: pd.DataFrame) -> NDArray[np.int8]:
    return np.stack(rows["labels"].to_list())


def _with_validation(
    rows: pd.DataFrame, split_N: NDArray[np.str_], share: float, rng: np.random.Generator
) -> NDArray[np.str_]:
    """The split with `share` of the training images, whole patients, turned into the validation set."""
    train = np.flatnonzero(split_N == "train")
    patient_M, names = pd.factorize(rows["patient"].iloc[train])
    if len(names) < 2:
        raise ValueError("the official training part must have two patients or more, but has one: use --split drawn")
    num_validation = max(1, round(len(train) * share))
    counts = [len(train) - num_validation, num_validation]
    part_P = deal(kinds_of_patients(_labels(rows)[train], patient_M), counts, rng)
    split_N = split_N.astype("<U10")
    split_N[train[part_P[patient_M] == 1]] = "validation"
    return split_N
