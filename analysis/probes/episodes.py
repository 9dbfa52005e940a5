"""Small samples of a finding: seeded episodes, nested draws, and the linear classifier of Tian et al. 2020.

Source: Tian et al. 2020, "Rethinking few-shot image classification: a good embedding is all you need?": a frozen
embedding, L2-normalised, and logistic regression. Shapes: N images, D dimensions of the embedding.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Episode(NamedTuple):
    """One binary problem, a finding against the rest: rows to learn from, and rows of other patients to judge on."""

    support: NDArray[np.int64]
    query: NDArray[np.int64]


def episode(
    positive_N: NDArray[np.bool_], patient_N: NDArray[np.str_], num_shots: int, rng: np.random.Generator
) -> Episode:
    """`num_shots` positives and as many negatives; the query is every image of the patients that are not among them.

    Raises:
        ValueError: there are too few images, or the other patients do not have both kinds.
    """
    support = np.concatenate([nested_order(positive_N, num_shots, rng), nested_order(~positive_N, num_shots, rng)])
    query = np.flatnonzero(~np.isin(patient_N, patient_N[support]))
    if np.unique(positive_N[query]).size < 2:
        raise ValueError(
            f"patients outside the support must have positives and negatives, but num_shots={num_shots} leaves "
            f"{np.count_nonzero(positive_N[query])} positive of {query.size} images: ask for fewer"
        )
    return Episode(np.sort(support), query)


def nested_order(wanted_N: NDArray[np.bool_], num_images: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """`num_images` of the rows wanted, in a random order: with an equal generator, the first n of a larger draw.

    Raises:
        ValueError: fewer are there, or none is asked for.
    """
    rows = rng.permutation(np.flatnonzero(wanted_N))
    if not 1 <= num_images <= len(rows):
        raise ValueError(f"1 to {len(rows)} such images can be drawn, but got num_images={num_images}")
    return rows[:num_images]


def direction(unit_ND: NDArray[np.float64], positive_N: NDArray[np.bool_]) -> NDArray[np.float64]:
    """What logistic regression (C = 1) on embeddings of length 1 finds [D]: the larger along it, the more positive."""
    from sklearn.linear_model import LogisticRegression

    return np.asarray(LogisticRegression(max_iter=1000).fit(unit_ND, positive_N).coef_[0], np.float64)


def unit(embeddings_ND: NDArray[np.float32]) -> NDArray[np.float64]:
    """The embeddings, each of length 1; one of zeros stays."""
    lengths = np.linalg.norm(embeddings_ND.astype(np.float64), axis=1, keepdims=True)
    return np.asarray(embeddings_ND / np.maximum(lengths, np.finfo(np.float64).tiny), np.float64)
