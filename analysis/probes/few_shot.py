"""Few-shot: K images of a class that the students never saw, and how well they then recognise it.

Source: Tian et al. 2020, "Rethinking few-shot image classification: a good embedding is all you need?".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.probes import probing
from analysis.probes.embeddings import Subject
from analysis.probes.episodes import Episode, episode
from trainables.data.listing import POSITIVE, UNCERTAIN
from trainables.data.store import Store
from trainables.steps import steps

SHOTS = (1, 5, 10, 20)
NUM_EPISODES = 200


def labels_of(store: Store, rows: NDArray[np.int64], finding: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which of `rows` show the finding, and for which this is known; an image with an uncertain label is in neither."""
    code = store.labels[rows, store.label_names.index(finding)]
    return code == POSITIVE, code != UNCERTAIN


def episodes_of(
    positive_N: NDArray[np.bool_],
    known_N: NDArray[np.bool_],
    patient_N: NDArray[np.str_],
    *,
    shots: Sequence[int],
    num_episodes: int,
    seed: int,
) -> tuple[dict[int, list[Episode]], dict[int, str]]:
    """The seeded episodes for each K among the known images, the same for every network; and why a K is impossible.

    Within an episode, a smaller K learns from part of what a larger K learns from. Every K is judged on the same
    images, those of the patients whom the largest K leaves: otherwise two AUCs would also differ by their patients.
    """
    known = np.flatnonzero(known_N)

    def drawn(num_shots: int) -> list[Episode]:
        generators = [np.random.default_rng([seed, number]) for number in range(num_episodes)]
        return [episode(positive_N[known], patient_N[known], num_shots, rng) for rng in generators]

    refused: dict[int, str] = {}
    by_shots: dict[int, list[Episode]] = {}
    queries: list[NDArray[np.int64]] = []
    for num_shots in sorted(set(shots), reverse=True):
        try:
            episodes = drawn(num_shots)
        except ValueError as error:
            refused[num_shots] = str(error)
            continue
        queries = queries or [known[query] for _, query in episodes]
        supports = [known[support] for support, _ in episodes]
        by_shots[num_shots] = [Episode(*rows) for rows in zip(supports, queries, strict=True)]
    return dict(sorted(by_shots.items())), dict(sorted(refused.items()))


def evaluate(
    subjects: Sequence[Subject],
    store: Store,
    findings: Sequence[str],
    shots: Sequence[int] = SHOTS,
    num_episodes: int = NUM_EPISODES,
    *,
    seed: int = 0,
    progress: bool = True,
) -> tuple[pd.DataFrame, list[str]]:
    """One row per finding, K and subject: finding, size (K), `probing.COLUMNS` and p_holm; and what was left out.

    Args:
        subjects: their embeddings are those of the test images of `store`, in that order.

    Raises:
        ValueError: no finding has enough images for any K.
    """
    rows = store.rows("test")
    patient_N = store.patient[rows]
    frames: list[pd.DataFrame] = []
    left_out: list[str] = []
    with steps("few-shot", len(findings), "finding", shown=progress) as advance:
        for finding in findings:
            positive_N, known_N = labels_of(store, rows, finding)
            by_shots, refused = episodes_of(
                positive_N, known_N, patient_N, shots=shots, num_episodes=num_episodes, seed=seed
            )
            left_out += [f"{finding}, K = {num_shots}: {reason}" for num_shots, reason in refused.items()]
            for num_shots, episodes in by_shots.items():
                frame = probing.rows(subjects, positive_N, patient_N, episodes, seed)
                frames.append(frame.assign(finding=finding, size=num_shots, num_test_positives=int(positive_N.sum())))
            advance()
    if not frames:
        raise ValueError(f"no finding has enough test images for any K: {'; '.join(left_out)}")
    return probing.corrected(pd.concat(frames, ignore_index=True)), left_out
