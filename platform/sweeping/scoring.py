"""What a sweep is judged by: the selection metric and the averaged labels, checked before the first trial."""

from __future__ import annotations

import json

from trainables.config import SELECTION_METRICS
from trainables.data.averaging import MIN_POSITIVES, Averaging, averaged_labels, definite_counts
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


def checked_averaging(store: Store, rule: str, metric: str) -> Averaging:
    """The labels that all trials on `store` average; checks that `metric` can select an epoch and a configuration.

    Raises:
        ValueError: too few labels are frequent enough to be averaged, or `metric` is not defined on the validation set;
        the message gives the ways out.
    """
    averaging = averaged_labels(store, rule)
    what = _what(store)
    if rule != "defined" and not averaging.names:
        other = " and select by another score (--selection-metric accuracy)" if metric == "auc" else ""
        raise ValueError(
            f"at least half of the {what} of {store.dataset} must have {IN_WORDS[averaging.min_positives]} positives "
            f"and {IN_WORDS[averaging.min_positives]} negatives in the validation set, and both in the test set, for "
            f"an averaged AUC, but in {_num(store, 'validation')} and {_num(store, 'test')} images these have too few: "
            f"{_left_out(store, averaging)}; merge rare {what}, add images, give validation and test more of them "
            "(--validation-share), or average every one that has a positive and a negative, as the paper does "
            f"(--average-labels defined){other}"
        )
    if not _is_defined(store, averaging, metric):
        raise ValueError(
            f"the selection metric must be defined on the validation set, but {metric} is not on the "
            f"{_num(store, 'validation')} validation images of {store.dataset} (positives: {_positives(store)}): add "
            "images, give validation more of them (--validation-share), or select by another score "
            "(--selection-metric accuracy)"
        )
    for split in SPLITS:
        if metric != "accuracy" or split != "validation":  # who asks for the accuracy can select by it
            _check_two_sided(store, split)
    return averaging


def averaging_tags(averaging: Averaging) -> dict[str, str]:
    """The tags of the runs in MLflow, parent and trials, that describe the averaged labels."""
    return {
        "averaged_labels": json.dumps(averaging.names, ensure_ascii=False),
        "average_rule": averaging.rule,
        "average_min_positives": str(averaging.min_positives),
        "average_is_reliable": str(averaging.is_reliable).lower(),
    }


def averaging_lines(store: Store, averaging: Averaging) -> list[str]:
    """Lines for the person who starts the sweep: which labels are averaged, and which are not."""
    what, least = _what(store), IN_WORDS[averaging.min_positives]
    num_averaged, num_labels = len(averaging.names), len(store.label_names)
    left_out = _left_out(store, averaging)
    if averaging.rule == "defined":
        line = f"averaged: all {what} with a positive and a negative among the images scored, as in the paper: "
        line += f"{num_averaged} of {num_labels} in validation"
    else:
        line = f"averaged: {num_averaged} of {num_labels} {what}, those with at least {least} positives and {least} "
        line += "negatives in validation"
    lines = [line + (f"; left out: {left_out}" if left_out else "")]
    if not averaging.is_reliable:
        num_frequent = int((definite_counts(store, "validation").min(axis=0) >= MIN_POSITIVES).sum())
        have = "has" if num_frequent == 1 else "have"
        lines.append(
            f"WARNING:  UNRELIABLE: {num_frequent} of {num_labels} {what} {have} ten positives and ten "
            "negatives in validation: every averaged AUC, and what is selected by one, rests on few images"
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


def _check_two_sided(store: Store, split: str) -> None:
    """Nothing can be learned or measured where every image gives the same answer to each label."""
    positives_L, negatives_L = definite_counts(store, split)
    if not ((positives_L > 0) & (negatives_L > 0)).any():
        counts = ", ".join(f"{name} {count}" for name, count in zip(store.label_names, positives_L, strict=True))
        raise ValueError(
            f"some label must have a positive and a negative in each split, but in the {_num(store, split)} images for "
            f"{split} none has (positives: {counts}): merge rare {_what(store)}, add images, or give another "
            "--validation-share"
        )


def _what(store: Store) -> str:
    return "classes" if store.task == "multiclass" else "labels"


def _num(store: Store, split: str) -> int:
    return int((store.split == split).sum())


def _positives(store: Store) -> str:
    positives_L = definite_counts(store, "validation")[0]
    return ", ".join(f"{name} {count}" for name, count in zip(store.label_names, positives_L, strict=True))


def _left_out(store: Store, averaging: Averaging) -> str:
    """The labels that are not averaged, each with the count that is too rare: positives, unless it says otherwise."""
    in_validation, in_test = definite_counts(store, "validation"), definite_counts(store, "test")
    reasons = []
    for column, name in enumerate(store.label_names):
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
