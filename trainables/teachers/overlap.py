"""Whether a teacher has seen the images that it is to be judged by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from trainables.data.catalogue import share_patients
from trainables.data.store import Store
from trainables.teachers.shelf import Teacher


def unverifiable(teacher: Teacher) -> str:
    """The warning about a teacher whose training data only its maker vouches for; "" for any other."""
    if not teacher.trained_on:
        return ""
    return (
        f"the teacher {teacher.name} was trained on {teacher.trained_on!r}, as its maker says: whether the test "
        "patients are among them cannot be checked"
    )


def sets_seen(seen: Mapping[str, Any]) -> dict[str, list[str]]:
    """The data sets that a teacher was trained on -> the hashes of their patients, none where only the name is known.

    >>> sets_seen({"dataset": "retina", "patients": ["p1"], "datasets": {"chexpert": []}})
    {'retina': ['p1'], 'chexpert': []}
    """
    last = {str(seen["dataset"]): list(seen.get("patients", []))} if seen.get("dataset") else {}
    return {**last, **{name: patients for name, patients in seen.get("datasets", {}).items() if name not in last}}


def overlap(teacher: Teacher, store: Store, salt_fingerprint: str, *, any_is_tested: bool = False) -> str:
    """What of `store`'s test images the teacher was trained on, in words; "" where nothing is known to be.

    By patients where their hashes are known and made with the same salt; else by the name of the data set, all of which
    then counts as seen. With `any_is_tested`, every image of the store counts as a test image.
    """
    seen = teacher.seen
    if (seen.get("data", "real") == "phantom") != store.is_phantom:
        return ""
    shared = {name: known for name, known in sets_seen(seen).items() if share_patients(name, store.dataset)}
    names = [name for name, known in shared.items() if not known or seen.get("salt") != salt_fingerprint]
    if names:
        return (
            f"the teacher {teacher.name} was trained on {' and '.join(names)}, "
            f"which may hold the test patients of {store.dataset}"
        )
    test_patients = np.unique(store.patient if any_is_tested else store.patient[store.rows("test")])
    num_seen = int(np.isin(test_patients, [patient for known in shared.values() for patient in known]).sum())
    if not num_seen:
        return ""
    return f"the teacher {teacher.name} was trained on {num_seen} of {len(test_patients)} test patients"
