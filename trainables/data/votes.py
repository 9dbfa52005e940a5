"""What single readers made of the images of a store, under the names that the store has for images.

Beside the store lies a table of it, without any patient's number or file's name: for the report, which sets readers
beside students.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from trainables.atomic import new_file
from trainables.data.listing import Listing
from trainables.data.store import salted_hashes
from trainables.metrics import metric_name

SUFFIX = ".readers-1.parquet"
KEYS = ("image", "study", "reader", "role")


def votes_of(listing: Listing, salt: bytes) -> pd.DataFrame | None:
    """One row per reader and image: `KEYS` and the code of each label, ``label_<name>``; None where there are none."""
    if listing.votes is None:
        return None
    votes = listing.votes
    columns = {
        f"label_{metric_name(name)}": votes["labels"].str[place] for place, name in enumerate(listing.label_names)
    }
    return pd.DataFrame(
        {
            "image": salted_hashes(votes["path"].to_list(), salt),
            "study": salted_hashes(votes["study"].to_list(), salt),
            "reader": votes["reader"].to_numpy(),
            "role": votes["role"].to_numpy(),
            **{name: values.to_numpy("int8") for name, values in columns.items()},
        }
    )


def without_votes(listing: Listing, withdrawn: Collection[str], salt: bytes) -> Listing:
    """The listing without votes on images of these patients (hashes)."""
    if listing.votes is None or not withdrawn:
        return listing
    is_gone = np.isin(salted_hashes(listing.rows["patient"].to_list(), salt), list(withdrawn))
    return replace(listing, votes=listing.votes[~listing.votes["path"].isin(listing.rows["path"][is_gone])])


def keep_votes(listing: Listing, salt: bytes, store: Path) -> None:
    """Writes `votes_of` beside the store, unless it is there already, or there are none."""
    path = store.with_suffix(SUFFIX)
    votes = None if path.exists() else votes_of(listing, salt)
    if votes is not None:
        with new_file(path) as part:
            votes.to_parquet(part, index=False)


def kept_votes(results: Path, dataset: str, images: pd.Series) -> pd.DataFrame | None:
    """The votes on these images, from the table beside whichever store of the data set has them all; else None."""
    for path in sorted((results / "stores").glob(f"{dataset}-*px-*{SUFFIX}")):
        votes = pd.read_parquet(path)
        if images.isin(votes["image"]).all():
            return votes[votes["image"].isin(images)].reset_index(drop=True)
    return None
