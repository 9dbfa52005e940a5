"""Which labels a sweep's AUC is averaged over: one set for all its trials, decided by the store and a rule alone.

An AUC of a label with one positive image is as good as noise, and so is a mean in which it weighs as much as the
others. So a label has to be frequent enough in the validation set, by which epochs and configurations are selected.

Shapes: N images of a split, L labels or classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainables.config import AVERAGE_RULES
from trainables.data.listing import POSITIVE, UNCERTAIN
from trainables.data.store import Store

# Ours: with 13 positives the 95% interval of an AUC of 0.8 is about +-0.15 (measured on 1,100 images), with 3 +-0.30.
MIN_POSITIVES = 10
MIN_POSITIVES_UNRELIABLE = 3


@dataclass(frozen=True, kw_only=True)
class Averaging:
    """The labels (or classes) whose AUCs are averaged, and how much that average can be trusted."""

    rule: str  # one of trainables.config.AVERAGE_RULES
    names: tuple[str, ...]  # in the store's order; none where no rule but "defined" could have any
    min_positives: int  # definite positives, and negatives, of each in the validation set: 10, 3, or 1 under "defined"
    is_reliable: bool  # whether each of them has MIN_POSITIVES and as many negatives there


def averaged_labels(store: Store, rule: str, others: Sequence[Store] = ()) -> Averaging:
    """The labels that the AUC of every trial on `store` is averaged over.

    "frequent": those with `MIN_POSITIVES` definite positives and as many negatives in the validation set, and both in
    the test set. Where fewer than half of the labels have them, those with `MIN_POSITIVES_UNRELIABLE`; where fewer than
    half have these either, none. "defined" is the rule of Akbarian et al. 2020: every label that has both classes in
    whichever split is scored; `names` are those of the validation set. An uncertain label counts for neither class, so
    that the set is the same under each policy on uncertain labels. Of the test set only labels are read, no image.

    Args:
        others: the same images in other splits: what a label must have, it must then have in each of them.

    Raises:
        ValueError: there is no such rule.
    """
    if rule not in AVERAGE_RULES:
        raise ValueError(f"the rule must be one of {', '.join(AVERAGE_RULES)}, but got {rule!r}")
    rarer_L = _rarest(store, others, "validation")
    if rule == "defined":
        chosen_L, least = rarer_L > 0, 1
    else:
        scored_L = _rarest(store, others, "test") > 0
        for least in (MIN_POSITIVES, MIN_POSITIVES_UNRELIABLE):
            chosen_L = scored_L & (rarer_L >= least)
            if 2 * chosen_L.sum() >= len(chosen_L):
                break
        else:
            chosen_L = np.zeros_like(scored_L)
    return Averaging(
        rule=rule,
        names=tuple(name for name, chosen in zip(store.label_names, chosen_L, strict=True) if chosen),
        min_positives=least,
        is_reliable=bool(chosen_L.any() and rarer_L[chosen_L].min() >= MIN_POSITIVES),
    )


def _rarest(store: Store, others: Sequence[Store], split: str) -> NDArray[np.int64]:
    """How many images of its rarer class each label has [L]: in the split, and in the one that has fewest."""
    return np.min([definite_counts(each, split) for each in (store, *others)], axis=(0, 1))


def definite_counts(store: Store, split: str) -> NDArray[np.int64]:
    """How many images of a split show each label, and how many do not [2, L]; an uncertain label counts for neither."""
    codes_NL = store.labels[store.split == split]
    if store.task == "multiclass":
        positive_NL = codes_NL == np.arange(len(store.label_names))
        return np.array([positive_NL.sum(axis=0), (~positive_NL).sum(axis=0)])
    positives_L = (codes_NL == POSITIVE).sum(axis=0)
    return np.array([positives_L, (codes_NL != UNCERTAIN).sum(axis=0) - positives_L])
