"""How many images of a store have copies, by where they are and whose they are: counts that identify nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from trainables.data.splits import SPLITS
from trainables.data.store import Store

SAME, OTHER = "the same patient's", "another patient's"
DESCRIBED = (
    "first_split", "second_split", "first_image", "second_image", "first_patient", "second_patient", "whose",
    "labels_differ",
)  # fmt: skip


def described(pairs: pd.DataFrame, store: Store) -> pd.DataFrame:
    """`trainables.data.copies.copies_in` with the split, the hashed names and patients of both images, whose the second
    one is, and whether their labels differ.

    The first image of a pair is the one in the earlier split: training before validation before test.
    """
    first, second = pairs["first"].to_numpy(np.int64), pairs["second"].to_numpy(np.int64)
    order = {split: number for number, split in enumerate(SPLITS)}
    rank_N = np.array([order[split] for split in store.split.tolist()], dtype=np.int64)
    is_turned = rank_N[first] > rank_N[second]
    first, second = np.where(is_turned, second, first), np.where(is_turned, first, second)
    columns: dict[str, Any] = {"first": first, "second": second}
    for name, values in (("split", store.split), ("image", store.image_id), ("patient", store.patient)):
        columns |= {f"first_{name}": values[first], f"second_{name}": values[second]}
    columns["whose"] = np.where(store.patient[first] == store.patient[second], SAME, OTHER)
    columns["labels_differ"] = (store.labels[first] != store.labels[second]).any(axis=1)
    return pairs.assign(**columns)


def counts(copies: pd.DataFrame) -> list[dict[str, Any]]:
    """One entry per kind, pair of splits and owner: the images of the later split that have a copy in the earlier one
    (within a split: all that have one), their patients, and the pairs with other labels. Across splits comes first.

    Args:
        copies: as `described` gives them.
    """
    if copies.empty:
        return []
    entries = []
    for (first, second, kind, whose), pairs in copies.groupby(["first_split", "second_split", "kind", "whose"]):
        ends = ("second",) if first != second else ("first", "second")
        images = pd.concat([pairs[f"{end}_image"] for end in ends])
        patients = pd.concat([pairs[f"{end}_patient"] for end in ends])
        entries.append(
            {
                "kind": str(kind),
                "split": str(second),
                "copied_in": str(first),
                "whose": str(whose),
                "num_images": int(images.nunique()),
                "num_patients": int(patients.nunique()),
                "num_pairs": len(pairs),
                "num_labels_differ": int(pairs["labels_differ"].sum()),
            }
        )
    order = {split: number for number, split in enumerate(SPLITS)}
    return sorted(
        entries,
        key=lambda entry: (
            not crosses(entry), -order[entry["split"]], order[entry["copied_in"]], entry["kind"], entry["whose"]
        ),
    )  # fmt: skip


def crosses(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of `counts` counts copies in another split."""
    return bool(entry["split"] != entry["copied_in"])


def in_words(entry: Mapping[str, Any]) -> str:
    """An entry of `counts` as a clause.

    >>> in_words({"kind": "identical", "split": "test", "copied_in": "train", "whose": OTHER, "num_images": 3,
    ...           "num_patients": 2, "num_pairs": 3, "num_labels_differ": 1})
    "3 test images of 2 patients have an identical one of another patient's in train (1 of 3 pairs with other labels)"
    """
    number, patients = entry["num_images"], entry["num_patients"]
    article = "an" if entry["kind"] == "identical" else "a"
    labels = entry["num_labels_differ"]
    of_pairs = f"{labels} of {entry['num_pairs']} pair{'s' * (entry['num_pairs'] > 1)}"
    return (
        f"{number} {entry['split']} image{'s' * (number > 1)} of {patients} patient{'s' * (patients > 1)} "
        f"{'have' if number > 1 else 'has'} {article} {entry['kind']} one of {entry['whose']} in {entry['copied_in']}"
        + (f" ({of_pairs} with other labels)" if labels else "")
    )
