"""n images of a finding that was held out of all training, and how well it is then recognised.

The n positives come from the training patients, and as many negatives from the images that the students were trained
on. The whole test set judges.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.probes import probing
from analysis.probes.embeddings import Subject
from analysis.probes.episodes import Episode, nested_order
from analysis.probes.few_shot import labels_of
from trainables.data.store import Store
from trainables.steps import steps


class Pool(NamedTuple):
    """Rows of the whole store: where the n images come from, and what judges them."""

    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]
    judged: NDArray[np.int64]


class Plan(NamedTuple):
    """What has to be embedded, and for each n the draws in positions of `rows`."""

    rows: NDArray[np.int64]
    draws: dict[int, list[Episode]]
    left_out: list[str]


def pool(whole: Store, held: Store) -> Pool:
    """The training images that show the held-out finding, those that the students learned from, and the test images.

    Images whose label for the finding is uncertain are in none of them.
    """
    train, test = whole.rows("train"), whole.rows("test")
    positive_N, _ = labels_of(whole, train, held.held_out)
    was_trained_on = np.isin(whole.image_id[train], held.image_id[held.rows("train")])
    _, is_known = labels_of(whole, test, held.held_out)
    return Pool(train[positive_N], train[was_trained_on], test[is_known])


def plan(pool: Pool, numbers: Sequence[int], num_draws: int, seed: int) -> Plan:
    """Nested draws: with n images come the first n of a larger draw, and as many negatives.

    Raises:
        ValueError: there are not enough images for the smallest n.
    """
    most = min(len(pool.positives), len(pool.negatives))
    fitting = [n for n in sorted(set(numbers)) if n <= most]
    counted = f"{len(pool.positives)} training images show the finding, {len(pool.negatives)} do not"
    if not fitting:
        raise ValueError(f"n <= {most} must hold ({counted}), but the smallest n is {min(numbers)}")
    drawn = []
    for number in range(num_draws):
        rng = np.random.default_rng([seed, number])
        drawn.append([_order(rows, fitting[-1], rng) for rows in (pool.positives, pool.negatives)])
    rows = np.unique(np.concatenate([pool.judged, *(drawn_rows for draw in drawn for drawn_rows in draw)]))
    query = np.searchsorted(rows, pool.judged)
    draws = {
        n: [
            Episode(np.sort(np.searchsorted(rows, np.concatenate([drawn_rows[:n] for drawn_rows in draw]))), query)
            for draw in drawn
        ]
        for n in fitting
    }
    return Plan(rows, draws, [f"n = {n}: {counted}" for n in sorted(set(numbers)) if n > most])


def evaluate(
    subjects: Sequence[Subject], whole: Store, finding: str, planned: Plan, seed: int = 0, *, progress: bool = True
) -> pd.DataFrame:
    """One row per n and subject: finding, size (n), `probing.COLUMNS` and p_holm.

    Args:
        subjects: their embeddings are those of `planned.rows` of `whole`, in that order.
    """
    positive_N, _ = labels_of(whole, planned.rows, finding)
    patient_N = whole.patient[planned.rows]
    frames = []
    with steps(f"learning {finding}", len(planned.draws), "size", shown=progress) as advance:
        for n, draws in planned.draws.items():
            frame = probing.rows(subjects, positive_N, patient_N, draws, seed)
            num_positives = int(positive_N[draws[0].query].sum())
            frames.append(frame.assign(finding=finding, size=n, num_test_positives=num_positives))
            advance()
    return probing.corrected(pd.concat(frames, ignore_index=True))


def _order(rows: NDArray[np.int64], num_images: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return rows[nested_order(np.ones(len(rows), dtype=bool), num_images, rng)]
