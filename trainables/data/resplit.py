"""Other splits of a prepared data set: drawn anew for repeats that vary the split, and the folds of a cross-validation.

Which images a test set holds is a source of variance, as the seed is (Bouthillier et al. 2021, arXiv:2103.03098). A
split here is laid over the store: no pixel is copied, nothing is written, and the same store gives the same splits
everywhere, whatever the size of its images. No patient is in two parts of a split, and labels are in proportion, as in
the prepared split (`trainables.data.splits`).

Shapes: N images.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trainables.config import TrialConfig
from trainables.data.averaging import Averaging, averaged_labels
from trainables.data.splits import SPLITS, split_patients, train_rank
from trainables.data.store import Store
from trainables.data.stratify import deal, kinds_of_patients

held: dict[tuple[str, int, str], Averaging] = {}  # of the last cross-validation: a worker's next trial asks again


def split_for(prepared: Store, config: TrialConfig) -> Store:
    """The data set as a trial of that configuration splits it; raises what `redrawn` and `folded` raise."""
    if config.fold:
        return folded(prepared, config.num_folds, config.fold)
    return redrawn(prepared, config.split_draw) if config.split_draw else prepared


def redrawn(prepared: Store, draw: int) -> Store:
    """The split number `draw`, from 1: the prepared split's numbers of images, other patients.

    Raises:
        ValueError: the prepared data set holds a finding out.
    """
    _check_whole(prepared)
    counts = {name: len(prepared.rows(name)) for name in SPLITS}
    rows, seed = _rows(prepared), _seed(prepared, f"draw {draw}")
    split_N = split_patients(rows, counts, seed=seed)
    return prepared.with_split(split_N, train_rank(rows, split_N, seed=seed))


def folded(prepared: Store, num_folds: int, fold: int) -> Store:
    """The split in which fold number `fold`, from 1, is the test set.

    The folds together hold each image once, and are as equal in size as the patients allow. Of the other folds' images,
    validation has the share that it has of the prepared training and validation images.

    Raises:
        ValueError: there are fewer patients than folds, or than two beyond the test set; or as `redrawn`.
    """
    rows = _rows(prepared)
    split_N = _split_of_fold(prepared, rows, _folds(prepared, rows, num_folds), fold)
    return prepared.with_split(split_N, train_rank(rows, split_N, seed=_seed(prepared, f"fold {fold}/{num_folds}")))


def all_folds(prepared: Store, num_folds: int) -> list[Store]:
    """Every fold's split, as `folded` makes them, but without the nested order of the training images."""
    rows = _rows(prepared)
    fold_N = _folds(prepared, rows, num_folds)
    splits = [_split_of_fold(prepared, rows, fold_N, fold) for fold in range(1, num_folds + 1)]
    return [prepared.with_split(split_N, np.full(len(rows), -1)) for split_N in splits]


def averaging_of(prepared: Store, rule: str, num_folds: int = 0) -> Averaging:
    """The labels whose AUCs every trial of the sweep averages, whichever split it is on.

    They are those of the prepared split, also where repeats draw others: those have the same numbers of images and the
    same shares of labels, and a mean over other labels would be another score. With folds, which the prepared split has
    nothing to do with, a label must be frequent in each fold's validation set, and have both classes in each test set.
    """
    if not num_folds:
        return averaged_labels(prepared, rule)
    key = (prepared.fingerprint, num_folds, rule)
    if key in held:
        return held[key]
    first, *others = all_folds(prepared, num_folds)
    averaging = averaged_labels(first, rule, others)
    if prepared.fingerprint:  # blank images have none
        held.clear()
        held[key] = averaging
    return averaging


def _rows(prepared: Store) -> pd.DataFrame:
    """What `trainables.data.splits` needs to know of each image."""
    return pd.DataFrame({"patient": prepared.patient, "labels": list(prepared.labels)})


def _folds(prepared: Store, rows: pd.DataFrame, num_folds: int) -> NDArray[np.int64]:
    """The fold of each image [N], from 1."""
    _check_whole(prepared)
    patient_N, names = pd.factorize(rows["patient"])
    if len(names) < max(num_folds, 3):
        raise ValueError(
            f"{num_folds} folds need at least {max(num_folds, 3)} patients, since all images of one are in one fold, "
            f"but {prepared.dataset} has {len(names)}: give a smaller --folds"
        )
    counts = [len(part) for part in np.array_split(np.arange(len(rows)), num_folds)]
    rng = np.random.default_rng((_seed(prepared, f"folds {num_folds}"), 0))
    return deal(kinds_of_patients(prepared.labels, patient_N), counts, rng)[patient_N] + 1


def _split_of_fold(prepared: Store, rows: pd.DataFrame, fold_N: NDArray[np.int64], fold: int) -> NDArray[np.str_]:
    """The split [N] with that fold as its test set."""
    split_N = np.where(fold_N == fold, "test", "train").astype("<U10")
    rest = np.flatnonzero(fold_N != fold)
    patient_M, names = pd.factorize(rows["patient"].iloc[rest])
    if len(names) < 2:
        raise ValueError(
            f"training and validation need two patients or more, but in fold {fold} of {fold_N.max()} there is "
            f"{len(names)} beyond the test set: give a larger --folds, or more patients"
        )
    num_validation, num_train = (len(prepared.rows(name)) for name in ("validation", "train"))
    num_validation = max(1, round(len(rest) * num_validation / (num_validation + num_train)))
    rng = np.random.default_rng((_seed(prepared, f"fold {fold}/{fold_N.max()}"), 0))
    part_P = deal(
        kinds_of_patients(prepared.labels[rest], patient_M), [len(rest) - num_validation, num_validation], rng
    )
    split_N[rest[part_P[patient_M] == 1]] = "validation"
    return split_N


def _check_whole(prepared: Store) -> None:
    if prepared.held_out:
        raise ValueError(
            f"{prepared.held_out} is held out of training and validation, but not of the test set, so its images "
            "cannot be split anew: leave out --hold-out, or splits and --folds"
        )


def _seed(prepared: Store, what: str) -> int:
    """Another one for each prepared split, and for each thing that is drawn."""
    digest = hashlib.sha256(f"{prepared.split_fingerprint} {what}".encode()).digest()
    return int.from_bytes(digest[:4], "little")
