"""Mixup: a view is mixed with that of a partner, another training image (Zhang et al. 2018).

    x = s x_i + (1 - s) x_j,   s from Beta(alpha, alpha)

Partner and share are drawn from (seed, epoch, image), so that a mixed view is as pure a function as its parts: a part
of a batch has the views of the whole, and a teacher's answer to a mixed view can be cached. Teacher and student see
the same mixed view (Beyer et al. 2022, "function matching"). The partner comes from the training images in use, so
that a fraction of the data is all that its students see.

Shapes: B images of a batch, N training images in use.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from trainables.data.augment import Draw, draws


class Mixture(NamedTuple):
    """With which image each view is mixed, and how much of the view is its own image's: from 0 to 1."""

    partners_B: NDArray[np.int64]
    shares_B: NDArray[np.float64]


def mixture(rows_B: NDArray[np.int64], among_N: NDArray[np.int64], *, seed: int, epoch: int, alpha: float) -> Mixture:
    """The partners of the images `rows_B` among the rows `among_N` (rarely the image itself), and the shares."""
    uniform_BD = draws(seed, epoch, rows_B, Draw.SHARE + 1)
    places_B = (uniform_BD[:, Draw.PARTNER] * len(among_N)).astype(np.int64)
    shares_B = betaincinv(alpha, alpha, uniform_BD[:, Draw.SHARE])  # the inverse of Beta's distribution function
    return Mixture(among_N[places_B], shares_B)


def fingerprint(among_N: NDArray[np.int64]) -> str:
    """Names the images among which partners are drawn: 16 hexadecimal digits."""
    return hashlib.sha256(among_N.astype("<i8").tobytes()).hexdigest()[:16]
