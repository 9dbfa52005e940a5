"""Rates within groups of images, on all of them and in every draw of patients: pure functions on arrays.

A rate is a share of the images that can be counted at all (those with a finding, say). Sets of images are rows of a
sparse matrix of SciPy's, so that a draw costs one product with the images that a set has, and not with all.

Shapes: B draws, G groups, N images, P patients, R sets of images.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]


def count_draws(chosen_RN: Booleans, weights_BN: NDArray[np.float32]) -> Floats:
    """How many images of each set are in each draw, [R, B].

    Args:
        chosen_RN: whether each image is in each set.
        weights_BN: how often each image is in each draw, as `analysis.stats.bootstrap.patient_weights` makes them.
    """
    sets = sparse.csr_array(np.asarray(chosen_RN, dtype=np.float32))
    return np.asarray(sets @ np.ascontiguousarray(weights_BN.T), dtype=np.float64)


def num_patients(chosen_RN: Booleans, patient_N: NDArray[np.object_]) -> NDArray[np.int64]:
    """Of how many patients the images of each set are, [R]."""
    index_N, patients = pd.factorize(np.asarray(patient_N, dtype=object))
    of_patient_NP = sparse.csr_array(
        (np.ones(len(index_N), dtype=np.int64), (np.arange(len(index_N)), index_N)), shape=(len(index_N), len(patients))
    )
    counts_RP = sparse.csr_array(np.asarray(chosen_RN, dtype=np.int64)) @ of_patient_NP
    return np.asarray((counts_RP > 0).sum(axis=1), dtype=np.int64)


def ratio(above: Floats, below: Floats) -> Floats:
    """`above / below`, NaN where `below` is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(below > 0, above / below, np.nan))


def extremes(harm_G: Floats) -> tuple[int, int] | None:
    """The groups with the greatest and with the least harm, without those that have no number (NaN); None with fewer
    than two. Of equal groups the first one is taken, and where all are equal the first two.

    >>> extremes(np.array([0.2, np.nan, 0.1, 0.5]))
    (3, 2)
    """
    places = np.flatnonzero(np.isfinite(harm_G))
    if len(places) < 2:
        return None
    worst, best = int(places[harm_G[places].argmax()]), int(places[harm_G[places].argmin()])
    return (worst, best) if worst != best else (int(places[0]), int(places[1]))
