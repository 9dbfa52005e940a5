"""Whether a network attends more, or elsewhere, where a disease is: correlation of attention with each label.

An image's attention in a plane is the mean of the plane's absolute values at the tap of Eq. 1, before it is made a unit
plane: unit planes have no amount. Two numbers an image are set against each label, 0 or 1, by Pearson's r (the
point-biserial correlation): the *total*, the mean over all planes; and the attention in *one plane*, the one with the
largest |r| on the validation images, so that the test images it is judged on did not choose it.

Intervals and p-values: Fisher's z, its standard error from a bootstrap over patients.

Shapes: N images, C planes, L labels, B bootstrap draws.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.bootstrap import patient_weights
from analysis.labels import MIN_POSITIVES
from analysis.multiple import holm
from analysis.networks import Network, batches
from trainables.data.listing import POSITIVE, UNCERTAIN
from trainables.data.store import Store

NUM_DRAWS = 1000
LEVEL = 0.95
COLUMNS = (
    "subject", "network", "label", "measure", "plane", "num_positives", "num_images", "r", "low", "high", "p_value",
    "p_holm",
)  # fmt: skip


def amounts(network: Network, store: Store, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """How much a network attends, [N, C]: the mean absolute value of each plane at the tap, in the planes' own unit."""
    found = [network.planes(images)[0].abs().mean(dim=(2, 3)).numpy() for images in batches(store, rows)]
    return np.concatenate(found).astype(np.float64)


def correlation(x_N: NDArray, y_N: NDArray, weights_BN: NDArray) -> NDArray[np.float64]:
    """Pearson's r of x and y in each draw of images, [B]; NaN where one of them is constant in it."""
    x_N, y_N = np.asarray(x_N, np.float64), np.asarray(y_N, np.float64)
    x_N, y_N = x_N - x_N.mean(), y_N - y_N.mean()  # moments about another point than the mean lose their digits
    moments = np.stack([np.ones_like(x_N), x_N, y_N, x_N**2, y_N**2, x_N * y_N], axis=1)
    n_B, x_B, y_B, xx_B, yy_B, xy_B = (np.asarray(weights_BN, np.float64) @ moments).T
    spread_B = (n_B * xx_B - x_B**2) * (n_B * yy_B - y_B**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        r_B = (n_B * xy_B - x_B * y_B) / np.sqrt(spread_B)
    return np.where(spread_B > 1e-12 * n_B**4 * x_N.var() * y_N.var(), r_B.clip(-1, 1), np.nan)


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
    validation_NC: NDArray[np.floating],
    test_NC: NDArray[np.floating],
    store: Store,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Two rows a label, its total and its plane; `corrected` fills p_holm in.

    A label with fewer than `MIN_POSITIVES` positives or negatives among the test images has counts alone.

    Args:
        subject, network: what the rows are called by.
        validation_NC, test_NC: `amounts` of the store's validation and test images.
    """
    test = store.rows("test")
    weights_BN = patient_weights(store.patient[test], NUM_DRAWS, rng)
    has_NL, known_NL = indicators(store, test)
    seen_NL, seen_known_NL = indicators(store, store.rows("validation"))
    made = []
    for column, label in enumerate(store.label_names):
        plane = _best_plane(validation_NC, seen_NL[:, column], seen_known_NL[:, column])
        known_N, has_N = known_NL[:, column], has_NL[known_NL[:, column], column]
        for measure, amount_N in (("total", test_NC.mean(axis=1)), ("one plane", test_NC[:, plane or 0])):
            is_plane = measure == "one plane"
            row: dict[str, object] = {"subject": subject, "network": network, "label": label, "measure": measure}
            row |= {"plane": plane if is_plane else None, "num_positives": int(has_N.sum()), "num_images": len(has_N)}
            if min(has_N.sum(), (~has_N).sum()) >= MIN_POSITIVES and not (is_plane and plane is None):
                row |= interval(amount_N[known_N], has_N, weights_BN[:, known_N])
            made.append(row)
    frame = pd.DataFrame(made, columns=list(COLUMNS))
    return frame.astype({"plane": "Int64", "r": float, "low": float, "high": float, "p_value": float})


def interval(x_N: NDArray, y_N: NDArray, weights_BN: NDArray) -> dict[str, float]:
    """r, low, high and p_value (of no correlation), by Fisher's z; nothing where r is not defined."""
    r = float(correlation(x_N, y_N, np.ones((1, len(x_N))))[0])
    draws_B = correlation(x_N, y_N, weights_BN)
    z_B = np.arctanh(draws_B[np.abs(draws_B) < 1])
    error = float(z_B.std(ddof=1)) if len(z_B) > 1 else 0.0
    if not abs(r) < 1 or error == 0:
        return {}
    z = np.arctanh(r)
    reach = float(stats.norm.ppf((1 + LEVEL) / 2)) * error
    p_value = float(2 * stats.norm.sf(abs(z) / error))
    return {"r": r, "low": float(np.tanh(z - reach)), "high": float(np.tanh(z + reach)), "p_value": p_value}


def corrected(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All rows together, with Holm's correction for every p-value in them."""
    frame = pd.concat(frames, ignore_index=True)
    return frame.assign(p_holm=holm(frame["p_value"].to_numpy(dtype=float)))


def _best_plane(amounts_NC: NDArray[np.floating], has_N: NDArray[np.bool_], known_N: NDArray[np.bool_]) -> int | None:
    """The plane with the largest |r| on these images; None where the label is constant in them."""
    once_1N = np.ones((1, int(known_N.sum())))
    r_C = np.array([correlation(plane_N, has_N[known_N], once_1N)[0] for plane_N in amounts_NC[known_N].T])
    return int(np.nanargmax(np.abs(r_C))) if np.isfinite(r_C).any() else None
