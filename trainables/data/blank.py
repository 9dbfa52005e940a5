"""Blank stores: every row of a data set and no picture, for a plan, which asks how many images there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainables.data.dataset import Dataset
from trainables.data.listing import NEGATIVE, POSITIVE, Listing
from trainables.data.splits import split_rows
from trainables.data.store import Store, salted_hashes
from trainables.data.withdrawn import kept_rows, unnamed

NOWHERE = Path("blank")  # the path of a store that is in no file


def blank_store(
    listing: Listing,
    *,
    image_size_px: int,
    salt: bytes,
    is_official_split: bool = False,
    validation_share: float | None = None,
    held_out: str | None = None,
    withdrawn: Collection[str] = (),
) -> Store:
    """What `trainables.data.store_making.prepare` would make of `listing`, but for the pixels: no image is opened.

    Raises:
        ValueError: too few patients for three splits, a finding that cannot be held out, an impossible share, or every
            patient has withdrawn.
    """
    listing, rows = split_rows(listing, 0, is_official_split, validation_share, held_out)
    rows["patient"] = salted_hashes(rows["patient"].to_list(), salt)
    num_rows, rows = len(rows), kept_rows(rows, withdrawn, listing.dataset)
    left_out = listing.left_out.to_numpy().tolist()
    columns = {name: rows[name].to_numpy() for name in ("view", "sex", "split", "train_rank")}
    columns["labels"] = np.stack(rows["labels"].to_list())
    columns["age_years"] = rows["age_years"].to_numpy(np.float32)
    columns["patient"] = rows["patient"].to_numpy(str)
    columns["image_id"] = np.array(salted_hashes(rows["path"].to_list(), salt))
    facts = {
        "dataset": listing.dataset,
        "task": listing.task,
        "label_names": listing.label_names,
        "channels": listing.channels,
        "is_phantom": listing.is_phantom,
        "held_out": held_out or "",
        "left_out": left_out if len(rows) == num_rows else unnamed(left_out),
    }
    return _without_pixels(facts, columns, image_size_px)


def store_of_the_papers_size(dataset: Dataset, image_size_px: int) -> Store:
    """As many blank images as Table II counts in each split, one per patient, whose labels take turns.

    Raises:
        ValueError: Table II does not have the data set.
    """
    if not dataset.split_counts:
        raise ValueError(f"the paper's Table II does not count {dataset.name}: give --data DIR with its images")
    split = np.repeat(list(dataset.split_counts), list(dataset.split_counts.values()))
    numbers = np.arange(len(split))
    turns = (numbers % len(dataset.label_names)).astype(np.int8)
    is_shown = turns[:, None] == np.arange(len(dataset.label_names))
    as_codes = np.where(is_shown, POSITIVE, NEGATIVE).astype(np.int8)
    is_train = split == "train"
    columns: dict[str, NDArray[Any]] = {
        "labels": turns[:, None] if dataset.task == "multiclass" else as_codes,
        "patient": numbers.astype(str),
        "image_id": numbers.astype(str),
        "view": np.full(len(split), ""),
        "sex": np.full(len(split), ""),
        "age_years": np.full(len(split), np.nan, np.float32),
        "split": split,
        "train_rank": np.where(is_train, np.cumsum(is_train) - 1, -1),
    }
    facts = {
        "dataset": dataset.name,
        "task": dataset.task,
        "label_names": dataset.label_names,
        "channels": dataset.channels,
        "is_phantom": False,
        "held_out": "",
        "left_out": [],
    }
    return _without_pixels(facts, columns, image_size_px)


def _without_pixels(facts: Mapping[str, Any], columns: Mapping[str, NDArray[Any]], image_size_px: int) -> Store:
    """All images are one piece of noise, which takes the memory of a single one."""
    noise = np.random.default_rng(0).integers(0, 256, (1, image_size_px, image_size_px, facts["channels"]), np.uint8)
    images = np.broadcast_to(noise, (len(columns["labels"]), *noise.shape[1:]))
    known = {**facts, "image_size_px": image_size_px, "fingerprint": "", "split_fingerprint": ""}
    return Store(NOWHERE, known, columns, [images])
