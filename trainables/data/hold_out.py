"""A finding kept out of all training, as if it were a new disease: how few of its images are enough?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trainables.data.listing import POSITIVE, UNCERTAIN, Listing


def hold_out(
    listing: Listing, split_N: NDArray[np.str_], finding: str
) -> tuple[Listing, NDArray[np.str_], NDArray[np.int64]]:
    """The listing without `finding`'s column, its split, and which of the rows [M] were kept.

    Training and validation lose every image that shows the finding or may (uncertain): left in, it would be learned as
    background. The test set keeps all. The split is made before, so both listings share it.

    Raises:
        ValueError: there is no such finding, it is the only one, or the labels are classes that exclude one another.
    """
    if listing.task != "multilabel":
        raise ValueError(f"only a finding of a multilabel set can be held out, but {listing.dataset} is {listing.task}")
    if finding not in listing.label_names:
        raise ValueError(f"the finding must be one of {', '.join(listing.label_names)}, but got {finding!r}")
    if len(listing.label_names) == 1:
        raise ValueError(f"a label must be left to train on, but {finding!r} is the only one of {listing.dataset}")
    column = listing.label_names.index(finding)
    labels_NL = np.stack(listing.rows["labels"].to_list())
    kept = np.flatnonzero((split_N == "test") | ~np.isin(labels_NL[:, column], (POSITIVE, UNCERTAIN)))
    rows = listing.rows.iloc[kept].reset_index(drop=True)
    rows["labels"] = list(np.delete(labels_NL[kept], column, axis=1))
    names = tuple(name for name in listing.label_names if name != finding)
    note = f"{finding} held out: {len(listing.rows) - len(kept)} images left training and validation"
    return replace(listing, label_names=names, rows=rows, notes=(*listing.notes, note)), split_N[kept], kept
