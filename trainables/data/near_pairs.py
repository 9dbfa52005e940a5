"""All pairs of near-equal hashes, without comparing every hash with every other one.

Two hashes that differ in at most `max_bits` bits agree in one of `max_bits + 1` bands, whatever the bands are: of so
few differences, not every band can have one. So only hashes that share a band's value are compared (multi-index
hashing: Norouzi, Punjani and Fleet, CVPR 2012). Neighbouring bits of a perceptual hash go together, so that a band
takes its bits from all over the hash; otherwise many hashes would share a value.

Shapes: N hashes of K bits.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

MAX_COMPARISONS = 2_000_000_000  # about a minute; only hashes that hardly differ need more
BYTES_PER_WORD = 8


class TooManyAlikeError(ValueError):
    """So many hashes share bands that comparing them would take longer than it is worth."""


def near_pairs(bits_NK: NDArray[np.bool_], max_bits: int) -> NDArray[np.int64]:
    """The pairs of hashes that differ in at most `max_bits` bits: rows of first, second (first < second) and distance.

    Every such pair is found, once; the rows are in ascending order.

    >>> near_pairs(np.array([[0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 1]], dtype=bool), 1)
    array([[0, 2, 1]])

    Raises:
        ValueError: there are not more bits than `max_bits`.
        TooManyAlikeError: more than `MAX_COMPARISONS` would be needed.
    """
    num_bits = bits_NK.shape[1]
    if not 0 <= max_bits < num_bits:
        raise ValueError(f"0 <= max_bits < {num_bits}, the number of bits, must hold, but got {max_bits}")
    keys = [_values(bits_NK[:, band :: max_bits + 1]) for band in range(max_bits + 1)]
    needed = sum(_num_comparisons(key_N) for key_N in keys)
    if needed > MAX_COMPARISONS:
        raise TooManyAlikeError(
            f"at most {MAX_COMPARISONS:,} comparisons of hashes are made, but these {len(bits_NK):,} hashes need "
            f"{needed:,}: most of them hardly differ"
        )
    words_NW = _words(bits_NK)
    found = [np.empty((0, 3), np.int64)]
    for key_N in keys:
        for first_P, second_P in _sharing(key_N):
            distance_P = np.bitwise_count(words_NW[first_P] ^ words_NW[second_P]).sum(axis=1, dtype=np.int64)
            near_P = distance_P <= max_bits
            ends = np.sort(np.stack([first_P[near_P], second_P[near_P]], axis=1), axis=1)
            found.append(np.column_stack([ends, distance_P[near_P]]))
    return np.unique(np.concatenate(found), axis=0)


def _values(band_NB: NDArray[np.bool_]) -> NDArray[np.int64]:
    """A number per hash, equal where all bits of the band are."""
    if band_NB.shape[1] <= 62:
        return band_NB @ (1 << np.arange(band_NB.shape[1], dtype=np.int64))
    return np.unique(band_NB, axis=0, return_inverse=True)[1].astype(np.int64)


def _words(bits_NK: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """The hashes in words of 64 bits, the last one filled up with zeros."""
    packed = np.packbits(bits_NK, axis=1)
    filled = np.pad(packed, ((0, 0), (0, -packed.shape[1] % BYTES_PER_WORD)))
    return np.ascontiguousarray(filled).view(np.uint64)


def _num_comparisons(key_N: NDArray[np.int64]) -> int:
    sizes = np.unique(key_N, return_counts=True)[1]
    return int((sizes * (sizes - 1) // 2).sum())


def _sharing(key_N: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """All pairs of one value: sorted by value, each hash with the one `offset` places on, for every offset."""
    order_N = np.argsort(key_N, kind="stable")
    sorted_N = key_N[order_N]
    places = np.arange(len(key_N))
    offset = 1
    while True:
        places = places[places + offset < len(key_N)]
        places = places[sorted_N[places] == sorted_N[places + offset]]  # sorted: who has none here has none further on
        if not len(places):
            return
        yield order_N[places], order_N[places + offset]
        offset += 1
