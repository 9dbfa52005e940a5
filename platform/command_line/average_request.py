"""The request for networks with averaged weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from platform.command_line.image_requests import TrackingRequest
from platform.command_line.option import MACHINES, option
from platform.command_line.values import plain_name, positive_int
from trainables.knob import QUESTION


@dataclass(frozen=True, kw_only=True)
class WeightAverageRequest(TrackingRequest):
    """One network per cell with the mean of its repeats' weights, scored on the test set."""

    KIND: ClassVar[str] = "weight-average"

    dataset: str = option("data set that the students learned", heading=QUESTION, parse=plain_name, metavar="NAME")
    sweep: str | None = option(
        "only the students of this sweep", default=None, heading=QUESTION, parse=plain_name, metavar="NAME"
    )
    results: Path | None = option(
        "the sweep's results, with mlflow.db and the prepared images",
        default=None,
        default_in_words="where mlflow.db is, or TRANSFER_RESULTS, or results",
        heading=MACHINES,
        parse=Path,
        metavar="DIR",
    )
    batch_size: int = option(
        "images that a network is asked about at once",
        default=128,
        heading=MACHINES,
        parse=positive_int,
        metavar="N",
    )
