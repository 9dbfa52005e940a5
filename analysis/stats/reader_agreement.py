"""How far readers agree: Fleiss' kappa and the share of subjects on which all are of one mind.

Shapes: N subjects, R readers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def fleiss_kappa(counts_NC: NDArray[np.integer]) -> float:
    """Agreement of readers beyond chance (J. Fleiss, Psychological Bulletin 76, 1971); NaN where only one category
    is ever used, since chance alone would then agree as often.

    Args:
        counts_NC: how many readers put each subject into each of C categories; the same number for every subject.

    >>> round(fleiss_kappa(np.array([[2, 0], [0, 2], [1, 1]])), 3)
    0.333

    Raises:
        ValueError: there is no subject, or fewer than two readers, or not the same number for all.
    """
    readers_N = counts_NC.sum(axis=1)
    if not len(counts_NC) or readers_N.min() < 2 or readers_N.min() != readers_N.max():
        raise ValueError(
            f"every subject needs two readers or more, and the same number of them, but got {sorted(set(readers_N))}"
        )
    num_readers = int(readers_N[0])
    agreed_N = (counts_NC * (counts_NC - 1)).sum(axis=1) / (num_readers * (num_readers - 1))
    share_C = counts_NC.sum(axis=0) / counts_NC.sum()
    by_chance = float((share_C**2).sum())
    return float((agreed_N.mean() - by_chance) / (1 - by_chance)) if by_chance < 1 else float("nan")


def majority_of_others(positive_NR: NDArray[np.bool_], reader: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """What most of the other readers say of each subject, [N], and whether there is such a majority: False in a tie."""
    others_NR = np.delete(positive_NR, reader, axis=1)
    doubled_N = 2 * others_NR.sum(axis=1)
    return doubled_N > others_NR.shape[1], doubled_N != others_NR.shape[1]
