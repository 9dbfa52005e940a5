"""What a trained teacher has seen: the images that it was trained on, and all that its first weights had."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from platform.sweeping.trained_teacher import seen_with
from trainables.teachers.overlap import sets_seen

STORE: Any = SimpleNamespace(dataset="retina", is_phantom=False, fingerprint="d", split_fingerprint="s")


def sets(before: dict[str, Any] | None) -> dict[str, list[str]]:
    origin: Any = None if before is None else SimpleNamespace(seen=before)
    return sets_seen(seen_with(STORE, {"p2", "p1"}, origin, "salt"))


def test_without_an_origin_it_is_the_training_data_alone() -> None:
    seen = seen_with(STORE, {"p2", "p1"}, None, "salt")
    assert seen["patients"] == ["p1", "p2"] and (seen["data"], seen["salt"]) == ("real", "salt")
    assert sets_seen(seen) == {"retina": ["p1", "p2"]}


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ({}, {"retina": ["p1", "p2"]}),
        ({"dataset": "imagenet", "split": "train"}, {"retina": ["p1", "p2"], "imagenet": []}),
        (
            {"dataset": "chexpert", "patients": ["q"], "salt": "salt", "datasets": {"mimic-cxr": []}},
            {"retina": ["p1", "p2"], "chexpert": ["q"], "mimic-cxr": []},
        ),
        # Hashes of another salt cannot be compared: what is left of them is the name.
        ({"dataset": "chexpert", "patients": ["q"], "salt": "pepper"}, {"retina": ["p1", "p2"], "chexpert": []}),
        ({"dataset": "retina", "patients": ["p3", "p1"], "salt": "salt"}, {"retina": ["p1", "p2", "p3"]}),
        ({"datasets": {"retina": []}}, {"retina": []}),  # any patient of it may have been seen
        ({"dataset": "chexpert", "patients": ["q"], "salt": "salt", "data": "phantom"}, {"retina": ["p1", "p2"]}),
    ],
)
def test_what_the_first_weights_had_seen_is_seen(before: dict[str, Any], expected: dict[str, list[str]]) -> None:
    assert sets(before) == expected
