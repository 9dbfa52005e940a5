"""Iterative stratification over patients: each label has its share in every part, and in every stretch of an order.

After Sechidis, Tsoumakas and Vlahavas 2011, *On the Stratification of Multi-Label Data*: rarest labels first, each
example to the part that needs it most. Ours deals patients instead of images, looks at all labels of a patient and not
only at the rarest, and meets the number of images exactly, by exchanges at the end. Neither scikit-learn's
StratifiedGroupKFold nor the package iterative-stratification deals patients with several labels, or meets exact counts.

Shapes: N images, L labels, P patients, S parts, K kinds of image: what the labels of an image can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainables.data.listing import POSITIVE, UNCERTAIN

IMAGES_WEIGHT = 1000.0  # of the number of images in an exchange: it is met before any share
FEW_PATIENTS, MOST_DEALS = 300, 20  # a small set is dealt again where pairwise exchanges do not meet the numbers
SMALLEST_STRETCH = 8  # patients that are not dealt any further
SMALLEST_GOAL = 1e-3  # images of a kind; only so that nothing is divided by zero

Entries = list[list[tuple[int, float]]]


class Effort(NamedTuple):
    """How hard exchanges of patients between parts try to meet the goal."""

    num_candidates: int  # patients of each part that one exchange chooses from
    max_exchanges: int


WHOLE_SET, HALVES = Effort(1000, 200), Effort(64, 20)  # there are thousands of halves


def kinds_of_patients(labels_NL: NDArray[np.int8], patient_N: NDArray[np.int64]) -> NDArray[np.float64]:
    """How many images of each kind a patient has [P, K], rarest kind first; the last column counts all its images.

    A kind is a class; or, label by label, what is positive, what is uncertain, and what is negative where that is
    rarer than positive. Kinds that all images have, or none, are left out.
    """
    if labels_NL.shape[1] == 1 and labels_NL.max() > POSITIVE:
        is_kind_NK = labels_NL == np.arange(labels_NL.max() + 1)
    else:
        is_positive, is_uncertain = labels_NL == POSITIVE, labels_NL == UNCERTAIN
        is_negative = ~is_positive & ~is_uncertain
        is_rare = is_negative.sum(axis=0) < is_positive.sum(axis=0)
        is_kind_NK = np.hstack([is_positive, is_uncertain, is_negative[:, is_rare]])
    sizes_K = is_kind_NK.sum(axis=0)
    varies = np.flatnonzero((sizes_K > 0) & (sizes_K < len(labels_NL)))
    columns = [is_kind_NK[:, kind] for kind in varies[np.argsort(sizes_K[varies], kind="stable")]]
    columns.append(np.ones(len(labels_NL), bool))
    return np.stack([np.bincount(patient_N, column) for column in columns], axis=1)


def deal(kinds_PK: NDArray[np.float64], counts: Sequence[int], rng: np.random.Generator) -> NDArray[np.int64]:
    """The part of each patient [P]: `counts` images in each of the S parts, and each kind in proportion.

    A kind that as many patients have as there are parts is in each part at least once, where that can be; the first
    part, the largest, gives way for it. Where the patients' sizes do not allow the exact numbers, they are met as
    nearly as can be. No part is without a patient.

    Raises:
        ValueError: there are fewer patients than parts.
    """
    if len(kinds_PK) < len(counts):
        raise ValueError(f"{len(counts)} parts need at least as many patients, but there are {len(kinds_PK)}")
    goal_SK = np.outer(np.array(counts) / sum(counts), kinds_PK.sum(axis=0))
    is_in_all_K = (kinds_PK > 0).sum(axis=0) >= len(counts)
    goal_SK[1:, is_in_all_K] = np.maximum(goal_SK[1:, is_in_all_K], 1)
    goal_SK[0] = np.maximum(kinds_PK.sum(axis=0) - goal_SK[1:].sum(axis=0), SMALLEST_GOAL)
    entries, num_images_P = _entries(kinds_PK), kinds_PK[:, -1]
    least = np.inf
    for _ in range(MOST_DEALS if len(kinds_PK) <= FEW_PATIENTS else 1):
        order = _rarest_first(kinds_PK, rng)
        part_P = np.empty(len(kinds_PK), np.int64)
        part_P[order] = _deal_in_turn(entries, order, goal_SK, rng)
        part_P = _exchange(kinds_PK, part_P, goal_SK, rng)
        _give_each_one(part_P, num_images_P, len(counts))
        missed = np.abs(np.bincount(part_P, num_images_P, len(counts)) - counts).sum()
        if missed < least:
            best_P, least = part_P, missed
        if missed == 0:
            break
    return best_P


def even_order(kinds_PK: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """The patients in a random order [P] in which every stretch, above all at the start, has each kind in proportion.

    Halves of halves: each is dealt into two of the same number of images and the same shares.
    """
    entries = _entries(kinds_PK)

    def halved(patients: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        if len(patients) <= SMALLEST_STRETCH:
            return [rng.permutation(patients)]
        goal_SK = np.tile(kinds_PK[patients].sum(axis=0) / 2, (2, 1))
        part = _deal_in_turn(entries, patients, goal_SK, rng)
        if len(patients) >= HALVES.num_candidates:
            part = _exchange(kinds_PK[patients], part, goal_SK, rng, HALVES)
        return [*halved(patients[part == 0]), *halved(patients[part == 1])]

    return np.concatenate(halved(_rarest_first(kinds_PK, rng)))


def _rarest_first(kinds_PK: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """The patients by their rarest kind, those with most images of it first, else in random order."""
    shuffled = rng.permutation(len(kinds_PK))
    rarest_P = (kinds_PK > 0).argmax(axis=1)
    num_P = kinds_PK[np.arange(len(kinds_PK)), rarest_P]
    return shuffled[np.lexsort((-num_P[shuffled], rarest_P[shuffled]))]


def _entries(kinds_PK: NDArray[np.float64]) -> Entries:
    """The kinds that each patient has, and how often: Python deals these faster than arrays of a few numbers."""
    patients, kinds = np.nonzero(kinds_PK)
    pairs = list(zip(kinds.tolist(), kinds_PK[patients, kinds].tolist(), strict=True))
    ends = np.bincount(patients, minlength=len(kinds_PK)).cumsum().tolist()
    return [pairs[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def _deal_in_turn(
    entries: Entries, order: NDArray[np.int64], goal_SK: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """The part of each patient of `order`, in that order: the one that needs its images most, measured by the goal."""
    need = [[1.0] * goal_SK.shape[1] for _ in goal_SK]
    per_image = np.divide(1, goal_SK, out=np.zeros_like(goal_SK), where=goal_SK > 0).tolist()
    parts = rng.permutation(len(goal_SK)).tolist()  # decides ties
    chosen = []
    for patient in order.tolist():
        most, part = -np.inf, parts[0]
        for candidate in parts:
            need_K = need[candidate]
            total = 0.0
            for kind, count in entries[patient]:
                total += count * need_K[kind]
            if total > most:
                most, part = total, candidate
        for kind, count in entries[patient]:
            need[part][kind] -= count * per_image[part][kind]
        chosen.append(part)
    return np.array(chosen)


def _exchange(
    kinds_PK: NDArray[np.float64],
    part_P: NDArray[np.int64],
    goal_SK: NDArray[np.float64],
    rng: np.random.Generator,
    effort: Effort = WHOLE_SET,
) -> NDArray[np.int64]:
    """The parts [P] after exchanges of two patients, or moves of one, that lessen sum((count - goal)^2 / goal).

    Each is the best of all pairs among candidates drawn from two parts.
    """
    nobody = len(kinds_PK)  # exchanged with a patient, it makes a move
    kinds_PK = np.vstack([kinds_PK, np.zeros(kinds_PK.shape[1])])
    part_P = np.append(part_P, -1)
    weight_SK = 1 / np.maximum(goal_SK, SMALLEST_GOAL)
    weight_SK[:, -1] = IMAGES_WEIGHT
    surplus_SK = np.stack([kinds_PK[part_P == part].sum(axis=0) for part in range(len(goal_SK))]) - goal_SK
    pairs = list(combinations(range(len(goal_SK)), 2))
    num_idle = 0
    for turn in range(effort.max_exchanges):
        a, b = pairs[turn % len(pairs)]
        in_a, in_b = (
            np.append(rng.permutation(np.flatnonzero(part_P == part))[: effort.num_candidates], nobody)
            for part in (a, b)
        )
        slope_K = 2 * (surplus_SK[a] * weight_SK[a] - surplus_SK[b] * weight_SK[b])
        i, j, gains = _best_pair(kinds_PK[in_a], kinds_PK[in_b], slope_K, weight_SK[a] + weight_SK[b])
        num_idle = 0 if gains else num_idle + 1
        if num_idle == len(pairs):
            break
        if gains:
            change_K = kinds_PK[in_b[j]] - kinds_PK[in_a[i]]
            surplus_SK[a] += change_K
            surplus_SK[b] -= change_K
            part_P[in_a[i]], part_P[in_b[j]] = b, a
            part_P[nobody] = -1
    return part_P[:-1]


def _best_pair(
    out_AK: NDArray[np.float64],
    back_BK: NDArray[np.float64],
    slope_K: NDArray[np.float64],
    curve_K: NDArray[np.float64],
) -> tuple[int, int, bool]:
    """Which of the patients [A] to exchange with which of [B], and whether that lessens the sum.

    It changes by sum(slope * d + curve * d^2), where d is what the one part gains and the other loses.
    """
    cost_AB = (out_AK**2 @ curve_K - out_AK @ slope_K)[:, None] + back_BK**2 @ curve_K + back_BK @ slope_K
    cost_AB -= 2 * (out_AK * curve_K) @ back_BK.T
    cost_AB = cost_AB.round(6)  # so that the last bits of another machine's sums choose no other patient
    i, j = np.unravel_index(cost_AB.argmin(), cost_AB.shape)
    return int(i), int(j), bool(cost_AB[i, j] < 0)


def _give_each_one(part_P: NDArray[np.int64], num_images_P: NDArray[np.float64], num_parts: int) -> None:
    """In a tiny set a part may have got no patient: it takes the smallest of the part that has most; in place."""
    for part in range(num_parts):
        if not (part_P == part).any():
            donor = np.bincount(part_P, minlength=num_parts).argmax()
            owned = np.flatnonzero(part_P == donor)
            part_P[owned[num_images_P[owned].argmin()]] = part
