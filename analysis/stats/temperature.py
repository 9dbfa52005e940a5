"""Temperature scaling: one number that makes a network's probabilities more or less certain, and how good they are.

    p_c(T) = exp(z_c / T) / sum_k exp(z_k / T),    z = log p

(C. Guo, G. Pleiss, Y. Sun, K. Weinberger, ICML 2017). T > 1 moves all probabilities towards each other, T < 1 apart; no
order changes, and so no AUC. A label with yes or no for an answer is a case of two classes, for which this is
sigmoid(logit(p) / T). The negative log-likelihood is convex in 1 / T, so that it has one minimum, which SciPy's bounded
`minimize_scalar` finds.

Shapes: N images, C classes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

Floats = NDArray[np.float64]
LOWEST, HIGHEST = 0.05, 20.0  # of T; ours: a fit beyond them says that the scores carry no more, or no less, than that
CLIPPED_AT = 1e-7  # of a label's probability and its complement: float32 has no number between 1 - 6e-8 and 1
LEAST = 1e-30  # of a class's probability, where float32 has rounded it to 0


def two_classes(probability_N: NDArray[np.floating]) -> Floats:
    """The probabilities of no and of yes, [N, 2], from that of yes; neither is below `CLIPPED_AT`."""
    probability_N = np.clip(np.asarray(probability_N, dtype=np.float64), CLIPPED_AT, 1 - CLIPPED_AT)
    return np.stack([1 - probability_N, probability_N], axis=1)


def temperature(probabilities_NC: NDArray[np.floating], class_N: NDArray[np.integer]) -> float | None:
    """The T with the lowest negative log-likelihood of these classes, from `LOWEST` to `HIGHEST`.

    None where all images are of one class: then more certainty would always be better.
    """
    if len(np.unique(class_N)) < 2:
        return None
    logits_NC = _logits(probabilities_NC)
    row_N = np.arange(len(class_N))

    def loss(log_inverse: float) -> float:
        return -float(log_softmax(logits_NC * np.exp(log_inverse), axis=1)[row_N, class_N].mean())

    ends = (-np.log(HIGHEST), -np.log(LOWEST))
    best = minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(-best.x))


def scaled(probabilities_NC: NDArray[np.floating], temperature: float) -> Floats:
    """The probabilities at this temperature, [N, C].

    >>> scaled(np.array([[0.2, 0.8]]), 2.0).round(3).tolist()
    [[0.333, 0.667]]
    """
    return np.asarray(softmax(_logits(probabilities_NC) / temperature, axis=1))


def is_at_bound(temperature: float) -> bool:
    """Whether a fit ended at `LOWEST` or `HIGHEST`."""
    return temperature < LOWEST * 1.001 or temperature > HIGHEST / 1.001


def nll_N(probabilities_NC: NDArray[np.floating], class_N: NDArray[np.integer]) -> Floats:
    """The negative log-likelihood of each image's own class, in nats."""
    return -_logits(probabilities_NC)[np.arange(len(class_N)), class_N]


def brier_N(probabilities_NC: NDArray[np.floating], class_N: NDArray[np.integer]) -> Floats:
    """The Brier score of each image: the squared distance of its probabilities from the truth (G. Brier, 1950).

    With C > 2 it is the sum over classes, from 0 to 2; with two, that of the second alone, as (p - y)^2, from 0 to 1.
    """
    true_NC = np.eye(probabilities_NC.shape[1])[class_N]
    square_NC = np.square(np.asarray(probabilities_NC, dtype=np.float64) - true_NC)
    return np.asarray(square_NC[:, 1] if square_NC.shape[1] == 2 else square_NC.sum(axis=1))


def brier_of_prevalence(class_N: NDArray[np.integer], num_classes: int) -> float:
    """The Brier score of one who gives every image the shares of the classes among them all."""
    shares_C = np.bincount(class_N, minlength=num_classes) / len(class_N)
    return float(shares_C.prod() if num_classes == 2 else 1 - np.square(shares_C).sum())


def _logits(probabilities_NC: NDArray[np.floating]) -> Floats:
    """Logits up to a constant per image, which softmax takes away."""
    return np.log(np.clip(np.asarray(probabilities_NC, dtype=np.float64), LEAST, 1.0))
