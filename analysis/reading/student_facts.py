"""What a recorded student takes, and what its answers mean."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from analysis.reading import artifacts, predictions
from analysis.reading.chosen import Chosen


@dataclass(frozen=True, kw_only=True)
class StudentFacts:
    """What a program must know to ask a student."""

    architecture: str
    task: str  # "multiclass" or "multilabel"
    label_names: tuple[str, ...]
    image_size_px: int
    channels: int  # 1 grey or 3 colours
    precision: str  # in which it was scored


def facts_of(choice: Chosen, results: Path, channels: int | None = None) -> StudentFacts:
    """From the prepared data set in the folder `results`; if that is gone, from the run and its sweep in MLflow.

    Args:
        channels: of the images, which MLflow does not say; used where the data set is gone.

    Raises:
        LookupError: the data set is gone, and `channels`, the labels or the predictions are missing, too.
    """
    fingerprint = str(choice.run["tags.data_fingerprint"])
    store = artifacts.store_of(results, fingerprint)
    tags = choice.runs.sweeps.reindex(columns=["tags.label_names"])["tags.label_names"].dropna().tolist()
    if store is not None:
        task, label_names, channels = store.task, store.label_names, store.channels
    else:
        scored = predictions.load(choice.runs.tracking_uri, choice.run)
        if channels is None or scored is None or not tags:
            raise LookupError(
                f"the prepared images (fingerprint {fingerprint}) are missing: say where with "
                "--results, or do without them by giving --channels 1 or 3 (this needs the run's predictions and its "
                f"sweep's label names in MLflow, too){artifacts.why_gone(results, fingerprint)}"
            )
        task, label_names = "multiclass" if scored.is_multiclass else "multilabel", tuple(json.loads(tags[-1]))
    return StudentFacts(
        architecture=str(choice.run["params.student"]),
        task=task,
        label_names=label_names,
        image_size_px=int(choice.run["params.image_size_px"]),
        channels=channels,
        precision=str(choice.run["params.precision"]),
    )
