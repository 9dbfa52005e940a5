"""The images that an export is checked on, and whether its weights are those that were scored.

Shapes: B images of H x W pixels, C planes, L labels or classes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.reading import artifacts, predictions
from analysis.reading.chosen import Chosen

# Ours: a GPU's arithmetic moves a probability less than this, and the weights of another epoch or run more.
MAX_FROM_SCORES = 0.05


@dataclass(frozen=True, kw_only=True)
class CheckImages:
    """The images that the student is checked on, and what its outputs mean."""

    images_BHWC: NDArray[np.uint8]
    image_ids: tuple[str, ...]  # hashes; empty where the images are random
    task: str
    label_names: tuple[str, ...]
    what: str  # in words: how many images, and of which kind


def check_images(choice: Chosen, results: Path, num_images: int, channels: int | None) -> CheckImages:
    """Test images of the prepared data set, evenly spread; seeded random ones if it is gone.

    Raises:
        LookupError: the data set is gone, and `channels`, the labels or the predictions are missing, too.
    """
    store = artifacts.store_of(results, str(choice.run["tags.data_fingerprint"]))
    if store is None:
        return _random_images(choice, num_images, channels)
    rows = store.rows("test")
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(num_images, len(rows))).astype(int))]
    return CheckImages(
        images_BHWC=store.gather(rows),
        image_ids=tuple(store.image_id[rows]),
        task=store.task,
        label_names=store.label_names,
        what=f"{len(rows)} test images" + (" (phantoms)" if store.is_phantom else ""),
    )


def _random_images(choice: Chosen, num_images: int, channels: int | None) -> CheckImages:
    tags = choice.runs.sweeps.reindex(columns=["tags.label_names"])["tags.label_names"].dropna().tolist()
    scored = predictions.load(choice.runs.tracking_uri, choice.run)
    if channels is None or scored is None or not tags:
        raise LookupError(
            f"the prepared images (fingerprint {choice.run['tags.data_fingerprint']}) are missing: say where with "
            "--results, or export without them by giving --channels 1 or 3 (this needs the run's predictions and its "
            "sweep's label names in MLflow, too)"
        )
    size = int(choice.run["params.image_size_px"])
    rng = np.random.default_rng(0)
    return CheckImages(
        images_BHWC=rng.integers(0, 256, (num_images, size, size, channels), dtype=np.uint8),
        image_ids=(),
        task="multiclass" if scored.is_multiclass else "multilabel",
        label_names=tuple(json.loads(tags[-1])),
        what=f"{num_images} seeded random images, since the prepared ones are gone",
    )


def distance_from_scores(choice: Chosen, check: CheckImages, probabilities_BL: NDArray[np.float32]) -> float | None:
    """The largest distance from the predictions that the run's test scores rest on; None if none can be compared.

    Raises:
        ValueError: it is so large that the weights cannot be those that were scored.
    """
    scored = predictions.load(choice.runs.tracking_uri, choice.run)
    if scored is None:
        return None
    place = {image: row for row, image in enumerate(scored.images["image"])}
    pairs = [(row, place[image]) for row, image in enumerate(check.image_ids) if image in place]
    if not pairs:
        return None
    ours, theirs = (list(rows) for rows in zip(*pairs, strict=True))
    distance = float(np.abs(probabilities_BL[ours] - scored.probabilities_NL[theirs]).max())
    if not distance < MAX_FROM_SCORES:
        raise ValueError(
            f"the weights must be those that were scored, within {MAX_FROM_SCORES} of the run's own predictions, but "
            f"differ by {distance:.3g} on {len(pairs)} test images; nothing is written"
        )
    return distance
