"""Copies among the prepared images: looked for once per store, listed beside it, and counted for the record.

The list has the files' names and stays in the results folder; MLflow and the report get counts alone.
"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from platform.sources.places import Places
from trainables.atomic import write_bytes
from trainables.data.copies import COLUMNS, copies_in
from trainables.data.copy_counts import DESCRIBED, counts, crosses, described, in_words
from trainables.data.listing import Listing
from trainables.data.near_pairs import TooManyAlikeError
from trainables.data.store import Store, salted_hashes

LIST_SUFFIX = ".copies-1.csv"  # raise the number with any change of what counts as a copy
NOT_SEARCHED = "not searched: "  # the first line of a list that could not be made, before the reason
PATHS = ("first_path", "second_path")
NUM_NAMED = 10  # pairs across splits that are printed by name; the list has them all
TAG = "copies"  # of the sweep's run in MLflow


def list_of(store: Store) -> Path:
    """Where the copies of a store are listed: beside it."""
    return store.path.with_suffix(LIST_SUFFIX)


def list_copies(store: Store, listing: Listing, places: Places) -> None:
    """Lists the store's copies beside it, unless they are listed already; the store itself is not changed.

    Args:
        listing: what the store was made of, for the files' names.
    """
    path = list_of(store)
    if path.exists():
        return
    try:
        copies = described(copies_in(store), store)
    except TooManyAlikeError as error:
        return write_bytes(path, f"{NOT_SEARCHED}{error}\n".encode())
    names = listing.rows["path"].to_list()
    path_of = dict(zip(salted_hashes(names, places.salt()), names, strict=True))
    named = {name: copies[name.replace("path", "image")].map(path_of) for name in PATHS}
    shown = copies.assign(**named)[[*PATHS, *COLUMNS[2:], *DESCRIBED]]
    write_bytes(path, shown.to_csv(index=False, lineterminator="\n", float_format="%.4f").encode())


def lines(store: Store) -> list[str]:
    """What to tell the person who prepares: what was found, the pairs across splits by name, and where the list is.

    [] where nobody has looked.
    """
    path = list_of(store)
    if not path.exists():
        return []
    if reason := _not_searched(path):
        return [f"  WARNING: copies of images were {reason}"]
    copies = _read(path)
    entries = counts(copies)
    if not entries:
        return ["  copies: no two images are identical or near-identical"]
    told = [f"  {'WARNING: ' if crosses(entry) else 'copies: '}{in_words(entry)}" for entry in entries]
    across = copies[copies["first_split"] != copies["second_split"]]
    named = [
        f"    {row.second_path} ({row.second_split}) is {row.kind} to {row.first_path} ({row.first_split})"
        for row in across.head(NUM_NAMED).itertuples()
    ]
    more = [f"    and {len(across) - NUM_NAMED} more pairs"] if len(across) > NUM_NAMED else []
    advice = ["  test scores may be too good: remove one image of each pair, or give both one patient"] if named else []
    return [*told, *named, *more, *advice, f"  all pairs by name: {path}"]


def tags(store: Store) -> dict[str, str]:
    """The tag of a sweep that counts the copies among its images; {} where nobody has looked."""
    path = list_of(store)
    if not path.exists():
        return {}
    reason = _not_searched(path)
    return {TAG: json.dumps({"not_searched": reason} if reason else {"counts": counts(_read(path))})}


def _read(path: Path) -> pd.DataFrame:
    texts = {name: str for name in DESCRIBED if name.endswith(("image", "patient"))}
    return pd.read_csv(path, dtype=texts, keep_default_na=False)


def _not_searched(path: Path) -> str:
    """Why there is no list; "" where there is one."""
    with path.open() as file:
        first = file.readline().strip()
    return first if first.startswith(NOT_SEARCHED) else ""
