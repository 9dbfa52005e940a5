"""What a sweep is judged by: the selection metric and the averaged labels, checked before the first trial."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainables.config import SELECTION_METRICS
from trainables.data.averaging import MIN_POSITIVES, Averaging, definite_counts
from trainables.data.resplit import all_folds, averaging_of
from trainables.data.splits import SPLITS
from trainables.data.store import Store

IN_WORDS = {10: "ten", 3: "three", 1: "one"}


def selection_metric(requested: str | None, default: str, task: str) -> str:
    """The requested metric, or the data set's own.

    Raises:
        ValueError: a set of that task has no such metric.
    """
    metric = requested or default
    if metric not in SELECTION_METRICS[task]:
        raise ValueError(
            f"the --selection-metric of a {task} set must be one of {', '.join(SELECTION_METRICS[task])}, "
            f"but got {metric}"
        )
    return metric


def checked_averaging(store: Store, rule: str, metric: str, num_folds: int = 0) -> Averaging:
    """The labels that all trials on `store` average; checks that `metric` can select an epoch and a configuration.

    With folds, in each of them; the prepared split is then not used.

    Raises:
        ValueError: too few labels are frequent enough to be averaged, or `metric` is not defined on the validation set;
        the message gives the ways out.
    """
    averaging = averaging_of(store, rule, num_folds)
    splits = all_folds(store, num_folds) if num_folds else [store]
    what, each = _what(store), f" of each of {num_folds} folds" if num_folds else ""
    if rule != "defined" and not averaging.names:
        other = " and select by another score (--selection-metric accuracy)" if metric == "auc" else ""
        raise ValueError(
            f"at least half of the {what} of {store.dataset} must have {IN_WORDS[averaging.min_positives]} positives "
            f"and {IN_WORDS[averaging.min_positives]} negatives in the validation set{each}, and both in the test set, "
            f"for an averaged AUC, but in {_num(splits[0], 'validation')} and {_num(splits[0], 'test')} images these "
            f"have too few: {_left_out(splits, averaging)}; merge rare {what}, add images, give validation and test "
            "more of them (--validation-share), or average every one that has a positive and a negative, as the paper "
            f"does (--average-labels defined){other}"
        )
    for fold, split in enumerate(splits, 1):
        check_scorable(split, averaging, metric, f"fold {fold} of {num_folds}" if num_folds else "")
    return averaging


def check_scorable(store: Store, averaging: Averaging, metric: str, which: str = "") -> None:
    """Checks that every trial on this split has the scores that it is selected and compared by.

    Args:
        which: the split, in words, where it is not the prepared one.

    Raises:
        ValueError: it has not; the message gives the ways out.
    """
    where = f" in {which}" if which else ""
    if not _is_defined(store, averaging, metric):
        raise ValueError(
            f"the selection metric must be defined on the validation set, but {metric} is not on the "
            f"{_num(store, 'validation')} validation images of {store.dataset}{where} (positives: "
            f"{_positives(store)}): add images, give validation more of them (--validation-share), or select by "
            "another score (--selection-metric accuracy)"
        )
    for split in SPLITS:
        if metric != "accuracy" or split != "validation":  # who asks for the accuracy can select by it
            _check_two_sided(store, split, where)
    for split in ("validation", "test"):
        lacking = _lacking(store, averaging, split)
        if lacking:
            raise ValueError(
                f"each averaged label must have a positive and a negative in validation and test, but {lacking[0]} has "
                f"only one of them in {split}{where}: merge rare {_what(store)}, add images, or average every one that "
                "has both, as the paper does (--average-labels defined)"
            )


def averaging_tags(averaging: Averaging) -> dict[str, str]:
    """The tags of the runs in MLflow, parent and trials, that describe the averaged labels."""
    return {
        "averaged_labels": json.dumps(averaging.names, ensure_ascii=False),
        "average_rule": averaging.rule,
        "average_min_positives": str(averaging.min_positives),
        "average_is_reliable": str(averaging.is_reliable).lower(),
    }


def averaging_lines(store: Store, averaging: Averaging, num_folds: int = 0) -> list[str]:
    """Lines for the person who starts the sweep: which labels are averaged, and which are not."""
    splits = all_folds(store, num_folds) if num_folds else [store]
    what, least = _what(store), IN_WORDS[averaging.min_positives]
    num_averaged, num_labels = len(averaging.names), len(store.label_names)
    left_out = _left_out(splits, averaging)
    each = f" of each of {num_folds} folds" if num_folds else ""
    if averaging.rule == "defined":
        line = f"averaged: all {what} with a positive and a negative among the images scored, as in the paper: "
        line += f"{num_averaged} of {num_labels} in validation{each}"
    else:
        line = f"averaged: {num_averaged} of {num_labels} {what}, those with at least {least} positives and {least} "
        line += f"negatives in validation{each}"
    lines = [line + (f"; left out: {left_out}" if left_out else "")]
    if not averaging.is_reliable:
        num_frequent = int((_fewest(splits, "validation").min(axis=0) >= MIN_POSITIVES).sum())
        have = "has" if num_frequent == 1 else "have"
        lines.append(
            f"WARNING:  UNRELIABLE: {num_frequent} of {num_labels} {what} {have} ten positives and ten "
            f"negatives in validation{each}: every averaged AUC, and what is selected by one, rests on few images"
        )
    return lines


def _is_defined(store: Store, averaging: Averaging, metric: str) -> bool:
    """Whether every epoch has that score, whatever the student answers; accuracy and F1 need only one image."""
    positives_L, negatives_L = definite_counts(store, "validation")
    if metric == "auc":
        return bool(averaging.names)
    if metric == "kappa":  # even of a constant answer, if the images are of several classes
        return int((positives_L > 0).sum()) > 1
    return bool(positives_L.sum() + negatives_L.sum())


def _lacking(store: Store, averaging: Averaging, split: str) -> list[str]:
    """The averaged labels of which the split has no positive, or no negative."""
    if averaging.rule == "defined":  # averages whatever has both
        return []
    rarer_L = definite_counts(store, split).min(axis=0).tolist()
    return [name for name, num in zip(store.label_names, rarer_L, strict=True) if name in averaging.names and not num]


def _check_two_sided(store: Store, split: str, where: str) -> None:
    """Nothing can be learned or measured where every image gives the same answer to each label."""
    positives_L, negatives_L = definite_counts(store, split)
    if not ((positives_L > 0) & (negatives_L > 0)).any():
        counts = ", ".join(f"{name} {count}" for name, count in zip(store.label_names, positives_L, strict=True))
        raise ValueError(
            f"some label must have a positive and a negative in each split, but in the {_num(store, split)} images for "
            f"{split}{where} none has (positives: {counts}): merge rare {_what(store)}, add images, or give another "
            "--validation-share"
        )


def _what(store: Store) -> str:
    return "classes" if store.task == "multiclass" else "labels"


def _num(store: Store, split: str) -> int:
    return int((store.split == split).sum())


def _positives(store: Store) -> str:
    positives_L = definite_counts(store, "validation")[0]
    return ", ".join(f"{name} {count}" for name, count in zip(store.label_names, positives_L, strict=True))


def _fewest(splits: Sequence[Store], split: str) -> NDArray[np.int64]:
    """As `definite_counts` [2, L], of each label in the split in which it has fewest."""
    return np.min([definite_counts(store, split) for store in splits], axis=0)


def _left_out(splits: Sequence[Store], averaging: Averaging) -> str:
    """The labels that are not averaged, each with the count that is too rare: positives, unless it says otherwise."""
    in_validation, in_test = _fewest(splits, "validation"), _fewest(splits, "test")
    reasons = []
    for column, name in enumerate(splits[0].label_names):
        positives, negatives = in_validation[:, column]
        if name in averaging.names:
            continue
        if positives < averaging.min_positives:
            reasons.append(f"{name} ({positives})")
        elif negatives < averaging.min_positives:
            reasons.append(f"{name} ({negatives} negatives)")
        elif averaging.rule != "defined" and not in_test[:, column].all():
            reasons.append(f"{name} (one class in the test set)")
    return ", ".join(reasons)
