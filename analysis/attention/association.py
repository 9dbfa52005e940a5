"""Whether a network attends more, or elsewhere, where a disease is: attention against each label.

An image's attention in a plane is the mean of the plane's absolute values at the tap of Eq. 1, before it is scaled to
unit length (afterwards all planes would have equal amounts). Two numbers per image are compared with each label: the
*total*, the mean over all planes; and the attention in *one plane*, the one whose AUC is farthest from one half on the
validation images, so that it is judged on test images that did not choose it.

The measure is the area under the ROC curve, one half where attention and label have nothing to do with each other;
Pearson's r (point-biserial) is given beside it. The interval is a bootstrap over patients. The p-value is a permutation
test: the labels of whole patients are exchanged among patients with equally many images. A test based on r and its
bootstrap standard error was tried and dropped: amounts are skewed, and with 11 positives among 88 images it fell below
0.01 in 7.9% of 1,500 draws without any association, the permutation test in 0.7% (lognormal amounts, 999 permutations;
measured 2026-11-23).

Shapes: N images, C planes, L labels, B draws, M measures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.probes.networks import Network, batches
from analysis.stats.bootstrap import auc_draws, patient_weights, percentiles
from analysis.stats.multiple import holm
from trainables.data.averaging import MIN_POSITIVES
from trainables.data.listing import POSITIVE, UNCERTAIN
from trainables.data.store import Store
from trainables.metrics import label_auc

NUM_DRAWS = 1000
NUM_PERMUTATIONS = 10_000  # the least p-value is one in so many: Holm's correction multiplies it by the table's length
CHUNK = 500  # permutations in memory at a time
COLUMNS = (
    "subject", "network", "label", "measure", "plane", "num_positives", "num_images", "auc", "low", "high", "r",
    "p_value", "p_holm",
)  # fmt: skip


def amounts(network: Network, store: Store, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """How much a network attends, [N, C]: the mean absolute value of each plane at the tap, in the planes' own unit."""
    means = [network.planes(images)[0].abs().mean(dim=(2, 3)).numpy() for images in batches(store, rows)]
    return np.concatenate(means).astype(np.float64)


def indicators(store: Store, rows: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each image has each label or is of each class, and whether that is known; both [N, L]."""
    codes = store.labels[rows]
    if store.task == "multiclass":
        has_NL = codes == np.arange(len(store.label_names))
        return has_NL, np.ones_like(has_NL)
    return codes == POSITIVE, codes != UNCERTAIN


def rows(
    subject: str,
    network: str,
    store: Store,
    *,
    validation_NC: NDArray[np.floating],
    test_NC: NDArray[np.floating],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Two rows per label, for all planes and for one; `corrected` fills in p_holm.

    A label with fewer than `MIN_POSITIVES` positives or negatives among the test images has counts only.

    Args:
        subject, network: the names in those columns.
        validation_NC, test_NC: `amounts` of the store's validation and test images.
    """
    test = store.rows("test")
    has_NL, known_NL = indicators(store, test)
    seen_NL, seen_known_NL = indicators(store, store.rows("validation"))
    lines = []
    for column, label in enumerate(store.label_names):
        plane = _best_plane(validation_NC, seen_NL[:, column], seen_known_NL[:, column])
        known_N, has_N = known_NL[:, column], has_NL[known_NL[:, column], column]
        counts = {"num_positives": int(has_N.sum()), "num_images": len(has_N)}
        measures = {"total": test_NC.mean(axis=1)[known_N]}
        if plane is not None:
            measures["one plane"] = test_NC[known_N, plane]
        comparisons: list[dict[str, float]] = [{}] * len(measures)
        if min(has_N.sum(), (~has_N).sum()) >= MIN_POSITIVES:
            amounts_NM = np.stack(list(measures.values()), axis=1)
            comparisons = compared(amounts_NM, has_N, store.patient[test][known_N], rng)
        for measure, comparison in zip(measures, comparisons, strict=True):
            row: dict[str, object] = {"subject": subject, "network": network, "label": label, "measure": measure}
            lines.append({**row, "plane": plane if measure == "one plane" else None, **counts, **comparison})
    frame = pd.DataFrame(lines, columns=list(COLUMNS))
    return frame.astype({"plane": "Int64", **dict.fromkeys(("auc", "low", "high", "r", "p_value"), float)})


def compared(
    amounts_NM: NDArray[np.floating],
    has_N: NDArray[np.bool_],
    patient_N: NDArray,
    rng: np.random.Generator,
    num_permutations: int = NUM_PERMUTATIONS,
) -> list[dict[str, float]]:
    """For each measure its auc with low and high, r, and the two-sided p_value of no association.

    Raises:
        ValueError: the label is constant.
    """
    weights_BN = patient_weights(patient_N, NUM_DRAWS, rng)
    ranks_NM = stats.rankdata(amounts_NM, axis=0) - (len(has_N) + 1) / 2  # their sum over the positives gives the AUC
    observed_M = np.abs(has_N @ ranks_NM)
    num_as_far_M = np.zeros(amounts_NM.shape[1])
    for places_BN in exchanges(patient_N, num_permutations, rng):
        num_as_far_M += (np.abs(has_N[places_BN] @ ranks_NM) >= observed_M - 1e-6).sum(axis=0)
    comparisons = []
    for amount_N, num_as_far in zip(amounts_NM.T, num_as_far_M, strict=True):
        interval = percentiles(auc_draws(amount_N, has_N, weights_BN))
        auc = auc_draws(amount_N, has_N, np.ones((1, len(has_N)), np.float32))[0]
        r = float(np.corrcoef(amount_N, has_N)[0, 1]) if amount_N.std() else float("nan")
        p_value = float((1 + num_as_far) / (1 + num_permutations))
        comparisons.append({"auc": float(auc), "low": interval.low, "high": interval.high, "r": r, "p_value": p_value})
    return comparisons


def exchanges(patient_N: NDArray, num_draws: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Permutations of the images, [<= CHUNK, N] at a time: whole patients change places with others that have as many
    images, so that what a patient's images share is kept. A patient alone with its number of images stays. Patients are
    numbered by their first rows, so that their hashes have no influence."""
    index_N, _ = pd.factorize(patient_N)
    order_N, sizes_P = np.argsort(index_N, kind="stable"), np.bincount(index_N)
    starts_P = np.cumsum(sizes_P) - sizes_P
    blocks = [
        order_N[starts_P[sizes_P == size][:, None] + np.arange(size)] for size in np.unique(sizes_P)
    ]  # of each size the places of its patients' images, [patients, size]
    for start in range(0, num_draws, CHUNK):
        places_BN = np.empty((min(CHUNK, num_draws - start), len(patient_N)), np.int64)
        for block_PS in blocks:
            turns_BP = rng.permuted(np.tile(np.arange(len(block_PS)), (len(places_BN), 1)), axis=1)
            places_BN[:, block_PS.ravel()] = block_PS[turns_BP].reshape(len(places_BN), -1)
        yield places_BN


def corrected(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All rows together, with Holm's correction for every p-value in them."""
    frame = pd.concat(frames, ignore_index=True)
    return frame.assign(p_holm=holm(frame["p_value"].to_numpy(dtype=float)))


def _best_plane(amounts_NC: NDArray[np.floating], has_N: NDArray[np.bool_], known_N: NDArray[np.bool_]) -> int | None:
    """The plane whose AUC is farthest from one half on these images; None where the label is constant in them."""
    positive_N, amounts_NC = has_N[known_N], amounts_NC[known_N]
    num_positives, num_negatives = int(positive_N.sum()), int((~positive_N).sum())
    if not num_positives or not num_negatives:
        return None
    # Ranks give the areas of all planes at once; where they agree but for rounding, `label_auc` decides.
    rank_sums_C = stats.rankdata(amounts_NC, axis=0)[positive_N].sum(axis=0)
    areas_C = (rank_sums_C - num_positives * (num_positives + 1) / 2) / (num_positives * num_negatives)
    distances_C = np.abs(areas_C - 0.5)
    farthest = np.flatnonzero(distances_C >= distances_C.max() - 1e-9)
    areas = [label_auc(amounts_NC[:, plane], positive_N) for plane in farthest]
    return int(farthest[np.argmax([abs(area - 0.5) for area in areas if area is not None])])
