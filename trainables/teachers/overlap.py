"""Whether a teacher has seen the images that it is to be judged by."""

from __future__ import annotations

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


def overlap(teacher: Teacher, store: Store, salt_fingerprint: str, *, any_is_tested: bool = False) -> str:
    """What of `store`'s test images the teacher was trained on, in words; "" where nothing is known to be.

    By patients where their hashes are known and made with the same salt; else by the name of the data set, all of which
    then counts as seen. With `any_is_tested`, every image of the store counts as a test image.
    """
    seen = teacher.seen
    if (seen.get("data", "real") == "phantom") != store.is_phantom:
        return ""
    source = str(seen.get("dataset", ""))
    if not share_patients(source, store.dataset):
        return ""
    if seen.get("patients") and seen.get("salt") == salt_fingerprint:
        test_patients = np.unique(store.patient if any_is_tested else store.patient[store.rows("test")])
        num_seen = int(np.isin(test_patients, list(seen["patients"])).sum())
        return f"the teacher {teacher.name} was trained on {num_seen} of {len(test_patients)} test patients" * bool(
            num_seen
        )
    return f"the teacher {teacher.name} was trained on {source}, which may hold the test patients of {store.dataset}"
