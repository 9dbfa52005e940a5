"""Identical and near-identical images of a store, whoever they belong to.

Identical: the same pixels in the store. Near-identical: the same picture after another compression, size, brightness or
contrast. A perceptual hash (`imagehash.phash`: signs of the low frequencies of the discrete cosine transform) finds
candidates among all pairs, and the pixels decide: the two pictures must correlate once each has been freed of its own
local brightness and contrast, for what is left (vessels, ribs, borders) differs between two eyes or two chests.

Where the two limits come from: among 720 fundus photographs (both eyes of 360 patients) and 421 chest X-rays (one per
patient), at 256, 64 and 32 px, the nearest hashes of two different photographs are 22 bits apart and those of two
X-rays 60, and at 256 px no two pictures of them correlate by more than 0.875. Copies that were saved again as JPEG of
quality 50, halved and enlarged again, or changed by a tenth in contrast, are at most 12 bits away at that size, and
correlate by 0.915 or more. Mirrored, turned or cropped copies are other pictures to the hash, and are not found.

Shapes: N images, K bits of a hash, G images that are one picture.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations, product

import imagehash
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from trainables.data.near_pairs import near_pairs
from trainables.data.store import Store
from trainables.steps import steps

IDENTICAL, NEAR = "identical", "near-identical"
HASH_SIDE = 16  # K = 256 bits
MAX_BITS = 20  # of 256 in which the hashes of near-identical images may differ
MIN_LIKENESS = 0.9  # the least correlation of near-identical images
DETAIL_PX = 64  # the side at which images are correlated
LOCAL_PX = 3.0  # the standard deviation of the window of local brightness and contrast, at that side
FLAT = 2.0  # added to the local contrast, of 255: noise is not detail
MOST_IN_FULL = 50  # images of one picture whose pairs are all listed; of more, each is listed with the first of a split
ROWS_AT_ONCE = 256
MOST_KEPT = 16_384  # details, of 32 KiB each; of 13,801 images at most does `near_pairs` compare each with each
COLUMNS = ("first", "second", "kind", "bits", "likeness")


def copies_in(store: Store, *, progress: bool = True) -> pd.DataFrame:
    """The pairs of copies among all images of a store: first and second (rows, first < second), kind, bits (that their
    hashes differ in) and likeness (their correlation; 1 for identical ones), ordered by rows.

    Raises:
        trainables.data.near_pairs.TooManyAlikeError: most images hardly differ.
    """
    digest_N, bits_NK = _read(store, progress)
    _, first_of_N, group_N = np.unique(digest_N, return_index=True, return_inverse=True)
    members = _members(group_N)
    rows: list[tuple[int, int, str, int, float]] = []
    for group in members.values():
        rows += [(*pair, IDENTICAL, 0, 1.0) for pair in _within(group, store.split)]

    @lru_cache(MOST_KEPT)
    def detail_of(row: int) -> NDArray[np.float64]:
        return detail(store.gather(np.array([row]))[0])

    for one, other, num_bits in near_pairs(bits_NK[first_of_N], MAX_BITS).tolist():
        ends = int(first_of_N[one]), int(first_of_N[other])
        likeness = correlation(detail_of(ends[0]), detail_of(ends[1]))
        if likeness >= MIN_LIKENESS:
            between = product(_of(members, one, ends[0]), _of(members, other, ends[1]))
            rows += [(min(pair), max(pair), NEAR, num_bits, likeness) for pair in between]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.sort_values(["first", "second"], ignore_index=True)


def correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Of two details, [`DETAIL_PX`, `DETAIL_PX`] each; at most 1. A flat image is like no other: 0."""
    norms = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(np.vdot(one, other)) / norms if norms else 0.0


def detail(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """What an image [H, W, C] shows beyond its local brightness and contrast: mean 0, [`DETAIL_PX`, `DETAIL_PX`]."""
    grey = np.asarray(_picture(image).convert("L").resize((DETAIL_PX, DETAIL_PX), Image.Resampling.BOX), np.float64)
    above = grey - gaussian_filter(grey, LOCAL_PX)
    contrast = np.sqrt(gaussian_filter(above**2, LOCAL_PX))
    local = above / (contrast + FLAT)
    return np.asarray(local - local.mean())


def _read(store: Store, progress: bool) -> tuple[NDArray[np.bytes_], NDArray[np.bool_]]:
    """The digest of each image's pixels, [N], and its perceptual hash, [N, K]; reads all pixels once."""
    digests, hashes = [], []
    with steps(f"comparing {store.dataset}", store.num_images, "image", shown=progress) as advance:
        for start in range(0, store.num_images, ROWS_AT_ONCE):
            images = store.gather(np.arange(start, min(start + ROWS_AT_ONCE, store.num_images)))
            for image in images:
                digests.append(hashlib.blake2b(image.data, digest_size=16).hexdigest())
                hashes.append(imagehash.phash(_picture(image), hash_size=HASH_SIDE).hash.ravel())
            advance(len(images))
    return np.array(digests, dtype=np.bytes_), np.array(hashes, dtype=bool)


def _picture(image: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def _members(group_N: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    """The rows of each picture that several images are, in ascending order."""
    order_N = np.argsort(group_N, kind="stable")
    groups, starts, sizes = np.unique(group_N[order_N], return_index=True, return_counts=True)
    several = zip(groups.tolist(), starts.tolist(), sizes.tolist(), strict=True)
    return {group: order_N[start : start + size] for group, start, size in several if size > 1}


def _of(members: dict[int, NDArray[np.int64]], group: int, only: int) -> Sequence[int]:
    """The first rows of a picture, of which `only` is one."""
    return members[group][:MOST_IN_FULL].tolist() if group in members else [only]


def _within(rows_G: NDArray[np.int64], split_N: NDArray[np.str_]) -> Iterator[tuple[int, int]]:
    """The pairs of the images of one picture; where they are many, each one with the first of every split."""
    if len(rows_G) <= MOST_IN_FULL:
        yield from combinations(rows_G.tolist(), 2)
        return
    firsts = [int(rows_G[split_N[rows_G] == split][0]) for split in np.unique(split_N[rows_G])]
    pairs = {(min(pair), max(pair)) for pair in product(rows_G.tolist(), firsts) if pair[0] != pair[1]}
    yield from sorted(pairs)
